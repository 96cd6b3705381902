//! What does a client's connection know, and how does it live?

pub mod clock;
pub mod context;

pub use clock::{RequestClock, current_clock};
