//! May the request proceed?

mod body_size;
mod encoded_slash;
mod overload;

pub use body_size::exceeds;
pub use overload::InFlight;

use crate::response::own::Answer;
use config::model::RoutePolicy;
use config::reason::Reason;
use http::request::Parts;

/// What the policies look at.
#[derive(Debug)]
pub struct Facts<'a> {
    pub request: &'a Parts,
    /// In normal form.
    pub path: &'a str,
    /// The request has its place among those in flight.
    pub has_place: bool,
    pub route: &'a RoutePolicy,
}

type Policy = fn(&Facts<'_>) -> Result<(), Reason>;

/// Every policy, in the order in which they decide: the cheapest and the most general ones first. A new one gets its place here.
const POLICIES: [Policy; 3] = [overload::decide, encoded_slash::decide, body_size::decide];

/// The first policy that says no has the answer.
pub fn decide(facts: &Facts<'_>) -> Result<(), Answer> {
    POLICIES
        .iter()
        .try_for_each(|policy| policy(facts))
        .map_err(Answer::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, length: &str, has_place: bool, expected: Result<(), Reason>) {
        let request = http::Request::builder()
            .method("PUT")
            .header("content-length", length);
        let (request, ()) = request.body(()).unwrap().into_parts();
        let route = RoutePolicy {
            body_bytes_max: Some(10),
            refuse_encoded_slash: true,
            ..RoutePolicy::default()
        };
        let facts = Facts {
            request: &request,
            path,
            has_place,
            route: &route,
        };
        let found = decide(&facts).map_err(|answer| answer.reason);
        assert_eq!(found, expected, "{path} {length}");
    }

    #[test]
    fn each_policy_can_say_no_and_the_first_one_has_the_answer() {
        check("/x", "10", true, Ok(()));
        check("/x", "11", true, Err(Reason::BodyTooLarge));
        check("/x%2Fy", "11", true, Err(Reason::BadPath));
        check("/x%2Fy", "11", false, Err(Reason::Overloaded));
        check(
            "/x",
            "99999999999999999999999",
            true,
            Err(Reason::BodyTooLarge),
        );
    }
}
