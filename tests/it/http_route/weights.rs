//! Does each backend get exactly its share?

use super::{route, services};
use crate::load::Patron;
use std::collections::BTreeMap;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;

const REQUESTS: usize = 1_000;
const CLIENTS: usize = 4;

/// Of 1,000 requests over four connections, by who answered; the edge's own answers by their status.
async fn shares(edge: &Edge, fields: &[(&str, &str)]) -> BTreeMap<String, usize> {
    let request = Request::new("GET", "http://foo.example.com/");
    let request = fields
        .iter()
        .fold(request, |request, (name, value)| request.field(name, value));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (mut patron, request) = (Patron::plain(edge.http()), request.clone());
            tokio::spawn(async move {
                let mut names = Vec::new();
                for _ in 0..REQUESTS / CLIENTS {
                    let reply = patron.ask(&request).await.expect("answers");
                    names.push(match reply.served_by() {
                        "" => reply.status.to_string(),
                        name => name.to_owned(),
                    });
                }
                names
            })
        })
        .collect();
    let mut shares = BTreeMap::new();
    for client in clients {
        for name in client.await.expect("ends") {
            *shares.entry(name).or_default() += 1;
        }
    }
    shares
}

async fn check(edge: &Edge, references: &str, expected: &[(&str, usize)]) {
    let rule = format!("    - backendRefs: [{references}]");
    edge.write(
        "route.yaml",
        &route("foo-route", "[foo.example.com]", &rule),
    )
    .await;
    let expected: BTreeMap<String, usize> = expected
        .iter()
        .map(|(name, share)| ((*name).to_owned(), *share))
        .collect();
    assert_eq!(shares(edge, &[]).await, expected, "{references}");
}

/// The guide of traffic splitting; a reference that is wrong keeps its share, answered with 500.
#[tokio::test(flavor = "multi_thread")]
async fn weights_are_exact_over_a_thousand_requests() {
    let (_origins, documents) = services(&["foo-v1", "foo-v2", "foo-v3"]).await;
    let edge = Edge::start(&manifest::join(&documents)).await;
    let v1 = "{ name: foo-v1, port: 8080, weight: 90 }, { name: foo-v2, port: 8080, weight: 10 }";
    check(&edge, v1, &[("foo-v1", 900), ("foo-v2", 100)]).await;
    let none = "{ name: foo-v1, port: 8080, weight: 0 }, { name: foo-v2, port: 8080, weight: 1 }";
    check(&edge, none, &[("foo-v2", 1_000)]).await;
    let equal = "{ name: foo-v1, port: 8080 }, { name: foo-v2, port: 8080 }";
    check(&edge, equal, &[("foo-v1", 500), ("foo-v2", 500)]).await;
    let wrong = "{ name: foo-v1, port: 8080, weight: 3 }, { name: foo-v9, port: 8080, weight: 1 }";
    check(&edge, wrong, &[("foo-v1", 750), ("500", 250)]).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_stay_exact_while_other_things_change_all_the_time() {
    let (_origins, documents) = services(&["foo-v1", "foo-v2"]).await;
    let edge = Edge::start(&manifest::join(&documents)).await;
    let rule = "    - backendRefs: [{ name: foo-v1, port: 8080, weight: 9 }, { name: foo-v2, port: 8080 }]";
    let ours = route("foo-route", "[foo.example.com]", rule);
    edge.write("route.yaml", &ours).await;
    let mut patron = Patron::plain(edge.http());
    let mut of_second = 0;
    for turn in 0..40 {
        let host = format!("[other{turn}.example.com]");
        edge.write("other.yaml", &route("other", &host, rule)).await;
        let request = Request::new("GET", "http://foo.example.com/");
        let reply = patron.ask(&request).await.expect("answers");
        of_second += usize::from(reply.served_by() == "foo-v2");
    }
    assert_eq!(of_second, 4);
    edge.stop().await;
}

/// The first steps of that guide: only who asks for the canary gets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_by_header_gets_what_carries_it() {
    let (_origins, mut documents) = services(&["foo-v1", "foo-v2"]).await;
    documents.push(route(
        "foo-route",
        "[foo.example.com]",
        "    - backendRefs: [{ name: foo-v1, port: 8080 }]
    - matches: [{ headers: [{ name: traffic, value: test }] }]
      backendRefs: [{ name: foo-v2, port: 8080 }]",
    ));
    let edge = Edge::start(&manifest::join(&documents)).await;
    super::check(&edge, "foo.example.com/", "foo-v1").await;
    super::check(&edge, "foo.example.com/ | traffic: test", "foo-v2").await;
    super::check(&edge, "foo.example.com/ | traffic: live", "foo-v1").await;
    edge.stop().await;
}
