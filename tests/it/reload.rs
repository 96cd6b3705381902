//! What?
