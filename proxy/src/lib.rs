//! What is the life of a request?

pub mod admin;
pub mod app;
pub mod cli;
pub mod client;
pub mod connection;
pub mod gateway;
pub mod listener;
pub mod live;
pub mod observe;
pub mod policy;
pub mod request;
pub mod response;
pub mod retry;
pub mod route;
pub mod runtime;
pub mod sanitise;
pub mod server;
pub mod shutdown;
pub mod tls;
pub mod upstream;
