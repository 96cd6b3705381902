//! Where does the program begin?

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    proxy::app::run_command(proxy::cli::Cli::parse())
}
