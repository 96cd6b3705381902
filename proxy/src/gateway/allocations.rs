//! How often does our part of a request's path ask for memory?
//!
//! Each number is the whole of its stage, for an ordinary request over HTTP/1.1. Whoever makes one larger says here what for; the numbers of the
//! engine around us are in `docs/performance.md`.

use super::{attempt, decide, exchange, waits};
use crate::client::address_value;
use crate::connection::RequestClock;
use crate::connection::context::{ConnectionContext, ListenerFacts};
use crate::connection::gate::Gate;
use crate::connection::head::{HeadLimits, HeadScan};
use crate::connection::transport::Transport;
use crate::connection::wire::Wire;
use crate::live::assemble::tests::{certificate, compiled, forward, plain, rule, settings};
use crate::live::{InForce, Live, assemble};
use crate::observe::Metrics;
use crate::observe::access_log::AccessLog;
use crate::request::RequestCtx;
use crate::server::Shared;
use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use config::reason::Reason;
use config::settings::{AccessLogFormat, Settings};
use http::HeaderValue;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::net::{TcpListener, TcpStream};

const HEAD: &[u8] = b"GET /shop/cart?item=7 HTTP/1.1\r\n\
    Host: a.test\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
    Accept: text/html,application/xhtml+xml\r\n\
    Accept-Encoding: gzip, br\r\n\
    Cookie: session=0123456789\r\n\
    Referer: https://a.test/shop?token=1\r\n\r\n";

/// How often each stage asks for memory, in the order in which the engine calls us.
const EXPECTED: [(&str, u64); 11] = [
    ("head", 0),
    // In a box, so that the engine's futures hand on a pointer.
    ("context", 1),
    // The target is shared for the first time; the engine's copy of the request would do it otherwise.
    ("begin", 1),
    ("client timeouts", 0),
    ("sanitise, route, policy", 0),
    // The engine wants the peer in a box.
    ("endpoint", 1),
    ("connected", 0),
    // The engine's maps cost two for each name that its parser does not know: X-Forwarded-For, -Proto, -Port, -Host, X-Real-IP, X-Request-Id
    // and CDN-Loop. The text of the id is one more. And its two maps, copied without room, grow: three times the fields, once the index.
    ("fields of the request", 2 * 7 + 1 + 2 * 4),
    ("head of the response", 0),
    // Of three parts each but the last one is watched while it is written.
    ("body of the response", 2),
    // The line itself, handed to the thread that writes it.
    ("metrics and log", 1),
];

#[tokio::test]
async fn a_request_asks_for_memory_only_where_the_engine_wants_it_or_a_field_is_written() {
    let shared = shared();
    let clock = Arc::new(RequestClock::new());
    // What a thread needs once, it has after the first request.
    let (mut first, mut second) = (session().await, session().await);
    let both = async { (walk(&shared, &mut first), walk(&shared, &mut second)) };
    let (_, found) = clock.around(both).await;
    assert_eq!(found, EXPECTED);
}

fn walk(shared: &Arc<Shared>, session: &mut Session) -> Vec<(&'static str, u64)> {
    let mut found = Vec::with_capacity(EXPECTED.len());
    let mut count = |stage, run: &mut dyn FnMut()| found.push((stage, measure(run).count_total));
    let limits = HeadLimits::of(&settings().limits);
    count("head", &mut || {
        assert!(HeadScan::new(limits).step(HEAD).unwrap().is_some());
    });
    let mut made = None;
    count("context", &mut || {
        made = Some(Box::new(RequestCtx::new(shared)));
    });
    let ctx = &mut made.unwrap();
    count("begin", &mut || ctx.begin(session));
    count("client timeouts", &mut || {
        exchange::set_client_timeouts(session, ctx);
    });
    count("sanitise, route, policy", &mut || {
        decide::decide(session, ctx).unwrap();
    });
    count("endpoint", &mut || {
        drop(now(attempt::begin(session, ctx)).unwrap());
    });
    count("connected", &mut || attempt::connected(ctx, 0));
    let mut request = session.req_header().clone();
    count("fields of the request", &mut || {
        exchange::prepare_request(session, &mut request, ctx).unwrap();
    });
    let mut response = response();
    count("head of the response", &mut || {
        attempt::response_began(session, &mut response, ctx).unwrap();
        exchange::prepare_response(session, &mut response, ctx).unwrap();
    });
    count("body of the response", &mut || {
        for is_end in [false, false, true] {
            let mut part = Some(Bytes::from_static(b"<!doctype html>"));
            waits::after_response_part(&mut part, is_end, ctx).unwrap();
            exchange::count_response_body(session, part.as_ref(), is_end, ctx);
        }
    });
    count("metrics and log", &mut || ctx.finish());
    assert_eq!(request.headers["x-real-ip"], "192.0.2.1");
    assert_eq!((ctx.reason, ctx.status), (Reason::Answered, 200));
    found
}

fn response() -> ResponseHeader {
    let mut response = ResponseHeader::build(200, None).unwrap();
    for (name, value) in [
        ("content-type", "text/html"),
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
    ] {
        response.insert_header(name, value).unwrap();
    }
    response
}

/// What nobody has to wait for.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn shared() -> Arc<Shared> {
    let mut asked = Settings::clone(&settings());
    asked.access_log.format = AccessLogFormat::Json;
    asked.access_log.sampling = 1.0;
    let asked = Arc::new(asked);
    let metrics = Metrics::new().unwrap();
    let compiled = compiled(vec![rule("site", forward())], vec![plain()], &[9, 10]);
    let nothing = InForce::nothing(asked.clone(), certificate());
    let sink = Box::new(std::io::sink());
    let access_log = AccessLog::start(asked.access_log, sink, &metrics.access_log).unwrap();
    Arc::new(Shared {
        live: Arc::new(Live::new(assemble(&compiled, &asked, &nothing, &metrics))),
        metrics: Arc::new(metrics),
        access_log: Arc::new(access_log),
        is_cutting: false.into(),
    })
}

/// A request that has arrived over a socket.
async fn session() -> Session {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (client, (server, _)) = (client.unwrap(), server.unwrap());
    assert!(client.as_raw_fd() != server.as_raw_fd());
    let metrics = Metrics::new().unwrap().connections.listener("l");
    let transport = Transport::Plain(Wire::new(server, Arc::new(metrics)));
    let gate = Gate::new(transport, context(), false, &settings().limits).unwrap();
    let mut session = Session::new_h1(Box::new(gate));
    let downstream = session.as_downstream_mut();
    downstream.set_pipelined_prefix(BytesMut::from(HEAD));
    assert!(downstream.read_request().await.unwrap());
    session
}

fn context() -> Arc<ConnectionContext> {
    Arc::new(ConnectionContext {
        listener: Arc::new(ListenerFacts {
            label: "l".into(),
            is_https: true,
            public_port: 443,
            public_port_text: HeaderValue::from_static("443"),
        }),
        client: ([192, 0, 2, 1], 4711).into(),
        client_text: address_value([192, 0, 2, 1].into()),
        tls: None,
        active: 0.into(),
        is_upgraded: false.into(),
        is_condemned: false.into(),
        closes: false.into(),
        keeps: false.into(),
        has_begun: false.into(),
        bytes_in: 0.into(),
        bytes_out: 0.into(),
    })
}
