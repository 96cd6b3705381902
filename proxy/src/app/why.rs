//! Which rule answers this URL, and why do the others not?
use crate::cli::Why;
use anyhow::Result;
use std::process::ExitCode;
pub fn why(_asked: &Why) -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
