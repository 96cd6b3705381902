//! What does the whole program do, as its user sees it?

mod first_light;
mod grpc;
mod harness;
mod protocols;
mod streams;
mod tidy;
