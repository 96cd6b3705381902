//! Does a client on a real socket get what it should, whatever it sends?

mod caps;
mod drain;
mod h1;
mod h2;
mod listeners;
mod pipelines;
mod probe;
mod proxy_protocol;
mod refusals;
mod support;
mod tls;
mod upgrade;
