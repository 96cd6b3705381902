//! Which command was asked for, and how did it go?

use crate::app::{check, demo, run, say, version, why};
use crate::cli::{Cli, Command};
use std::process::ExitCode;

/// The edge or the demo did not start.
const FAILED: u8 = 1;
/// The question itself was wrong: as clap ends a wrong command line.
const USAGE: u8 = 2;

/// Does what the command line asks. An error is one `hedgerow: ...` on standard error.
pub fn run_command(cli: Cli) -> ExitCode {
    let (done, failed) = match cli.command {
        Command::Run(asked) => (run::run(asked), FAILED),
        Command::Demo(asked) => (demo::demo(&asked), FAILED),
        Command::Check(asked) => (check::check(&asked), USAGE),
        Command::Why(asked) => (why::why(&asked), USAGE),
        Command::Version => {
            say::out(&format!("{}\n", version::line()));
            return ExitCode::SUCCESS;
        }
    };
    done.unwrap_or_else(|error| {
        say::err(&format!("hedgerow: {error:#}\n"));
        ExitCode::from(failed)
    })
}
