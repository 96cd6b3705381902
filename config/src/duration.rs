//! How is a span of time written, in a manifest and in the settings?

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a duration as Gateway API writes them (GEP-2257): 1 to 4 numbers of up to 5 digits, each with its unit h, m, s or ms, as in 10s, 1m30s, 500ms"
)]
pub struct DurationError;

/// Parses the form of GEP-2257: `^([0-9]{1,5}(h|m|s|ms)){1,4}$`.
pub fn parse(raw: &str) -> Result<Duration, DurationError> {
    let mut rest = raw;
    let mut total_ms: u64 = 0;
    for _ in 0..4 {
        let digits_len = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits_len == 0 || digits_len > 5 {
            return Err(DurationError);
        }
        let (digits, after) = rest.split_at(digits_len);
        let (unit_ms, after) = split_unit(after).ok_or(DurationError)?;
        let number: u64 = digits.parse().map_err(|_| DurationError)?;
        total_ms += number * unit_ms;
        rest = after;
        if rest.is_empty() {
            return Ok(Duration::from_millis(total_ms));
        }
    }
    Err(DurationError)
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    for (unit, unit_ms) in [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if let Some(rest) = text.strip_prefix(unit) {
            return Some((unit_ms, rest));
        }
    }
    None
}

/// Writes a duration in the same form, as short as possible.
pub fn format(duration: Duration) -> String {
    let mut rest_ms = duration.as_millis();
    if rest_ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, unit_ms) in [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        let number = rest_ms / unit_ms;
        rest_ms %= unit_ms;
        if number > 0 {
            text.push_str(&number.to_string());
            text.push_str(unit);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_gateway_api_writes_them() {
        for (raw, ms) in [
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(raw), Ok(Duration::from_millis(ms)), "{raw}");
            assert_eq!(
                parse(&format(Duration::from_millis(ms))),
                Ok(Duration::from_millis(ms))
            );
        }
        for raw in [
            "",
            "10",
            "s",
            "1.5s",
            "-1s",
            "123456s",
            "1s1s1s1s1s",
            "1d",
            " 1s",
            "1s ",
        ] {
            assert_eq!(parse(raw), Err(DurationError), "{raw}");
        }
    }
}
