//! What does the whole program do, as its user sees it?

mod harness;
mod tidy;
