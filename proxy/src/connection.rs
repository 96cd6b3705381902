//! What does a client's connection know, and how does it live?

pub mod context;
