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
mod refused;
mod reload;
mod routing;
mod settings_reload;
mod streams;
mod tidy;
mod tls;
mod untouched;
mod uploads;
