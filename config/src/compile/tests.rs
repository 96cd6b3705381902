//! Does compilation resolve every name?
