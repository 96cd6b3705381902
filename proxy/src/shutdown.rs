//! In which order do we stop?
