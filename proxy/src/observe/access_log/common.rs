//! What does a request look like in the Common Log Format?
//!
//! `client - - [day/month/year:hour:minute:second zone] "method path protocol" status bytes`, as Apache's `%h %l %u %t \"%r\" %>s %b` writes it.

use super::escape::{push_common, push_formatted};
use super::{Record, without_query};

const METHOD_BYTES_MAX: usize = 32;
const PATH_BYTES_MAX: usize = 2048;

/// Appends the line with its line feed. The user's name is always `-`: credentials are not read.
pub fn write_line(line: &mut Vec<u8>, record: &Record<'_>) {
    let time = record.time.strftime("%d/%b/%Y:%H:%M:%S +0000");
    push_formatted(
        line,
        format_args!("{} - - [{time}] \"", record.client.to_canonical()),
    );
    push_common(line, record.method.as_bytes(), METHOD_BYTES_MAX);
    line.push(b' ');
    push_common(line, without_query(record.path.as_bytes()), PATH_BYTES_MAX);
    push_formatted(
        line,
        format_args!(" {}\" {:03} ", record.protocol, record.status),
    );
    if record.bytes_out == 0 {
        line.push(b'-');
    } else {
        push_formatted(line, format_args!("{}", record.bytes_out));
    }
    line.push(b'\n');
}
