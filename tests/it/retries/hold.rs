//! Is a backend that restarts noticed by nobody, and one that is gone told in time?

use super::{GET, outcomes};
use std::time::{Duration, Instant};
use tests::authority::Authority;
use tests::client::{Connection, Reply, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::own_answer;
use tokio::task::JoinSet;

/// `count` requests at once, on connections of their own; their answers.
async fn at_once(edge: &Edge, count: usize) -> Vec<Reply> {
    let address = edge.http();
    let mut running = JoinSet::new();
    for _ in 0..count {
        running.spawn(async move {
            let mut connection = Connection::open(address).await.unwrap();
            let request = own_answer::request("POST", GET).body("order");
            request.send_on(&mut connection).await.unwrap()
        });
    }
    running.join_all().await
}

/// Waits until that many requests are held.
async fn are_held(edge: &Edge, count: f64) {
    edge.until_metric("hedgerow_requests_held", &[], count)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_only_endpoint_is_noticed_by_nobody() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    assert_eq!(edge.get(GET).await.status, 200);
    origin.refuse().await;
    let (replies, ()) = tokio::join!(at_once(&edge, 20), async {
        are_held(&edge, 20.0).await;
        origin.accept_again();
    });
    for reply in replies {
        assert_eq!((reply.status, reply.served_by()), (200, "a"), "{reply:?}");
    }
    let orders = origin.received();
    let orders = orders.iter().filter(|one| one.head.method == "POST");
    assert_eq!(orders.count(), 20, "each exactly once");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_restart_is_held_for_as_long_as_the_annotation_says() {
    let origin = Origin::start("a").await;
    let paths = [("/", "web", 80)];
    let edge = Edge::start(&manifest::join(&[
        manifest::ingress_annotated("shop", "shop.test", &paths, &[("hold", "20s")]),
        manifest::ingress("brief", "brief.test", &paths),
        manifest::service("web", 80, &[origin.address]),
    ]))
    .await;
    origin.refuse().await;
    let (replies, ()) = tokio::join!(at_once(&edge, 5), async {
        are_held(&edge, 5.0).await;
        // One that is held for as long as is the default comes later, and has its answer first.
        assert_eq!(edge.get("http://brief.test/").await.status, 503);
        origin.accept_again();
    });
    for reply in replies {
        assert_eq!((reply.status, reply.served_by()), (200, "a"), "{reply:?}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_stays_away_is_a_503_when_the_hold_ends() {
    let origin = Origin::start("a").await;
    origin.refuse().await;
    for (hold, attempts_min) in [(None, 5), (Some("300ms"), 3), (Some("0s"), 1)] {
        let annotations: Vec<_> = hold.iter().map(|hold| ("hold", *hold)).collect();
        let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
        let began = Instant::now();
        let reply = edge.send(&own_answer::request("GET", GET)).await;
        let waited = began.elapsed();
        let line = own_answer::check(&edge, &reply, 503, "connect-refused").await;
        let hold = match hold {
            None => 1000,
            Some("300ms") => 300,
            _ => 0,
        };
        assert!(waited >= Duration::from_millis(hold), "{waited:?}");
        assert!(outcomes(&line).len() >= attempts_min, "{line}");
        assert!(outcomes(&line).iter().all(|one| one == "connect-refused"));
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_are_held_than_the_bound_allows() {
    let origin = Origin::start("a").await;
    origin.refuse().await;
    let site = manifest::shop_annotated(&[origin.address], &[("hold", "10s")]);
    let edge = Edge::start(&site).await;
    let (replies, reply) = tokio::join!(at_once(&edge, 64), async {
        are_held(&edge, 64.0).await;
        let reply = edge.send(&own_answer::request("GET", GET)).await;
        origin.accept_again();
        reply
    });
    own_answer::check(&edge, &reply, 503, "hold-full").await;
    for reply in replies {
        assert_eq!((reply.status, reply.served_by()), (200, "a"), "{reply:?}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_has_just_become_empty_is_waited_for_and_one_that_long_is_not() {
    let origin = Origin::start("a").await;
    let site = manifest::join(&[
        manifest::ingress_annotated("shop", "shop.test", &[("/", "web", 80)], &[("hold", "8s")]),
        manifest::service("web", 80, &[]),
    ]);
    let slice = manifest::slice("web", 1, origin.address);
    let directory = |settings: &mut config::settings::Settings| {
        settings.limits.empty_set_grace = Duration::from_secs(10);
    };
    let files = [("main.yaml", site.as_str()), ("slice.yaml", slice.as_str())];
    let authority = tests::authority::Authority::default();
    let edge = Edge::start_given(authority, &files, directory).await;
    assert_eq!(edge.get(GET).await.served_by(), "a");
    edge.remove("slice.yaml").await;
    let (reply, ()) = tokio::join!(edge.get(GET), async {
        are_held(&edge, 1.0).await;
        edge.write("slice.yaml", &slice).await;
    });
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    edge.stop().await;
    // It was empty from the start: there is nothing to wait for, however long the hold is.
    let edge = Edge::start(&site).await;
    let reply = edge.send(&own_answer::request("GET", GET)).await;
    let line = own_answer::check(&edge, &reply, 503, "no-endpoint").await;
    assert!(line["total_ms"].as_f64() < Some(2000.0), "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_while_it_is_held_gives_its_place_back() {
    let origin = Origin::start("a").await;
    let site = manifest::shop_annotated(&[origin.address], &[("hold", "30s")]);
    let authority = Authority::default();
    let tls = manifest::join(&[
        manifest::ingress_tls("secure", "secure.test", "tls", &[("/", "web", 80)]),
        authority.secret("tls", &["secure.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("a.yaml", &site), ("b.yaml", &tls)], |_| {}).await;
    origin.refuse().await;
    let mut h1 = Connection::open(edge.http()).await.expect("connects");
    let request = Request::new("GET", "http://shop.test/h1").to_bytes();
    h1.send(request).await.expect("sends");
    are_held(&edge, 1.0).await;
    // The hold is longer than these waits are patient.
    drop(h1);
    are_held(&edge, 0.0).await;
    let h2 = edge.connect_h2("secure.test").await;
    let request = Request::new("GET", "https://secure.test/h2");
    let (answer, sender) = h2.start(&request, true).await.expect("starts");
    are_held(&edge, 1.0).await;
    drop((answer, sender));
    are_held(&edge, 0.0).await;
    for path in ["/h1", "/h2"] {
        let line = edge.log.line_with("path", path).await;
        assert_eq!(line["reason"], "client-closed", "{line}");
        assert_eq!(line["status"], 0, "{line}");
    }
    // Nobody else on that connection has noticed.
    origin.accept_again();
    let reply = h2.send(&Request::new("GET", "https://secure.test/")).await;
    assert_eq!(reply.expect("answers").status, 200);
    drop(h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_came_whole_keeps_its_connection_when_it_fails() {
    let origin = Origin::start("a").await;
    let site = manifest::shop_annotated(&[origin.address], &[("hold", "0s")]);
    let edge = Edge::start(&site).await;
    origin.refuse().await;
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let get = own_answer::request("GET", GET);
    let post = own_answer::request("POST", GET).body("order");
    for request in [&get, &post, &own_answer::request("HEAD", GET), &get] {
        let sent = request.send_on(&mut connection).await;
        let reply = sent.expect("the connection is open");
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_ne!(reply.field("connection"), Some("close"), "{reply:?}");
    }
    // Two at once: the second one is not lost with the first.
    let both = [get.to_bytes(), post.to_bytes()].concat();
    connection.send(both).await.expect("sends");
    for _ in 0..2 {
        let reply = connection.read_reply(false).await.expect("answers");
        assert_eq!(reply.status, 503, "{reply:?}");
    }
    origin.accept_again();
    let reply = get.send_on(&mut connection).await.expect("answers");
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    drop(connection);
    edge.stop().await;
}
