//! What stands in the access log of a story's edge?

use crate::client::PATIENCE;
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The log is looked at this often while a story waits for a line.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Everything that was written to the access log.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

/// The edge's end of it.
pub struct LogWriter(Log);

impl Log {
    pub fn writer(&self) -> LogWriter {
        LogWriter(self.clone())
    }

    /// As it was written.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
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
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let lines = self.lines();
            if let Some(line) = lines.into_iter().find(|line| line[field] == value) {
                return line;
            }
            let is_late = tokio::time::Instant::now() > deadline;
            assert!(
                !is_late,
                "no line with {field} {value} in:\n{}",
                self.text()
            );
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
