//! How do objects arrive?

pub mod directory;

// In the order in which a file becomes objects.
mod debounce;
mod fields;
mod kinds;
mod manifest;
mod node;
mod yaml;
