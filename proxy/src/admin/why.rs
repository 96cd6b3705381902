//! Why would this request go where it goes?

mod asked;

use super::answer::Answer;
use crate::live::InForce;
use asked::Asked;
use config::snapshot::RequestView;
use http::StatusCode;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct WhyJson<'a> {
    schema: &'static str,
    version: u64,
    object: String,
    field: &'a str,
}

/// `/why?url=https://host/path&method=GET&header=name:value`: 400 with a sentence for a question that makes no request.
pub fn answer(in_force: &InForce, query: &str) -> Answer {
    let asked = match Asked::parse(query) {
        Ok(asked) => asked,
        Err(error) => return Answer::text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let view = RequestView {
        is_https: asked.is_https,
        host: &asked.authority,
        method: &asked.method,
        path: &asked.path,
        query: asked.query.as_deref(),
        headers: &asked.headers,
    };
    let id = in_force.snapshot.find(&view);
    let Some(rule) = in_force.snapshot.rule(id) else {
        return Answer::text(StatusCode::NOT_FOUND, "no rule is in force yet\n");
    };
    Answer::json(&WhyJson {
        schema: "hedgerow.why/v1",
        version: in_force.version,
        object: rule.object.to_string(),
        field: &rule.field,
    })
}
