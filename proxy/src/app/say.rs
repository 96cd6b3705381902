//! How does the program speak, even if nobody listens any more?
//!
//! A reader that left (`hedgerow check | head`) is no failure: what could not be written is dropped.

use std::io::Write;

/// To standard output: what was asked for.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// To standard error: what is wrong, and what is told beside the answer.
pub fn err(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}
