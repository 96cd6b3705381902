//! How does an accepted socket become a connection that speaks HTTP?

use super::context::{ConnectionContext, TlsFacts};
use super::gate::Gate;
use super::transport::Transport;
use super::wire::Wire;
use super::{Connection, Ending, Worker, h1, h2, leave};
use crate::client::{address_value, is_within};
use crate::listener::accept::Arrival;
use crate::listener::permits::Ticket;
use crate::listener::{Listener, Terms, proxy_protocol};
use crate::tls::{self, HandshakeError};
use config::settings::Settings;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// The whole life of a connection.
pub async fn serve(worker: Arc<Worker>, listener: &Listener, arrival: Arrival) {
    let Arrival { tcp, peer, ticket } = arrival;
    let ticket = Arc::new(ticket);
    let terms = listener.terms();
    let wire = Wire::new(tcp, Arc::clone(&listener.metrics));
    let begun = Begun {
        worker: Arc::clone(&worker),
        terms,
        peer,
        ticket: Arc::clone(&ticket),
    };
    let ending = tokio::select! {
        biased;
        // Only an idle connection is evicted, so no request is lost with it.
        () = ticket.evicted() => Ending::Evicted,
        ending = begun.serve(wire) => ending,
    };
    worker
        .shared
        .metrics
        .connections
        .count_closed(ending.as_str());
}

/// A connection of which only the socket's peer is known.
struct Begun {
    worker: Arc<Worker>,
    terms: Arc<Terms>,
    peer: SocketAddr,
    ticket: Arc<Ticket>,
}

impl Begun {
    async fn serve(self, mut wire: Wire) -> Ending {
        let settings = Arc::clone(&self.worker.shared.live.current().settings);
        let deadline = Instant::now() + settings.limits.handshake_timeout;
        let client = match self.client(&mut wire, &settings, deadline).await {
            Ok(client) => client,
            Err(reason) => {
                let label = &self.terms.facts.label;
                self.worker
                    .shared
                    .metrics
                    .connections
                    .count_refused(label, reason);
                return Ending::Refused;
            }
        };
        let (transport, tls) = match self.secure(wire, deadline).await {
            Ok(secured) => secured,
            Err(ending) => return ending,
        };
        let is_http2 = is_http2(&transport);
        let context = Arc::new(self.context(client, tls));
        let Self { worker, ticket, .. } = self;
        let gate = Gate::new(transport, Arc::clone(&context), is_http2, &settings.limits);
        let connection = Arc::new(Connection {
            worker,
            context,
            settings,
            ticket,
        });
        let Ok(gate) = gate else {
            return Ending::Internal;
        };
        let remains = gate.remains();
        let ending = if is_http2 {
            h2::serve(&connection, gate).await
        } else {
            h1::serve(&connection, Box::new(gate)).await
        };
        if let Some(mut transport) = remains.take() {
            // Ended either way; what was written last shall arrive.
            let _ = leave(&mut transport).await;
        }
        ending
    }

    /// The client behind the socket, counted; or the reason for which it is not let in.
    async fn client(
        &self,
        wire: &mut Wire,
        settings: &Settings,
        deadline: Instant,
    ) -> Result<SocketAddr, &'static str> {
        let trusted = &settings.trusted_proxies;
        let mut client = SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port());
        if self.terms.spec.proxy_protocol {
            // Without a list everybody may: a listener that asks for the header is reached by load balancers only.
            if !trusted.is_empty() && !is_within(client.ip(), trusted) {
                return Err("proxy-protocol-untrusted");
            }
            let header = timeout_at(deadline, proxy_protocol::read(wire)).await;
            let header = header.map_err(|_| "proxy-protocol-timeout")?;
            client = header
                .map_err(proxy_protocol::HeaderError::as_str)?
                .unwrap_or(client);
        }
        if is_within(client.ip(), trusted) {
            return Ok(client);
        }
        self.ticket.count_client(client.ip()).map_err(|refused| {
            wire.reset_on_close(); // Nothing of it stays in the kernel, which a flood would fill.
            refused.as_str()
        })?;
        Ok(client)
    }

    async fn secure(
        &self,
        wire: Wire,
        deadline: Instant,
    ) -> Result<(Transport, Option<TlsFacts>), Ending> {
        if !self.terms.spec.is_https {
            return Ok((Transport::Plain(wire), None));
        }
        let metrics = &self.worker.shared.metrics.connections;
        match tls::handshake(&self.worker.terminator, wire, deadline).await {
            Ok((stream, facts)) => {
                metrics.count_handshake(facts.version, "ok");
                Ok((Transport::Tls(stream), Some(facts)))
            }
            Err(error) => {
                metrics.count_handshake("none", error.as_str());
                if error == HandshakeError::PlainHttp {
                    metrics.count_refused(&self.terms.facts.label, error.as_str());
                }
                Err(Ending::Handshake)
            }
        }
    }

    fn context(&self, client: SocketAddr, tls: Option<TlsFacts>) -> ConnectionContext {
        ConnectionContext {
            listener: Arc::clone(&self.terms.facts),
            client,
            client_text: address_value(client.ip().to_canonical()),
            tls,
            active: 0.into(),
            is_upgraded: false.into(),
            is_condemned: false.into(),
            closes: false.into(),
            keeps: false.into(),
            has_begun: false.into(),
            bytes_in: 0.into(),
            bytes_out: 0.into(),
        }
    }
}

fn is_http2(transport: &Transport) -> bool {
    match transport {
        Transport::Plain(_) | Transport::Gone => false, // Prior knowledge (h2c) is not offered to clients.
        Transport::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
    }
}
