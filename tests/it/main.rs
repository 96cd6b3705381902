//! What does the whole program do, as its user sees it?

mod first_bytes;
mod first_light;
mod grpc;
mod harness;
mod protocols;
mod settings_reload;
mod streams;
mod tidy;
