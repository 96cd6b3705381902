//! How do the parts fit together?

mod ask_admin;
mod banner;
pub mod check;
pub mod demo;
mod log;
pub mod memory;
pub mod paint;
pub mod served;
mod say;
mod settings;
mod settings_file;
pub mod version;

use crate::cli::Cli;
use std::process::ExitCode;

/// Does what the command line asks.
pub fn run_command(_cli: Cli) -> ExitCode {
    ExitCode::SUCCESS
}
