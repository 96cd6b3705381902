//! How does the program speak, even if nobody listens any more?
//!
//! A reader that left (`hedgerow check | head`) is no failure: what could not be written is dropped.

use anyhow::{Context, Result};
use std::io::{self, ErrorKind, Write};

/// To standard output: what is told by the way.
pub fn out(text: &str) {
    let _ = answer(text);
}

/// To standard output: what was asked for. A full disk is an error: a tool must not take half a document for the whole.
pub fn answer(text: &str) -> Result<()> {
    match write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("the answer cannot be written to standard output")
        }
        _ => Ok(()),
    }
}

fn write_all(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// To standard error: what is wrong, and what is told beside the answer.
pub fn err(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
