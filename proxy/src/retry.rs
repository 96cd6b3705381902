//! Shall it be tried again?
