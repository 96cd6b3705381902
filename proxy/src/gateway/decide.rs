//! What is settled before any backend is asked?

use crate::policy;
use crate::request::RequestCtx;
use crate::request::kind::Kind;
use crate::response::own::Answer;
use crate::route::{self, Asked};
use crate::sanitise;
use config::reason::Reason;
use http::header::UPGRADE;
use pingora_proxy::Session;

/// The stages in their order: sanitise, client (known since the first phase), route, policy. Ok: the context says where the request goes.
pub fn decide(session: &mut Session, ctx: &mut RequestCtx) -> Result<(), Answer> {
    let has_underscore = judge(session, ctx)?;
    let request = session.req_header_mut();
    if has_underscore {
        for name in sanitise::underscore_names(&request.headers) {
            request.remove_header(&name);
        }
    }
    if ctx.kind != Kind::Upgrade {
        request.remove_header(&UPGRADE);
    }
    Ok(())
}

fn judge(session: &Session, ctx: &mut RequestCtx) -> Result<bool, Answer> {
    let Some(connection) = ctx.connection.clone() else {
        tracing::error!("a request came without its connection");
        return Err(Answer::of(Reason::Internal));
    };
    let header = session.req_header();
    if !header.raw_path_is_utf8() {
        return Err(Answer::of(Reason::BadPath).closing(true));
    }
    let in_force = ctx.in_force.clone();
    // HTTP/1 fields were counted as they came; those of HTTP/2, cookie crumbs included, are only decoded so far.
    if header.headers.len() > in_force.settings.limits.header_fields_max {
        return Err(Answer::of(Reason::HeaderTooLarge).closing(true));
    }
    let normal = sanitise::judge(header)
        .map_err(|refusal| Answer::of(refusal.reason).closing(refusal.closes))?;
    if route::is_misdirected(&in_force.snapshot, &connection, &normal.host) {
        return Err(Answer::of(Reason::Misdirected));
    }
    let rule = route::find(&in_force.snapshot, header, &normal, &connection.listener);
    ctx.rule = Some(rule);
    let asked = Asked {
        in_force: &in_force,
        rule,
        request: header,
        normal: &normal,
        client: &ctx.client,
        connection: &connection,
    };
    let forward = route::act(&asked)?;
    if let Some(rule) = in_force.snapshot.rule(rule) {
        policy::decide(&policy::Facts {
            request: header,
            path: &normal.path,
            has_place: ctx.place.as_ref().is_some_and(|place| place.has_place),
            route: &rule.policy,
        })?;
    }
    if forward.backend.is_without_hope() {
        return Err(Answer::of(Reason::NoEndpoint));
    }
    ctx.forward = Some(forward);
    Ok(normal.has_underscore)
}
