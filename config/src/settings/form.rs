//! What sorts of value does a setting take, and how is each written?

use super::network::Network;
use crate::hostname::Hostname;
use crate::name::ObjectName;
use crate::size;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// A sort of value that a setting can have.
pub(super) trait Form: Sized {
    /// What would be right, for an error and for the documentation.
    const FORM: &'static str;

    /// The error says what is wrong with `raw`, as the rest of a sentence that begins with it.
    fn parse(raw: &str) -> Result<Self, String>;
}

/// Any text at all; somebody else judges it.
impl Form for String {
    const FORM: &'static str = "text";

    fn parse(raw: &str) -> Result<String, String> {
        Ok(raw.to_owned())
    }
}

impl Form for bool {
    const FORM: &'static str = "true or false";

    fn parse(raw: &str) -> Result<bool, String> {
        match raw {
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err("is neither".to_owned()),
        }
    }
}

/// `off` and `required`; editors that think in YAML 1.1 write `off` as false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    Off,
    Required,
}

impl Form for Demand {
    const FORM: &'static str = "off or required";

    fn parse(raw: &str) -> Result<Demand, String> {
        match raw {
            "off" | "false" => Ok(Demand::Off),
            "required" => Ok(Demand::Required),
            "on" | "true" | "optional" | "auto" => {
                Err("is not an answer; whether it comes is never guessed".to_owned())
            }
            _ => Err("is neither".to_owned()),
        }
    }
}

impl Form for super::AccessLogFormat {
    const FORM: &'static str = "json, common or off";

    fn parse(raw: &str) -> Result<Self, String> {
        match raw {
            "json" => Ok(Self::Json),
            "common" => Ok(Self::Common),
            "off" | "false" => Ok(Self::Off),
            _ => Err("is not a format of the access log".to_owned()),
        }
    }
}

/// A part of the whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share(pub f64);

impl Form for Share {
    const FORM: &'static str = "number from 0.0 to 1.0";

    fn parse(raw: &str) -> Result<Share, String> {
        match raw.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Share(share)),
            Ok(_) => Err("is not between 0 and 1".to_owned()),
            Err(_) => Err("is not a number".to_owned()),
        }
    }
}

/// How many series there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Series(pub usize);

/// Fewer would not even hold the metrics that no route has a part in.
const SERIES_MIN: usize = 200;
const SERIES_MAX: usize = 1_000_000;

impl Form for Series {
    const FORM: &'static str = "number from 200 to 1000000";

    fn parse(raw: &str) -> Result<Series, String> {
        match raw.parse() {
            Ok(number) if (SERIES_MIN..=SERIES_MAX).contains(&number) => Ok(Series(number)),
            Ok(_) => Err("is out of its range".to_owned()),
            Err(_) => Err("is not a whole number".to_owned()),
        }
    }
}

/// A port that clients dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Port(pub u16);

impl Form for Port {
    const FORM: &'static str = "port from 1 to 65535";

    fn parse(raw: &str) -> Result<Port, String> {
        match raw.parse() {
            Ok(port) if port > 0 => Ok(Port(port)),
            _ => Err("is not a port".to_owned()),
        }
    }
}

impl Form for SocketAddr {
    const FORM: &'static str = "address and port, as in [::]:80 or 127.0.0.1:8080";

    fn parse(raw: &str) -> Result<SocketAddr, String> {
        parse_socket_address(raw)
    }
}

/// Parses an address with its port, as a listener has it; names are not looked up.
/// The error is the rest of a sentence that begins with the text.
pub fn parse_socket_address(raw: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = raw.parse() {
        return Ok(address);
    }
    if raw.parse::<u16>().is_ok() {
        return Err(format!(
            "is a port alone; write [::]:{raw} for every address"
        ));
    }
    match raw.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => return Err("is an address without a port".to_owned()),
        Ok(IpAddr::V6(_)) => {
            let hint =
                "is an IPv6 address without a port; with one it is in brackets, as in [::1]:80";
            return Err(hint.to_owned());
        }
        Err(_) => (),
    }
    let Some((host, port)) = raw.rsplit_once(':') else {
        return Err("is not an address and a port".to_owned());
    };
    if port.parse::<u16>().is_err() {
        return Err("has no port from 0 to 65535 behind its last colon".to_owned());
    }
    match host {
        "" | "*" => Err(format!(
            "has no address; write [::]:{port} for every address"
        )),
        "localhost" => Err(format!(
            "is a name, and names are not looked up; write 127.0.0.1:{port} or [::1]:{port}"
        )),
        _ if host.parse::<IpAddr>().is_ok() => Err(format!(
            "is an IPv6 address without brackets; write [{host}]:{port}"
        )),
        _ if Hostname::parse(host).is_ok() => {
            Err("is a name, and names are not looked up; write the address".to_owned())
        }
        _ => Err("is not an address and a port".to_owned()),
    }
}

