//! What does the whole program do, as its user sees it?

mod first_light;
mod harness;
mod hostile;
mod tidy;
