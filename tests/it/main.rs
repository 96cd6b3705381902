//! What does the whole program do, as its user sees it?

mod client_address;
mod first_bytes;
mod first_light;
mod grpc;
mod harness;
mod headers;
mod protocols;
mod proxy_protocol;
mod retries;
mod settings_reload;
mod streams;
mod tidy;
mod timeouts;
mod untouched;
mod uploads;
