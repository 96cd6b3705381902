//! What does the whole program do, as its user sees it?

mod drain;
mod first_light;
mod grpc;
mod harness;
mod http_route;
mod load;
mod protocols;
mod reload;
mod routing;
mod settings_reload;
mod streams;
mod tidy;
mod tls;
