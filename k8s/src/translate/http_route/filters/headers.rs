//! Which headers may a filter change, and how?

use super::{Asked, Wrong, wrong};
use crate::translate::findings::{Findings, quoted};
use config::model::{Filter, HeaderChange};
use config::problem::ProblemCode;
use http::{HeaderName, HeaderValue};

/// They frame the message or belong to one connection: changing them breaks the request, or smuggles another one (RFC 9110 §7.6.1,
/// RFC 9112 §6). `host` has a filter of its own.
pub(super) const FRAMING_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// The edge writes them anew for each request: who asks, and how often the request has come by here. A route that could take them away
/// could end the guard against loops, or tell a backend another client.
const RESERVED_HEADERS: &[&str] = &[
    "cdn-loop",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

pub(super) fn change<'a>(
    field: &str,
    set: impl Iterator<Item = (&'a String, &'a String)>,
    add: impl Iterator<Item = (&'a String, &'a String)>,
    remove: impl Iterator<Item = &'a String>,
) -> Result<HeaderChange, Wrong> {
    let mut change = HeaderChange::default();
    for (index, (name, value)) in set.enumerate() {
        let header = header(&format!(".{field}.set[{index}]"), name, value)?;
        // "the first entry with an equivalent name MUST be considered" (HTTPHeaderFilter.set).
        if !change.set.iter().any(|(other, _)| *other == header.0) {
            change.set.push(header);
        }
    }
    for (index, (name, value)) in add.enumerate() {
        let header = header(&format!(".{field}.add[{index}]"), name, value)?;
        if !change.add.iter().any(|(other, _)| *other == header.0) {
            change.add.push(header);
        }
    }
    for (index, name) in remove.enumerate() {
        let field = format!(".{field}.remove[{index}]");
        change.remove.push(header_name(&field, name)?);
    }
    Ok(change)
}

fn header(field: &str, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Wrong> {
    let name = header_name(&format!("{field}.name"), name)?;
    let value = HeaderValue::from_str(value).map_err(|_| {
        wrong(
            format!("{field}.value"),
            format!("{} cannot be sent in a header", quoted(value)),
            "visible ASCII, spaces and tabs",
        )
    })?;
    Ok((name, value))
}

fn header_name(field: &str, raw: &str) -> Result<HeaderName, Wrong> {
    let name = HeaderName::try_from(raw).map_err(|_| {
        wrong(
            field,
            format!("{} is not the name of a header", quoted(raw)),
            "a name as in X-Version",
        )
    })?;
    if FRAMING_HEADERS.contains(&name.as_str()) {
        return Err(wrong(
            field,
            quoted(raw),
            "a header that does not frame the message (for the host name there is URLRewrite)",
        ));
    }
    Ok(name)
}

/// Our own values of reserved headers are the last ones that are written, so what a filter says of them has no effect.
pub(super) fn without_reserved(
    mut filter: Filter,
    field: &str,
    asked: &Asked,
    findings: &mut Findings<'_>,
) -> Filter {
    let is_reserved = |name: &HeaderName| RESERVED_HEADERS.contains(&name.as_str());
    let (Filter::RequestHeaders(change), Some(asked)) =
        (&mut filter, &asked.request_header_modifier)
    else {
        return filter;
    };
    change.set.retain(|(name, _)| !is_reserved(name));
    change.add.retain(|(name, _)| !is_reserved(name));
    change.remove.retain(|name| !is_reserved(name));
    let set = asked.set.iter().flatten().map(|one| &one.name);
    let add = asked.add.iter().flatten().map(|one| &one.name);
    let set = set
        .enumerate()
        .map(|(at, name)| (format!("set[{at}].name"), name));
    let add = add
        .enumerate()
        .map(|(at, name)| (format!("add[{at}].name"), name));
    let remove = asked.remove.iter().flatten().enumerate();
    let remove = remove.map(|(at, name)| (format!("remove[{at}]"), name));
    for (part, name) in set.chain(add).chain(remove) {
        if RESERVED_HEADERS
            .iter()
            .any(|one| name.eq_ignore_ascii_case(one))
        {
            findings.warning(
                ProblemCode::InvalidField,
                &format!("{field}.requestHeaderModifier.{part}"),
                quoted(name),
                "a header that is not reserved; the edge writes its own value of this one last, so this entry is passed over",
            );
        }
    }
    filter
}
