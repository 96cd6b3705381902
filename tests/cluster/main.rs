//! What does a real Kubernetes do to the edge, and does the test's cluster itself keep its word?
//!
//! `make e2e` runs this; alone: `cargo test --package hedgerow-tests --test cluster`. The first run builds the programs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod answers;
mod canary;
mod conditions;
mod controllers;
mod credentials;
mod ends;
mod events;
mod full_disk;
mod last_good;
mod leader;
mod load;
mod manual_endpoints;
mod outages;
mod pace;
mod processes;
mod rbac;
mod report;
mod scope;
mod secrets;
mod source;
mod source_edge;
mod ways;
mod writes;
