//! Is this an answer of the edge itself, with its reason wherever an operator or a client looks for it?

use crate::client::{Reply, Request};
use crate::edge::Edge;
use serde_json::Value;

/// Asks for JSON, as a program does.
pub fn request(method: &str, url: &str) -> Request {
    Request::new(method, url).field("accept", "application/json")
}

/// Status, `server`, `Retry-After` on 503 alone, request id, body and access log agree on this reason. The request must have asked for JSON.
/// Returns the line of the log.
pub async fn check(edge: &Edge, reply: &Reply, status: u16, reason: &str) -> Value {
    assert_eq!(reply.status, status, "{reason}: {reply:?}");
    assert!(reply.is_ours(), "{reason}: {reply:?}");
    let says_when = reply.field("retry-after").is_some();
    assert_eq!(says_when, status == 503, "Retry-After: {reply:?}");
    assert_eq!(reply.field("content-type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["reason"], reason, "{body}");
    assert_eq!(body["status"], status, "{body}");
    let id = reply.field("x-request-id").expect("has an id");
    assert_eq!(body["request_id"], id, "{body}");
    let line = edge.log.line_with("request_id", id).await;
    assert_eq!(line["reason"], reason, "{line}");
    assert_eq!(line["status"], status, "{line}");
    line
}
