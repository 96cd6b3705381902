//! How do objects arrive?

pub mod debounce;
pub mod fields;
pub mod kinds;
pub mod manifest;
pub mod node;
pub mod yaml;
