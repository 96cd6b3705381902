//! What is the normal form of a path that a manifest writes?

use std::sync::Arc;

/// Parses the path of a rule; a prefix loses its trailing slashes. The error says what is wrong with it.
pub(super) fn parse_match(raw: &str, is_prefix: bool) -> Result<Arc<str>, String> {
    if !raw.starts_with('/') {
        return Err("does not begin with `/`".to_owned());
    }
    if raw
        .bytes()
        .any(|byte| byte <= b' ' || byte >= 0x7f || b"?#".contains(&byte))
    {
        return Err("has a character that paths do not have".to_owned());
    }
    if !is_prefix {
        return Ok(raw.into());
    }
    let cut = raw.trim_end_matches('/');
    Ok(if cut.is_empty() {
        "/".into()
    } else {
        cut.into()
    })
}
