//! What has this request learned so far?

pub mod attempts;
pub mod id;
pub mod kind;
