//! What has this request learned so far?

pub mod attempts;
pub mod ending;
pub mod id;
pub mod kind;
pub mod patience;
pub mod seen;

use crate::client::Client;
use crate::connection::context::ConnectionContext;
use crate::connection::context_of;
use crate::live::InForce;
use crate::policy;
use crate::route::Forward;
use crate::server::Shared;
use crate::upstream::hold::Hold;
use crate::upstream::pick::Random;
use attempts::{Attempt, Attempts};
use config::model::RoutePolicy;
use config::reason::Reason;
use config::snapshot::RuleId;
use http::StatusCode;
use id::RequestId;
use kind::Kind;
use patience::Patience;
use pingora_proxy::Session;
use seen::Seen;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Lives as long as its request. When it is dropped, the request is logged and counted, if that was not done before.
#[derive(Debug)]
pub struct RequestCtx {
    pub shared: Arc<Shared>,
    /// Pinned: nothing changes under a request.
    pub in_force: Arc<InForce>,
    pub connection: Option<Arc<ConnectionContext>>,
    pub began: Instant,
    pub began_at: jiff::Timestamp,
    pub seen: Option<Seen>,
    pub id: RequestId,
    pub random: Random,
    pub client: Client,
    pub kind: Kind,
    pub rule: Option<RuleId>,
    pub forward: Option<Forward>,
    pub attempts: Attempts,
    pub attempt: Option<Attempt>,
    pub hold: Hold,
    pub patience: Patience,
    /// Of bodies, as far as they have come.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Of the response header that was sent; 0: none.
    pub status: u16,
    /// Why the request ended; what it is until then is for `ending`.
    pub reason: Reason,
    /// Why it will end: decided, but not answered yet.
    pub failed: Option<Reason>,
    /// The last part of the backend's response has come, before the last part of the request's body.
    pub is_answer_whole: bool,
    is_finished: bool,
    pub place: Option<policy::InFlight>,
}

impl RequestCtx {
    pub fn new(shared: &Arc<Shared>) -> RequestCtx {
        let began_at = jiff::Timestamp::now();
        let (id, seed) = RequestId::make(began_at);
        RequestCtx {
            in_force: shared.live.current(),
            shared: shared.clone(),
            connection: None,
            began: Instant::now(),
            began_at,
            seen: None,
            id,
            random: Random::new(seed),
            client: Client::UNKNOWN,
            kind: Kind::Plain,
            rule: None,
            forward: None,
            attempts: Attempts::default(),
            attempt: None,
            hold: Hold::default(),
            patience: Patience::default(),
            bytes_in: 0,
            bytes_out: 0,
            status: 0,
            reason: Reason::Internal,
            failed: None,
            is_answer_whole: false,
            is_finished: false,
            place: None,
        }
    }

    /// The first phase: whose connection it is, and what the client sent, before anything of it is changed.
    pub fn begin(&mut self, session: &Session) {
        let max = self.in_force.settings.limits.requests_max;
        let gauge = &self.shared.metrics.requests.in_flight;
        self.place = Some(policy::InFlight::enter(gauge, max));
        self.patience = Patience::of_this_request();
        self.connection = context_of(session.digest()).cloned();
        self.seen = Some(Seen::new(session.req_header()));
        self.kind = Kind::of(session.req_header());
        if let Some(connection) = &self.connection {
            connection.has_begun.store(true, Ordering::Relaxed);
            let trusted = &self.in_force.settings.trusted_proxies;
            self.client = Client::find(connection, trusted, &session.req_header().headers);
        }
        if self.client.is_peer_trusted {
            let named = session
                .req_header()
                .headers
                .get(&crate::client::X_REQUEST_ID.name);
            if let Some(kept) = named.and_then(RequestId::keep) {
                self.id = kept;
            }
        }
    }

    /// The policy of the rule, or of none.
    pub fn policy(&self) -> Option<&RoutePolicy> {
        let rule = self.in_force.snapshot.rule(self.rule?)?;
        Some(&rule.policy)
    }

    /// The bytes that pass are no longer HTTP: bounds on bodies do not hold.
    pub fn is_upgraded(&self) -> bool {
        self.status == StatusCode::SWITCHING_PROTOCOLS.as_u16()
    }

    /// Attempts over a connection that may be made.
    pub fn attempts_max(&self) -> u32 {
        let asked = self.policy().and_then(|policy| policy.attempts);
        asked
            .unwrap_or(self.in_force.settings.limits.attempts)
            .max(1)
    }

    /// What is left of the whole request. None: it has no bound.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let bound = self.policy()?.request_timeout?;
        Some(bound.saturating_sub(now.saturating_duration_since(self.began)))
    }

    /// Ends the attempt that runs, if one does.
    pub fn end_attempt(&mut self, outcome: Reason) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        let now = Instant::now();
        let time = now.saturating_duration_since(attempt.began);
        attempt.endpoint().history.note(outcome, now);
        self.attempts
            .record(attempt.endpoint().address, outcome, time);
        self.shared.metrics.backends.count_attempt(outcome);
    }
}
