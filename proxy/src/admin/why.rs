//! Why would this request go where it goes?

mod asked;

use super::answer::Answer;
use crate::live::InForce;
use crate::upstream::history::Told;
use asked::{Asked, Form};
use config::explain::{self, ActionTaken, Destination, EndpointExplained, Explanation};
use config::hostname::RequestHost;
use config::path;
use config::reason::Reason;
use config::settings::Settings;
use config::snapshot::{Compiled, RequestView};
use http::StatusCode;
use std::net::SocketAddr;
use std::time::Instant;

/// `/why?url=https://host/path&method=GET&header=name:value&output=json`. 400 with a sentence for a question that describes no request; 422 for a
/// request that is refused before any rule is looked at.
pub fn answer(in_force: &InForce, query: &str) -> Answer {
    let asked = match Asked::parse(query) {
        Ok(asked) => asked,
        Err(error) => return Answer::text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let host = match RequestHost::parse(&asked.authority) {
        Ok(host) => host,
        Err(error) => return refused(Reason::BadHost, &format!("{:?} {error}", asked.authority)),
    };
    let normal = match path::normalise(&asked.path) {
        Ok(normal) => normal,
        Err(error) => return refused(Reason::BadPath, &format!("{:?} {error}", asked.path)),
    };
    let view = RequestView {
        is_https: asked.is_https,
        port: host.port,
        host: &host.host,
        method: &asked.method,
        path: &normal,
        query: asked.query.as_deref(),
        headers: &asked.headers,
    };
    let mut settings = Settings::clone(&in_force.settings);
    in_force.ports.fill(&mut settings);
    let mut explanation = explain::decide(&compiled(in_force), &settings, &view);
    fill_in(&mut explanation, in_force);
    match asked.output {
        Form::Json => Answer::json(&explanation),
        Form::Text => Answer::text(StatusCode::OK, explanation.to_string()),
    }
}

fn refused(reason: Reason, cause: &str) -> Answer {
    let (status, sentence) = (reason.status(), reason.sentence());
    let text = format!("{status}: {sentence} ({reason})\n{cause}\n");
    Answer::text(StatusCode::UNPROCESSABLE_ENTITY, text)
}

/// The configuration in force in the form that it was compiled to, with the endpoints of this moment.
fn compiled(in_force: &InForce) -> Compiled {
    let backends = in_force.backends.iter();
    let endpoints = backends.map(|state| {
        let set = state.pool.current();
        (state.key.clone(), set.published().clone())
    });
    Compiled {
        snapshot: in_force.snapshot.clone(),
        endpoints: endpoints.collect(),
        problems: in_force.problems.clone(),
        unused_hosts: in_force.unused_hosts.clone(),
    }
}

/// What this edge has seen of the endpoints.
fn fill_in(explanation: &mut Explanation, in_force: &InForce) {
    let Some(winner) = &mut explanation.winner else {
        return;
    };
    let ActionTaken::Forward(targets) = &mut winner.action else {
        return;
    };
    for target in targets {
        if let Destination::Backend(backend) = &mut target.to {
            for endpoint in &mut backend.endpoints {
                fill_in_endpoint(endpoint, &backend.service, in_force);
            }
        }
    }
}

fn fill_in_endpoint(endpoint: &mut EndpointExplained, service: &str, in_force: &InForce) {
    let Ok(address) = endpoint.address.parse::<SocketAddr>() else {
        return;
    };
    let backends = in_force
        .backends
        .iter()
        .filter(|state| *state.label == *service);
    let now = Instant::now();
    let mut in_flight = 0;
    let mut told = Told::default();
    for state in backends {
        if let Some(endpoint) = state.pool.current().find(address) {
            in_flight += endpoint.in_flight();
            told = told.and(endpoint.history.tell(now));
        }
    }
    endpoint.health = health(in_flight, told);
}

/// Times in whole seconds: nobody compares them with a stopwatch.
fn health(in_flight: u32, told: Told) -> String {
    let mut health = match in_flight {
        1 => "1 request in flight".to_owned(),
        some => format!("{some} requests in flight"),
    };
    match told.answered {
        Some(ago) => health += &format!(", last answer {} s ago", ago.as_secs()),
        None => health += ", no answer yet",
    }
    if let Some((ago, reason)) = told.failed {
        health += &format!(", last failure {} s ago: {reason}", ago.as_secs());
    }
    health
}
