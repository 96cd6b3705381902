//! How do objects arrive?

pub mod directory;
