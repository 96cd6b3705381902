//! What does the whole program do, as its user sees it?

mod cardinality;
mod first_light;
mod harness;
mod hostile;
mod operator;
mod settings_reload;
mod tidy;
