//! May it proceed?
