//! How is the end of a request told, exactly once, however it ends?

use super::RequestCtx;
use crate::observe::access_log::Record;
use crate::observe::request_metrics::Counted;
use config::reason::Reason;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

impl RequestCtx {
    /// Logs and counts. The second call does nothing.
    pub fn finish(&mut self) {
        if self.is_finished {
            return;
        }
        self.is_finished = true;
        let first_byte = self.attempt.as_ref().and_then(|attempt| attempt.first_byte);
        let endpoint = self.attempt.as_ref().map(|one| one.endpoint().address);
        self.end_attempt(self.reason);
        let last = self.attempts.records().last().map(|record| record.endpoint);
        self.tell(endpoint.or(last), first_byte);
    }

    fn tell(&self, endpoint: Option<SocketAddr>, first_byte: Option<std::time::Duration>) {
        let (Some(seen), Some(connection)) = (&self.seen, &self.connection) else {
            // Not even its first phase ran: there is nothing to tell.
            return;
        };
        let total = self.began.elapsed();
        let rule = self
            .rule
            .and_then(|rule| self.in_force.rules.get(rule.index()));
        // What was refused before it had a rule counts as what no rule takes.
        if let Some(state) = rule.or(self.in_force.rules.last()) {
            state.metrics.count(self.status);
        }
        self.shared.metrics.requests.count(&Counted {
            listener: &connection.listener.label,
            method: seen.method.as_str(),
            status: self.status,
            reason: self.reason,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            total,
        });
        self.shared.access_log.log(&Record {
            time: self.began_at,
            request_id: self.id.as_str(),
            client: self.client.address,
            protocol: seen.protocol(),
            is_https: connection.listener.is_https,
            tls_version: connection.tls.as_ref().map(|tls| tls.version),
            method: seen.method.as_str(),
            host: seen.host_text(),
            path: seen.path(),
            status: self.status,
            reason: self.reason,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            total,
            endpoint_time: first_byte,
            route: rule.map_or("", |state| &state.label),
            backend: self.forward.as_ref().map_or("", |to| &to.backend.label),
            endpoint,
            attempt_count: self.attempts.made,
            attempts: self.attempts.records(),
            user_agent: seen.user_agent.as_ref().map(|value| value.as_bytes()),
            referer: seen.referer(),
        });
    }

    /// Why does a request end that nobody ended? Its clock fired, its task panicked, or its client left: then the engine drops the future; or the
    /// edge has stopped, and drops it itself.
    fn dropped_for(&self) -> Reason {
        if std::thread::panicking() {
            return Reason::Internal;
        }
        let is_cut = self.shared.is_cutting.load(Ordering::Relaxed);
        let otherwise = if is_cut {
            Reason::Stopped
        } else {
            Reason::ClientClosed
        };
        self.patience.has_ended().unwrap_or(otherwise)
    }
}

impl Drop for RequestCtx {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        self.reason = self.dropped_for();
        self.finish();
    }
}
