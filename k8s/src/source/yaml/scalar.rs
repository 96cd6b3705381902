//! Which value does a plain YAML scalar stand for?
//!
//! The rules are those of `sigs.k8s.io/yaml`, through which `kubectl` and the API server's clients read manifests, so that a file means
//! here what it means there. They differ from the core schema of YAML 1.2 in four points that are kept on purpose: bare `yes`, `no`, `on`,
//! `off`, `y` and `n` are booleans; a leading 0 is octal, `0b` binary; underscores in numbers are dropped; and floats without a fraction
//! become integers, since JSON knows no difference. Timestamps stay text. Infinity and not-a-number stay text too, because JSON has neither.

use super::super::node::Content;
use serde_json::Number;

/// The value of an untagged plain scalar.
pub fn plain(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Content::Bool(true);
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Content::Bool(false);
        }
        _ => {}
    }
    number(text).map_or_else(|| Content::Text(text.to_owned()), Content::Number)
}

/// The value of a scalar with a tag of the core schema (`!!int` is "int"). None: the text does not fit the tag, or the tag is not supported.
pub fn tagged(tag: &str, text: &str) -> Option<Content> {
    let value = plain(text);
    let fits = match tag {
        "str" | "timestamp" => return Some(Content::Text(text.to_owned())),
        "null" => matches!(value, Content::Null),
        "bool" => matches!(value, Content::Bool(_)),
        "int" => matches!(&value, Content::Number(number) if !number.is_f64()),
        "float" => matches!(value, Content::Number(_)),
        _ => false,
    };
    fits.then_some(value)
}

fn number(text: &str) -> Option<Number> {
    match text.as_bytes().first()? {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let plain = text.replace('_', "");
            integer(&plain).or_else(|| float(&plain))
        }
        _ => None,
    }
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    // The parsers of the standard library would take a second sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    if negative {
        return i64::from_str_radix(&format!("-{digits}"), radix)
            .ok()
            .map(Number::from);
    }
    u64::from_str_radix(digits, radix).ok().map(Number::from)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, which leaves out "inf", "nan" and hexadecimal floats.
fn float(text: &str) -> Option<Number> {
    let shape = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if !text.chars().all(shape) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // 2^53: up to here every integer has a float of its own.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        return format!("{value:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: serde_json::Value) {
        let content = plain(text);
        let found = match content {
            Content::Null => serde_json::Value::Null,
            Content::Bool(value) => value.into(),
            Content::Number(value) => value.into(),
            Content::Text(value) => value.into(),
            other => panic!("{text:?} became {other:?}"),
        };
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn plain_scalars_mean_what_kubectl_takes_them_for() {
        check("", json!(null));
        check("~", json!(null));
        check("nULL", json!("nULL"));
        check("yes", json!(true));
        check("Off", json!(false));
        check("oN", json!("oN"));
        check("80", json!(80));
        check("+80", json!(80));
        check("-1", json!(-1));
        check("8_0", json!(80));
        check("0x1F", json!(31));
        check("0o17", json!(15));
        check("0644", json!(420));
        check("0b11", json!(3));
        check("08", json!(8));
        check("--1", json!("--1"));
        check("+-1", json!("+-1"));
        check("0x-1", json!("0x-1"));
        check("80.0", json!(80));
        check("1e3", json!(1000));
        check(".5", json!(0.5));
        check("-0.25", json!(-0.25));
        check("1.2.3", json!("1.2.3"));
        check("10.0.0.1", json!("10.0.0.1"));
        check("18446744073709551615", json!(u64::MAX));
        check("1s", json!("1s"));
        check("8Mi", json!("8Mi"));
        check("-", json!("-"));
        check(".", json!("."));
        check(".inf", json!(".inf"));
        check("+inf", json!("+inf"));
        check("-infinity", json!("-infinity"));
        check("nan", json!("nan"));
        check("2001-12-14", json!("2001-12-14"));
        check("12:30", json!("12:30"));
        check("0", json!(0));
        check("-0", json!(0));
        check("1e400", json!("1e400"));
    }

    #[test]
    fn a_tag_decides_and_must_fit() {
        assert_eq!(tagged("str", "80"), Some(Content::Text("80".into())));
        assert_eq!(tagged("int", "80"), Some(Content::Number(80.into())));
        assert_eq!(tagged("int", "eighty"), None);
        assert_eq!(tagged("bool", "yes"), Some(Content::Bool(true)));
        assert_eq!(tagged("null", "x"), None);
        assert_eq!(tagged("binary", "aGk="), None);
    }
}
