//! How do objects arrive?

pub mod cluster;
pub mod directory;

mod debounce;
mod fields;
mod kinds;
pub(crate) mod manifest;
mod node;
pub(crate) mod yaml;
