//! Is the body as small as the route wants it?

use super::Facts;
use config::reason::Reason;
use http::header::CONTENT_LENGTH;

/// By the announced length; what is not announced is counted as it comes, see `exceeds`.
pub(super) fn decide(facts: &Facts<'_>) -> Result<(), Reason> {
    let announced = facts.request.headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok());
    // A number that u64 does not hold is larger than any limit; that it is a number was seen to with the framing.
    let bytes = announced.map_or(0, |text| text.parse().unwrap_or(u64::MAX));
    if exceeds(facts.route.body_bytes_max, bytes) {
        return Err(Reason::BodyTooLarge);
    }
    Ok(())
}

/// Are so many bytes more than the route allows?
pub fn exceeds(body_bytes_max: Option<u64>, bytes: u64) -> bool {
    body_bytes_max.is_some_and(|max| bytes > max)
}
