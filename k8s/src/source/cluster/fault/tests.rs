//! Does each failure get its remedy?

use super::*;

fn status(code: u16) -> Box<Status> {
    serde_json::from_value(serde_json::json!({ "code": code, "message": "words", "reason": "r" }))
        .map(Box::new)
        .expect("is a status")
}

fn api(code: u16) -> kube::Error {
    kube::Error::Api(status(code))
}

#[track_caller]
fn check(error: watcher::Error, cause: Cause, remedy: Remedy, had_begun: bool) {
    let fault = Fault::of_watch(&error);
    let found = (fault.cause, fault.remedy, fault.had_begun);
    assert_eq!(found, (cause, remedy, had_begun), "{error:?}");
}

#[test]
fn each_answer_has_its_remedy() {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    check(
        InitialListFailed(api(401)),
        Cause::Unauthorized,
        Remedy::Reconnect,
        false,
    );
    check(
        InitialListFailed(api(403)),
        Cause::Forbidden,
        Remedy::List,
        false,
    );
    check(
        WatchStartFailed(api(404)),
        Cause::Missing,
        Remedy::List,
        false,
    );
    check(WatchStartFailed(api(410)), Cause::Gone, Remedy::List, false);
    check(
        WatchStartFailed(api(429)),
        Cause::Throttled,
        Remedy::Resume,
        false,
    );
    check(
        WatchStartFailed(api(500)),
        Cause::Refused,
        Remedy::List,
        false,
    );
    check(WatchError(status(410)), Cause::Gone, Remedy::List, true);
    check(WatchError(status(500)), Cause::Refused, Remedy::List, true);
    // What the client takes for the first event.
    check(WatchFailed(api(403)), Cause::Forbidden, Remedy::List, false);
    check(
        WatchFailed(api(429)),
        Cause::Throttled,
        Remedy::Resume,
        false,
    );
    let text = serde_json::from_str::<u8>("404 page not found").expect_err("is no event");
    let text = kube::Error::SerdeError(text);
    check(WatchFailed(text), Cause::Refused, Remedy::List, false);
    let cut = || kube::Error::ReadEvents(std::io::Error::other("cut"));
    check(WatchFailed(cut()), Cause::Unreachable, Remedy::List, true);
    check(
        WatchStartFailed(cut()),
        Cause::Unreachable,
        Remedy::List,
        false,
    );
}

#[test]
fn the_server_may_say_when_to_come_back() {
    let mut asked = status(429);
    asked.details = serde_json::from_value(serde_json::json!({ "retryAfterSeconds": 7 })).ok();
    let fault = Fault::of_client(&kube::Error::Api(asked));
    assert_eq!(fault.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(Fault::of_client(&api(429)).retry_after, None);
}

#[test]
fn a_wrong_certificate_is_told_from_a_dead_connection() {
    let wrong = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let once = std::io::Error::other(wrong.clone());
    // As tokio-rustls and hyper-rustls have it.
    let twice = std::io::Error::other(std::io::Error::other(wrong));
    for wrapped in [once, twice] {
        let fault = Fault::of_client(&kube::Error::Service(Box::new(wrapped)));
        assert_eq!((fault.cause, fault.remedy), (Cause::Tls, Remedy::Reconnect));
        assert!(fault.message.contains("UnknownIssuer"), "{fault}");
    }
}

#[test]
fn words_are_stable_and_different() {
    let words: std::collections::BTreeSet<&str> = Cause::ALL.map(Cause::as_str).into();
    assert_eq!(words.len(), Cause::ALL.len());
}
