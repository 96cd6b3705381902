//! What does the client get?

pub mod headers;
pub mod http10;
pub mod own;
pub mod page;
