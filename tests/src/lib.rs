//! How does a story about the whole program begin, and what may it use?
//!
//! A story starts peers and an edge, does what a user would do, and looks at what a user would see. Everything is real: sockets, TLS,
//! manifests in a directory. Nothing has a fixed port. A story looks like this:
//!
//! ```no_run
//! use tests::{edge::Edge, manifest, origin::{Fault, Origin}};
//!
//! # async fn story() {
//! let (a, b) = (Origin::start("a").await, Origin::start("b").await);
//! let edge = Edge::start(&manifest::join(&[
//!     manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
//!     manifest::service("web", 80, &[a.address, b.address]),
//! ])).await;
//! a.refuse().await;
//! let reply = edge.get("http://shop.test/").await;
//! assert_eq!((reply.status, reply.served_by()), (200, "b"));
//! edge.stop().await;
//! # }
//! ```
//!
//! - Stories are `#[tokio::test(flavor = "multi_thread")]` in `tests/it/<subject>.rs`, one `mod` line in `tests/it/main.rs` each.
//! - `edge`: `Edge::start` and its variants; `write`, `edit`, `remove` change manifests and return when the change is in force;
//!   `get`, `send`, `connect`, `connect_h2` ask; `admin`, `metric` are the operator's view; `log` is the access log, parsed.
//!   `stop` (or the drop) fails the story if a request was cut.
//! - `origin`: raw HTTP/1.1 backends whose answers depend on the path, with faults (`Origin::fail`, `refuse`, `accept_again`).
//!   `origin_h2`: h2c backends, gRPC with trailers. `origin_scripted`: every byte by the story itself. `origin_tls`: TLS before any of them.
//! - `unreachable`: an address that swallows connections. `own_answer`: what each answer of the edge itself must say, and where.
//! - `client`: raw HTTP/1.1 connections, `client::h2`, `client::websocket`. URLs name hosts; the address is always the edge's.
//! - `manifest`: Ingress, Service and EndpointSlice in one line. `authority`: certificates, and clients that trust them.
//! - `canary`: whether a private key stands in a text.
//! - `cluster`: a real Kubernetes, for stories in `tests/cluster/`. `story_source`: how the other stories run on one too.
//!
//! Waiting: `client::until`, `Edge::follow`, `Edge::until`, `Edge::until_metric`, `Log::line_with` and every client end with a failed story
//! after `client::PATIENCE`. A story never sleeps to let something happen; where time itself is what it is about, a comment says so.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod authority;
pub mod canary;
pub mod client;
pub mod cluster;
pub mod edge;
pub mod log;
pub mod manifest;
pub mod origin;
pub mod origin_h2;
pub mod origin_scripted;
pub mod origin_tls;
pub mod own_answer;
pub mod story_source;
pub mod unreachable;
