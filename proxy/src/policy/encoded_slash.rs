//! Does the route refuse `%2F` in the path?

use super::Facts;
use config::path;
use config::reason::Reason;

pub(super) fn decide(facts: &Facts<'_>) -> Result<(), Reason> {
    if facts.route.refuse_encoded_slash && path::has_encoded_slash(facts.path) {
        return Err(Reason::BadPath);
    }
    Ok(())
}
