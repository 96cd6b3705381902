//! What stands in the access log of a story's edge?

use crate::client;
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

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
        self.0.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
