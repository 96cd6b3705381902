//! Where does configuration come from, and what do its objects mean?
//!
//! Kubernetes objects, from a directory of manifests or (later) an API server, become one set of `Objects`; translation turns them
//! into the model of `config`, and `control` compiles it and sends the result on. No pingora here.

pub mod control;
pub mod leader;
pub mod objects;
pub mod report;
#[cfg(test)]
mod sample;
pub mod source;
pub mod store;
pub mod translate;
