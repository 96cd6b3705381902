//! What is right: which settings, which routes, and why?
//!
//! Pure: no I/O, no async, no Kubernetes, no pingora. Everything here is a function of its arguments.

pub mod change;
pub mod compile;
pub mod diff;
pub mod digest;
pub mod duration;
pub mod explain;
pub mod hostname;
pub mod limits;
pub mod model;
pub mod name;
pub mod nearest;
pub mod path;
pub mod pattern;
pub mod problem;
pub mod public_name;
pub mod reason;
pub mod settings;
pub mod size;
pub mod snapshot;
