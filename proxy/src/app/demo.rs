//! What does a newcomer see in the first minute?

mod backends;
mod guide;
mod service;
mod site;
mod switch;
mod websocket;
