//! Which rule takes the request, and what does the rule say before any backend is asked?

mod forward;
mod location;
mod redirect;

pub use forward::{Forward, apply_request_headers, apply_response_headers};

use crate::client::Client;
use crate::connection::context::{ConnectionContext, ListenerFacts};
use crate::live::InForce;
use crate::response::own::Answer;
use crate::sanitise::Normal;
use config::model::{Filter, PathRewrite};
use config::reason::Reason;
use config::snapshot::{Action, RequestView, Rule, RuleId, Snapshot, WeightedTarget};
use http::request::Parts;

/// Which rule takes the request? Total: the last rule answers 404.
pub fn find(
    snapshot: &Snapshot,
    request: &Parts,
    normal: &Normal<'_>,
    listener: &ListenerFacts,
) -> RuleId {
    snapshot.find(&RequestView {
        is_https: listener.is_https,
        port: Some(listener.public_port),
        host: &normal.host,
        method: &request.method,
        path: &normal.path,
        query: normal.query,
        headers: &request.headers,
    })
}

/// Was the connection opened for a host with another certificate (RFC 9110 §15.5.20)? A browser reuses a connection for every name that its
/// certificate covers, `www` beside the apex; that is right where both are of one Secret, and a renewal does not change it. Two names without
/// a certificate share the default. A client that sends no name selected nothing.
pub fn is_misdirected(snapshot: &Snapshot, connection: &ConnectionContext, host: &str) -> bool {
    let Some(tls) = &connection.tls else {
        return false;
    };
    let Some(server_name) = &tls.server_name else {
        return false;
    };
    if **server_name == *host {
        return false;
    }
    let opened_for = tls.entry.as_ref().map(|entry| &entry.secret);
    opened_for != snapshot.tls.find(host).map(|entry| &entry.secret)
}

/// What is known of a request when its rule is found.
#[derive(Debug)]
pub struct Asked<'a> {
    pub in_force: &'a InForce,
    pub rule: RuleId,
    pub request: &'a Parts,
    pub normal: &'a Normal<'a>,
    pub client: &'a Client,
    pub connection: &'a ConnectionContext,
}

/// The answer that the rule itself gives, or where it forwards to.
pub fn act(asked: &Asked<'_>) -> Result<Forward, Answer> {
    let Some((rule, state)) = asked.in_force.rule(asked.rule) else {
        // Before the first configuration there is not even a last rule.
        return Err(Answer::of(Reason::NoRule));
    };
    redirect::to_public_name(asked, rule)?;
    match &rule.action {
        Action::NotFound => Err(Answer::of(Reason::NoRule)),
        Action::Fail(failure) => Err(Answer::failure(failure)),
        Action::Redirect(filter) => Err(redirect::by_filter(asked, rule, filter)),
        Action::Forward(targets) => {
            let turn = state.next_turn();
            let at = targets.partition_point(|target| target.weight_until <= turn);
            forward(asked, rule, at, targets.get(at))
        }
    }
}

fn forward(
    asked: &Asked<'_>,
    rule: &Rule,
    at: usize,
    target: Option<&WeightedTarget>,
) -> Result<Forward, Answer> {
    let target = target.ok_or_else(|| Answer::of(Reason::Internal))?;
    let backend = match &target.backend {
        Ok(id) => asked.in_force.backend(*id),
        Err(failure) => return Err(Answer::failure(failure)),
    };
    let (_, backend) = backend.ok_or_else(|| Answer::of(Reason::Internal))?;
    Forward::new(asked, rule, (at, target), backend).ok_or_else(|| Answer::of(Reason::BadPath))
}

/// The last one of the filters that rewrites the path.
fn path_rewrite<'a>(filters: impl Iterator<Item = &'a Filter>) -> Option<&'a PathRewrite> {
    filters
        .filter_map(|filter| match filter {
            Filter::Rewrite { path, .. } => path.as_ref(),
            _ => None,
        })
        .last()
}

#[cfg(test)]
mod tests;