impl Form for IpAddr {
    const FORM: &'static str = "address, as in 192.168.0.40";

    fn parse(raw: &str) -> Result<IpAddr, String> {
        raw.parse().map_err(|_| "is not an IP address".to_owned())
    }
}

impl Form for Network {
    const FORM: &'static str = "network, as in 198.51.100.0/24, or an address";

    fn parse(raw: &str) -> Result<Network, String> {
        Network::parse(raw).map_err(|error| error.to_string())
    }
}

impl Form for PathBuf {
    const FORM: &'static str = "path";

    fn parse(raw: &str) -> Result<PathBuf, String> {
        if raw.is_empty() || raw.contains('\0') {
            return Err("is not a path".to_owned());
        }
        Ok(PathBuf::from(raw))
    }
}

impl Form for ObjectName {
    const FORM: &'static str = "namespace/name";

    fn parse(raw: &str) -> Result<ObjectName, String> {
        let (namespace, name) = raw
            .split_once('/')
            .ok_or_else(|| "names no namespace".to_owned())?;
        if !is_label(namespace) || !is_object_name(name) {
            return Err("is not a namespace and a name of Kubernetes".to_owned());
        }
        Ok(ObjectName::new(namespace, name))
    }
}

/// The name of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Namespace(pub String);

impl Form for Namespace {
    const FORM: &'static str = "name of a namespace";

    fn parse(raw: &str) -> Result<Namespace, String> {
        match is_label(raw) {
            true => Ok(Namespace(raw.to_owned())),
            false => Err("is not a name that Kubernetes gives a namespace".to_owned()),
        }
    }
}

/// Labels that a namespace must have. The API server has the last word on its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelSelector(pub String);

impl Form for LabelSelector {
    const FORM: &'static str = "label selector";

    fn parse(raw: &str) -> Result<LabelSelector, String> {
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=!,() ".contains(&byte);
        let raw = raw.trim();
        match !raw.is_empty() && raw.bytes().all(is_right) {
            true => Ok(LabelSelector(raw.to_owned())),
            false => Err("is not a selector such as edge=yes".to_owned()),
        }
    }
}

/// The name of an IngressClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClassName(pub String);

impl Form for ClassName {
    const FORM: &'static str = "name of an IngressClass";

    fn parse(raw: &str) -> Result<ClassName, String> {
        match is_object_name(raw) {
            true => Ok(ClassName(raw.to_owned())),
            false => Err("is not a name that Kubernetes gives an IngressClass".to_owned()),
        }
    }
}

/// A name or `*.suffix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suffix(pub String);

impl Form for Suffix {
    const FORM: &'static str = "host name, or a suffix as in *.home.lan";

    fn parse(raw: &str) -> Result<Suffix, String> {
        match Hostname::parse(raw) {
            Ok(name) => Ok(Suffix(name.to_string())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// RFC 1123 label, as namespaces are named.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// RFC 1123 subdomain, as most objects are named: labels and dots, at most 253 characters.
pub(super) fn is_object_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Text for an error, in the quotes that every problem uses, and not longer than a line.
pub(super) fn quoted(raw: &str) -> String {
    const CHARS_MAX: usize = 80;
    match raw.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => {
            let head = raw.get(..cut).unwrap_or_default();
            format!("`{}...`", head.escape_debug())
        }
        None => format!("`{}`", raw.escape_debug()),
    }
}

/// The size of a settings file that is still read; bytes. A ConfigMap holds 1 MiB (Kubernetes, "ConfigMaps: Motivation").
pub(super) const FILE_BYTES_MAX: usize = 1 << 20;

pub(super) fn too_large(bytes: usize) -> String {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    format!("the file has {} bytes", size::format(bytes))
}
