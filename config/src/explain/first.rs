//! What does the edge answer by itself to a request that has its rule?

use super::outcome::own;
use super::through;
use super::{ActionTaken, AnswersFirst, Destination, Explanation, explain};
use crate::duration;
use crate::path;
use crate::public_name::{self, Asked};
use crate::reason::Reason;
use crate::settings::Settings;
use crate::snapshot::{Action, Compiled, RequestView, Rule};
use http::Method;
use http::header::CONTENT_LENGTH;
use std::time::Duration;

/// The whole decision under these settings: the rule, and what comes before its action. For a client that is no trusted proxy.
pub fn decide(compiled: &Compiled, settings: &Settings, request: &RequestView<'_>) -> Explanation {
    let through = through::of(settings, request);
    let request = &RequestView {
        port: through.public_port,
        ..*request
    };
    let mut explanation = explain(compiled, request);
    explanation.through = Some(through);
    say_hold(&mut explanation, settings);
    explanation.first = if is_never_served(request.method) {
        Some(AnswersFirst::Fail(own(Reason::MethodNotAllowed)))
    } else {
        let rule = compiled.snapshot.rule(compiled.snapshot.find(request));
        rule.and_then(|rule| {
            redirect(compiled, settings, rule, request).or_else(|| refusal(rule, request))
        })
    };
    explanation
}

/// Where no endpoint can be used, a request fails at once, unless the last one went only now.
fn say_hold(explanation: &mut Explanation, settings: &Settings) {
    let action = explanation.winner.as_mut().map(|winner| &mut winner.action);
    let Some(ActionTaken::Forward(targets)) = action else {
        return;
    };
    for target in targets {
        let Destination::Backend(backend) = &mut target.to else {
            continue;
        };
        let Some(failure) = &mut backend.failure else {
            continue;
        };
        let own = backend.policy.get("hold").cloned();
        let hold = own.unwrap_or_else(|| duration::format(settings.limits.hold));
        let waits = !settings.limits.empty_set_grace.is_zero();
        if waits && hold != duration::format(Duration::ZERO) {
            let grace = duration::format(settings.limits.empty_set_grace);
            failure.sentence = format!(
                "{} It is answered at once; only within {grace} after the last endpoint went (emptySetGrace) does a request wait for one, {hold} at most.",
                failure.sentence
            );
        }
    }
}

fn is_never_served(method: &Method) -> bool {
    method == Method::CONNECT || method == Method::TRACE
}

fn redirect(
    compiled: &Compiled,
    settings: &Settings,
    rule: &Rule,
    request: &RequestView<'_>,
) -> Option<AnswersFirst> {
    let elsewhere = public_name::redirect(&Asked {
        settings,
        snapshot: &compiled.snapshot,
        rule,
        host: request.host,
        path: request.path,
        is_https: request.is_https,
    })?;
    let usual = if elsewhere.scheme == "https" { 443 } else { 80 };
    let port = match elsewhere.port {
        // 0: any free port, and nobody has asked for one yet.
        port if port == usual || port == 0 => String::new(),
        port => format!(":{port}"),
    };
    let query = request.query.map(|query| format!("?{query}"));
    Some(AnswersFirst::Redirect {
        status: Reason::Redirected.status(),
        to: format!(
            "{}://{}{port}{}{}",
            elsewhere.scheme,
            elsewhere.host,
            request.path,
            query.unwrap_or_default()
        ),
        why: elsewhere.cause.sentence(),
    })
}

/// What the route's policies refuse, where the rule would forward.
fn refusal(rule: &Rule, request: &RequestView<'_>) -> Option<AnswersFirst> {
    if !matches!(rule.action, Action::Forward(_)) {
        return None;
    }
    if rule.policy.refuse_encoded_slash && path::has_encoded_slash(request.path) {
        return Some(AnswersFirst::Fail(own(Reason::BadPath)));
    }
    let announced = request.headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    let bytes: u64 = announced.parse().ok()?;
    let is_too_large = rule.policy.body_bytes_max.is_some_and(|max| bytes > max);
    is_too_large.then(|| AnswersFirst::Fail(own(Reason::BodyTooLarge)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::tests::site::Site;
    use crate::hostname::Hostname;
    use crate::model::RoutePolicy;
    use http::HeaderMap;

    /// `METHOD URL`, with the Content-Length of a body.
    #[track_caller]
    fn check(asked: &str, length: u64, expected: &str) {
        let site = Site::edwardstech()
            .tls("website/tls", &["edwardstech.dev"])
            .certificate("website/tls", &["edwardstech.dev"], (0, 10))
            .change(|route| {
                let policy = RoutePolicy {
                    canonical_host: Hostname::parse("edwardstech.dev").ok(),
                    refuse_encoded_slash: true,
                    body_bytes_max: Some(10),
                    ..RoutePolicy::default()
                };
                route.rules[0].policy = policy.into();
            });
        let (method, url) = asked.split_once(' ').unwrap();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, length.into());
        let request = RequestView {
            is_https: scheme == "https",
            port: None,
            host,
            method: &method.parse().unwrap(),
            path,
            query: Some("q=1"),
            headers: &headers,
        };
        let explanation = decide(&site.compile(), &Settings::default(), &request);
        let first = explanation.first.as_ref().map(|first| match first {
            AnswersFirst::Redirect { status, to, .. } => format!("{status} {to}"),
            AnswersFirst::Fail(failure) => format!("{} {}", failure.status, failure.reason),
        });
        assert_eq!(first.unwrap_or_default(), expected, "{asked}");
        let text = explanation.to_string();
        assert_eq!(
            text.contains("The edge itself answers"),
            !expected.is_empty(),
            "{text}"
        );
    }

    #[test]
    fn what_is_answered_before_the_rule_acts_is_told() {
        check("GET https://edwardstech.dev/api", 0, "");
        let location = "308 https://edwardstech.dev/api?q=1";
        check("GET http://edwardstech.dev/api", 0, location);
        check(
            "TRACE http://edwardstech.dev/api",
            0,
            "405 method-not-allowed",
        );
        check("GET https://edwardstech.dev/api/a%2Fb", 0, "400 bad-path");
        check("PUT https://edwardstech.dev/api", 10, "");
        check("PUT https://edwardstech.dev/api", 11, "413 body-too-large");
    }

    #[test]
    fn how_long_a_request_waits_for_an_endpoint_is_told() {
        let site = Site::default()
            .service("n/app", &[("http", 80)], true)
            .ingress("n/i", 0, &[("a.test", "/", "app", "80")]);
        let request = RequestView {
            is_https: false,
            port: None,
            host: "a.test",
            method: &Method::GET,
            path: "/",
            query: None,
            headers: &HeaderMap::new(),
        };
        let mut settings = Settings::default();
        let mut check = |hold: u64, words: &str| {
            settings.limits.hold = Duration::from_secs(hold);
            let text = decide(&site.compile(), &settings, &request).to_string();
            assert!(text.contains(words), "{text}");
        };
        let words = "can be used. It is answered at once; only within 2s after the last endpoint went (emptySetGrace) does a request wait for one, 7s at most.\n";
        check(7, words);
        check(0, "can be used.\n");
    }
}
