//! Under which key, and within which range, can each bound be set?

use super::{ATTEMPTS_MAX, HOLD_MAX, Limits};
use crate::{duration, size};
use std::time::Duration;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SECOND: u64 = 1000;
const DAY: u64 = 24 * 3600 * SECOND;
const HOLD_MAX_MS: u64 = HOLD_MAX.as_secs() * SECOND;
/// RFC 9113 §6.9.1: a flow-control window is at most 2^31-1 bytes. No edge of this size wants more than a part of it.
const WINDOW_BYTES_MAX: u64 = 16 * MIB;
/// RFC 9113 §6.9.2: a connection's window starts with this and can only grow.
const WINDOW_BYTES_FIRST: u64 = 65_535;

/// One bound: its key under `limits`, where it is kept, and what it may be.
pub struct Bound {
    /// In camelCase, the field's own name.
    pub key: &'static str,
    slot: fn(&mut Limits) -> Slot<'_>,
    /// Milliseconds, bytes or a number: the least and the most.
    range: (u64, u64),
}

enum Slot<'a> {
    Time(&'a mut Duration),
    Size(&'a mut usize),
    Size32(&'a mut u32),
    Count(&'a mut usize),
    Count32(&'a mut u32),
    /// By memory where nothing is set.
    Cap(&'a mut Option<usize>),
}

/// Every bound, in the order of `Limits`.
#[rustfmt::skip]
pub const BOUNDS: &[Bound] = &[
    bound("handshakeTimeout", |l| Slot::Time(&mut l.handshake_timeout), 100, 5 * 60 * SECOND),
    bound("headerTimeout", |l| Slot::Time(&mut l.header_timeout), 100, 5 * 60 * SECOND),
    bound("headerBytesMax", |l| Slot::Size(&mut l.header_bytes_max), KIB, MIB),
    bound("headerFieldsMax", |l| Slot::Count(&mut l.header_fields_max), 10, 1000),
    bound("targetBytesMax", |l| Slot::Size(&mut l.target_bytes_max), 256, MIB),
    bound("keepAliveIdle", |l| Slot::Time(&mut l.keep_alive_idle), SECOND, DAY),
    bound("bodyStallTimeout", |l| Slot::Time(&mut l.body_stall_timeout), SECOND, DAY),
    bound("writeStallTimeout", |l| Slot::Time(&mut l.write_stall_timeout), SECOND, DAY),
    bound("drainBodyTimeout", |l| Slot::Time(&mut l.drain_body_timeout), 0, 60 * SECOND),
    bound("h2StreamsMax", |l| Slot::Count32(&mut l.h2_streams_max), 1, 1000),
    bound("h2HeaderListBytesMax", |l| Slot::Size32(&mut l.h2_header_list_bytes_max), KIB, MIB),
    bound("h2StreamWindowBytes", |l| Slot::Size32(&mut l.h2_stream_window_bytes), KIB, WINDOW_BYTES_MAX),
    bound("h2ConnectionWindowBytes", |l| Slot::Size32(&mut l.h2_connection_window_bytes), WINDOW_BYTES_FIRST, WINDOW_BYTES_MAX),
    bound("connectionsMax", |l| Slot::Cap(&mut l.connections_max), 1, 1_000_000),
    bound("connectionsPerClientMax", |l| Slot::Cap(&mut l.connections_per_client_max), 1, 1_000_000),
    bound("requestsMax", |l| Slot::Cap(&mut l.requests_max), 1, 1_000_000),
    bound("connectTimeout", |l| Slot::Time(&mut l.connect_timeout), 1, 5 * 60 * SECOND),
    bound("responseTimeout", |l| Slot::Time(&mut l.response_timeout), 1, DAY),
    bound("idleTimeout", |l| Slot::Time(&mut l.idle_timeout), 1, DAY),
    bound("streamIdleTimeout", |l| Slot::Time(&mut l.stream_idle_timeout), 1, 30 * DAY),
    bound("upstreamKeepAliveIdle", |l| Slot::Time(&mut l.upstream_keep_alive_idle), 0, DAY),
    bound("attempts", |l| Slot::Count32(&mut l.attempts), 1, ATTEMPTS_MAX_U64),
    bound("hold", |l| Slot::Time(&mut l.hold), 0, HOLD_MAX_MS),
    bound("heldRequestsMax", |l| Slot::Count(&mut l.held_requests_max), 0, 10_000),
    bound("emptySetGrace", |l| Slot::Time(&mut l.empty_set_grace), 0, HOLD_MAX_MS),
    bound("lameDuck", |l| Slot::Time(&mut l.lame_duck), 0, 60 * 60 * SECOND),
    bound("drain", |l| Slot::Time(&mut l.drain), 0, DAY),
];

/// `ATTEMPTS_MAX` in the unit of the table; `u64::from` is not const.
const ATTEMPTS_MAX_U64: u64 = 10;
const _: () = assert!(ATTEMPTS_MAX == 10, "the same number twice");

const fn bound(
    key: &'static str,
    slot: fn(&mut Limits) -> Slot<'_>,
    least: u64,
    most: u64,
) -> Bound {
    Bound {
        key,
        slot,
        range: (least, most),
    }
}

impl Bound {
    pub fn find(key: &str) -> Option<&'static Bound> {
        BOUNDS.iter().find(|bound| bound.key == key)
    }

    /// Sets the bound from its text; the error says what is wrong with it.
    pub fn set(&self, limits: &mut Limits, raw: &str) -> Result<(), String> {
        let (least, most) = self.range;
        let number = match (self.slot)(limits) {
            Slot::Time(_) => millis(duration::parse(raw).map_err(|e| e.to_string())?),
            Slot::Size(_) | Slot::Size32(_) => size::parse(raw).map_err(|e| e.to_string())?,
            Slot::Count(_) | Slot::Count32(_) | Slot::Cap(_) => parse_count(raw)?,
        };
        if number < least || number > most {
            return Err("is out of its range".to_owned());
        }
        match (self.slot)(limits) {
            Slot::Time(time) => *time = Duration::from_millis(number),
            Slot::Size(slot) | Slot::Count(slot) => *slot = narrow(number)?,
            Slot::Size32(slot) | Slot::Count32(slot) => *slot = narrow(number)?,
            Slot::Cap(slot) => *slot = Some(narrow(number)?),
        }
        Ok(())
    }

    /// The bound as a settings file writes it. None: by memory.
    pub fn written(&self, limits: &Limits) -> Option<String> {
        let mut limits = limits.clone();
        Some(match (self.slot)(&mut limits) {
            Slot::Time(time) => duration::format(*time),
            Slot::Size(bytes) => size::format(u64::try_from(*bytes).unwrap_or(u64::MAX)),
            Slot::Size32(bytes) => size::format(u64::from(*bytes)),
            Slot::Count(number) => number.to_string(),
            Slot::Count32(number) => number.to_string(),
            Slot::Cap(number) => number.as_ref()?.to_string(),
        })
    }

    /// What sort of value it takes.
    pub fn form(&self) -> &'static str {
        match (self.slot)(&mut Limits::default()) {
            Slot::Time(_) => "duration",
            Slot::Size(_) | Slot::Size32(_) => "size",
            Slot::Count(_) | Slot::Count32(_) | Slot::Cap(_) => "number",
        }
    }

    /// The least and the most that it may be, as in `1s to 24h`.
    pub fn range(&self) -> String {
        let (least, most) = self.range;
        let write = |number| match self.form() {
            "duration" => duration::format(Duration::from_millis(number)),
            "size" => size::format(number),
            _ => number.to_string(),
        };
        format!("{} to {}", write(least), write(most))
    }

    /// Is it a time?
    pub fn is_time(&self) -> bool {
        self.form() == "duration"
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn parse_count(raw: &str) -> Result<u64, String> {
    if raw.is_empty() || !raw.bytes().all(|b| b.is_ascii_digit()) {
        return Err("is not a whole number".to_owned());
    }
    raw.parse().map_err(|_| "is out of its range".to_owned())
}

fn narrow<T: TryFrom<u64>>(number: u64) -> Result<T, String> {
    T::try_from(number).map_err(|_| "is out of its range".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_written_down_and_read_again() {
        for bound in BOUNDS {
            let Some(raw) = bound.written(&Limits::default()) else {
                continue;
            };
            let mut limits = Limits::default();
            assert_eq!(bound.set(&mut limits, &raw), Ok(()), "{}: {raw}", bound.key);
            assert_eq!(limits, Limits::default(), "{}: {raw}", bound.key);
        }
    }

    #[test]
    fn every_bound_is_kept_in_a_place_of_its_own() {
        let mut all = Limits::default();
        for bound in BOUNDS {
            let range = bound.range();
            let (least, most) = range
                .split_once(" to ")
                .map(|(l, m)| (l.to_owned(), m.to_owned()))
                .unwrap();
            let mut one = Limits::default();
            let raw = if bound.written(&one).as_ref() == Some(&most) {
                least
            } else {
                most
            };
            bound.set(&mut one, &raw).unwrap();
            bound.set(&mut all, &raw).unwrap();
            let changed: Vec<_> = BOUNDS
                .iter()
                .filter(|other| other.written(&one) != other.written(&Limits::default()))
                .map(|other| other.key)
                .collect();
            assert_eq!(changed, [bound.key]);
            assert_eq!(bound.written(&all), Some(raw));
        }
    }

    #[test]
    fn a_value_out_of_range_or_of_another_form_is_refused() {
        let before = Limits::default();
        for (key, raw, expected) in [
            ("hold", "31s", "is out of its range"),
            ("attempts", "0", "is out of its range"),
            ("attempts", "11", "is out of its range"),
            ("attempts", "three", "is not a whole number"),
            ("attempts", "+3", "is not a whole number"),
            ("attempts", "99999999999999999999", "is out of its range"),
            ("headerTimeout", "0s", "is out of its range"),
            (
                "headerBytesMax",
                "32k",
                "has a unit that could mean two things; write 32Ki (1,024-based) instead",
            ),
            ("h2StreamWindowBytes", "4Gi", "is out of its range"),
        ] {
            let mut limits = before.clone();
            let found = Bound::find(key).unwrap().set(&mut limits, raw);
            assert_eq!(found, Err(expected.to_owned()), "{key}: {raw}");
            assert_eq!(limits, before, "{key}: {raw}");
        }
    }
}
