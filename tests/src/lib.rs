//! How does a story about the whole program begin, and what may it use?

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod authority;
pub mod client;
pub mod manifest;
pub mod origin;
pub mod origin_h2;
