//! What stands in the access log of a story's edge?

use crate::client;
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};

/// Everything that was written to the access log.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    written: Mutex<Vec<u8>>,
    /// Nobody reads: whoever writes waits.
    is_stuck: Mutex<bool>,
    is_read_again: Condvar,
}

/// The edge's end of it.
pub struct LogWriter(Log);

impl Log {
    pub fn writer(&self) -> LogWriter {
        LogWriter(self.clone())
    }

    /// From now on each write waits, as into a pipe that nobody reads.
    pub fn stick(&self) {
        *self.0.is_stuck.lock().unwrap() = true;
    }

    /// Lets them go on.
    pub fn release(&self) {
        *self.0.is_stuck.lock().unwrap() = false;
        self.0.is_read_again.notify_all();
    }

    /// As it was written.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.written.lock().unwrap()).into_owned()
    }

    /// Whole lines, as JSON.
    pub fn lines(&self) -> Vec<Value> {
        let text = self.text();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .collect()
    }

    /// The first line whose field has that value; a line is written some time after its answer.
    pub async fn line_with(&self, field: &str, value: impl Into<Value>) -> Value {
        let value = value.into();
        client::until(async || {
            let mut lines = self.lines().into_iter();
            let found = lines.find(|line| line[field] == value);
            found.ok_or_else(|| format!("no line with {field} {value} in:\n{}", self.text()))
        })
        .await
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shared = &self.0.0;
        let is_stuck = shared.is_stuck.lock().unwrap();
        drop(
            shared
                .is_read_again
                .wait_while(is_stuck, |is_stuck| *is_stuck),
        );
        shared.written.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
