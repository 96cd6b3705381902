//! Does a wrong certificate never replace a good one?
