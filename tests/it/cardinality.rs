//! Is the number of series bounded, whatever is asked and whatever is configured?

use config::settings::Listener;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// Hosts, paths and methods that nobody has configured.
const HOSTILE: usize = 10_000;
/// Requests in one pipeline.
const BATCH: usize = 500;
const SERIES_MAX: usize = 600;

/// Every sample's name and labels.
async fn series(edge: &Edge) -> BTreeSet<String> {
    let text = edge.admin("/metrics").await.text();
    let samples = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    samples
        .map(|line| line.rsplit_once(' ').expect("has a value").0.to_owned())
        .collect()
}

/// Requests in pipelines on one connection; every one is answered with this status.
async fn ask(edge: &Edge, count: usize, status: u16, request: impl Fn(usize) -> String) {
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let expected = format!("HTTP/1.1 {status} ");
    for batch in 0..count / BATCH {
        let requests: String = (0..BATCH).map(|at| request(batch * BATCH + at)).collect();
        connection.send(requests).await.expect("sends");
        let (mut rest, mut right, mut answered) = (String::new(), 0, 0);
        while answered < BATCH {
            let more = connection.read_some().await.expect("is answered");
            assert!(!more.is_empty(), "the edge closed after {answered}: {rest}");
            rest.push_str(&String::from_utf8_lossy(&more));
            let whole = rest.rfind('\n').map_or(0, |end| end + 1);
            let lines: String = rest.drain(..whole).collect();
            right += lines.matches(&expected).count();
            // The last line of each answer's body names the request.
            answered += lines.matches(", request ").count();
        }
        assert_eq!((right, answered, rest.as_str()), (BATCH, BATCH, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_hosts_paths_and_methods_add_no_series() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        manifest::ingress("gone", "gone.test", &[("/", "nobody", 80)]),
    ]))
    .await;
    // One of each sort has its series from now on.
    for url in [
        "http://shop.test/",
        "http://nobody.test/",
        "http://gone.test/",
    ] {
        edge.get(url).await;
    }
    // Each has ended, and so has its connection: what that counts has its series too.
    edge.until_metric("hedgerow_responses_total", &[], 3.0)
        .await;
    edge.until_metric("hedgerow_connections_closed_total", &[], 3.0)
        .await;
    let before = series(&edge).await;
    let nowhere =
        |n| format!("M{n} /p-{n}?{n}={n} HTTP/1.1\r\nhost: h-{n}.test\r\nuser-agent: {n}\r\n\r\n");
    ask(&edge, HOSTILE, 404, nowhere).await;
    let known = |n| format!("M{n} /p-{n} HTTP/1.1\r\nhost: gone.test\r\nx-request-id: {n}\r\n\r\n");
    ask(&edge, BATCH, 503, known).await;
    let reply = edge
        .send(&Request::new("BREW", "http://shop.test/status/418"))
        .await;
    assert_eq!(reply.status, 418);
    // The last one is counted some time after its answer: not before that would a series of its own be there.
    let others = ["method=\"other\""];
    edge.until_metric("hedgerow_requests_by_method_total", &others, 10_501.0)
        .await;
    let after = series(&edge).await;
    assert_eq!(after, before, "{:?}", after.symmetric_difference(&before));
    edge.stop().await;
}

/// So many Ingresses, each with a Service and an address of its own.
fn site(routes: usize) -> String {
    let mut text = String::new();
    for number in 0..routes {
        let (name, host) = (format!("r{number}"), format!("h{number}.test"));
        text.push_str(&manifest::ingress(&name, &host, &[("/", &name, 80)]));
        let address = ([127, 1, 0, 1], 80).into();
        write!(
            text,
            "---\n{}---\n",
            manifest::service(&name, 80, &[address])
        )
        .expect("is written");
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_routes_stay_within_the_budget() {
    let routes = site(5_000);
    let edge = Edge::start_with(&routes, |settings| {
        // Thirty more listeners than usual: each address would have series of its own.
        for last in 2..17 {
            let address = ([127, 0, 0, last], 0).into();
            settings.http.push(Listener::at(address));
            settings.https.push(Listener::at(address));
        }
    })
    .await;
    assert!(edge.in_force().rules.len() > 5_000);
    for listener in edge.app().http_addrs() {
        let mut connection = Connection::open(listener).await.expect("connects");
        for request in [
            "GET / HTTP/1.1\r\nhost: nobody.test\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
        ] {
            connection.send(request).await.expect("sends");
            connection.read_reply(false).await.expect("is answered");
        }
    }
    let all = series(&edge).await;
    assert!(all.len() <= SERIES_MAX, "{} series", all.len());
    let own = all
        .iter()
        .filter(|series| series.contains("route=\"Ingress"))
        .count();
    assert!(own > 0, "no route has series of its own");
    assert!(all.iter().any(|series| series.contains("route=\"other\"")));
    edge.stop().await;
}
