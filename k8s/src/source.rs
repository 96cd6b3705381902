//! How do objects arrive?

pub mod debounce;
pub mod directory;
pub mod fields;
pub mod kinds;
pub mod manifest;
pub mod node;
pub mod yaml;
