//! What does the whole program do, as its user sees it?

mod cardinality;
mod client_address;
mod drain;
mod first_bytes;
mod first_light;
mod grpc;
mod harness;
mod headers;
mod hostile;
mod http_route;
mod load;
mod operator;
mod protocols;
mod proxy_protocol;
mod reload;
mod retries;
mod routing;
mod settings_reload;
mod settings_retry;
mod streams;
mod tidy;
mod timeouts;
mod tls;
mod untouched;
mod uploads;
