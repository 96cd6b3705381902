//! What is an operator told about a running edge, and is it true?

mod why;

use serde_json::Value;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::story_source::is_cluster;

async fn shop() -> (Edge, Origin) {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::join(&[
        manifest::ingress(
            "shop",
            "shop.test",
            &[("/", "web", 80), ("/gone", "wep", 80)],
        ),
        manifest::service("web", 80, &[origin.address]),
    ]))
    .await;
    (edge, origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_hear_that_a_running_edge_is_ready_and_why() {
    let (edge, _origin) = shop().await;
    for target in ["/livez", "/readyz", "/startupz"] {
        let reply = edge.admin(target).await;
        assert_eq!((reply.status, &*reply.text()), (200, "ok\n"), "{target}");
    }
    let verbose = edge.admin("/readyz?verbose").await.text();
    let listed = verbose
        .lines()
        .filter(|line| line.starts_with("[+] "))
        .count();
    // An API server adds a line for each kind that is read there.
    let is_right = if is_cluster() {
        listed > 5
    } else {
        listed == 5
    };
    assert!(is_right && !verbose.contains("[-]"), "{verbose}");
    assert!(verbose.ends_with("readyz check passed\n"), "{verbose}");
    assert_eq!(edge.admin("/nothing").await.status, 404);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_drains_is_alive_and_not_ready() {
    let (edge, origin) = shop().await;
    let mut held = edge
        .connect(&Request::new("GET", "http://shop.test/"))
        .await
        .expect("connects");
    held.send("GET /sleep/1000 HTTP/1.1\r\nhost: shop.test\r\n\r\n")
        .await
        .expect("sends");
    while origin.received().is_empty() {
        tokio::task::yield_now().await;
    }
    let admin = edge.app().admin_addr();
    let stopping = tokio::spawn(edge.stop());
    let ask = async |target: &str| {
        let mut connection = tests::client::Connection::open(admin)
            .await
            .expect("connects");
        let request = Request::new("GET", &format!("http://{admin}{target}"));
        request.send_on(&mut connection).await.expect("answers")
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_millis(900);
    let mut ready = ask("/readyz").await;
    while ready.status == 200 && std::time::Instant::now() < deadline {
        ready = ask("/readyz").await;
    }
    assert_eq!(
        (ready.status, &*ready.text()),
        (503, "the edge is stopping\n")
    );
    let verbose = ask("/readyz?verbose").await.text();
    assert!(verbose.contains("[-] not-draining failed: "), "{verbose}");
    assert_eq!(ask("/livez").await.status, 200);
    assert_eq!(ask("/startupz").await.status, 200);
    assert_eq!(
        held.read_reply(false).await.expect("is answered").status,
        200
    );
    stopping.await.expect("is clean");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_in_force_is_shown_without_secrets() {
    let origin = Origin::start("a").await;
    let authority = tests::authority::Authority::default();
    let pair = authority.sign(&["shop.test"]);
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "tls", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        tests::authority::secret("tls", &pair),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    let text = edge.admin("/config").await.text();
    let config: Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!(config["version"], edge.in_force().version, "{text}");
    for part in [
        "shop.test",
        "default/web:80",
        &origin.address.to_string(),
        "default/tls",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let key = pair.key.lines().nth(1).expect("has a line");
    let all = [
        text,
        edge.admin("/problems").await.text(),
        edge.admin("/metrics").await.text(),
    ];
    assert!(
        !all.concat().contains(key) && !all.concat().contains("PRIVATE"),
        "a key is shown"
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_come_and_go_with_their_cause() {
    let (edge, origin) = shop().await;
    let text = edge.admin("/problems").await.text();
    let problems: Value = serde_json::from_str(&text).expect("is JSON");
    let all = problems["problems"].as_array().expect("is a list").iter();
    let wep: Vec<_> = all
        .filter(|problem| problem["code"] == "no-such-service")
        .collect();
    assert_eq!(wep.len(), 1, "{text}");
    assert_eq!(
        (&wep[0]["severity"], &wep[0]["name"]),
        (&"error".into(), &"shop".into())
    );
    let file = wep[0]["file"].as_str().unwrap_or_default();
    let line = wep[0]["line"].as_u64().unwrap_or_default();
    let has_place = file.ends_with("main.yaml") && line > 1;
    assert_eq!(has_place, !is_cluster(), "{text}");
    let errors = ["severity=\"error\""];
    assert_eq!(edge.metric("hedgerow_problems", &errors).await, 1.0);
    edge.write("wep.yaml", &manifest::service("wep", 80, &[origin.address]))
        .await;
    let text = edge.admin("/problems").await.text();
    assert!(!text.contains("no-such-service"), "{text}");
    assert_eq!(edge.metric("hedgerow_problems", &errors).await, 0.0);
    edge.stop().await;
}

/// A metric, labels that its series have, and the sum.
type Expected = (&'static str, &'static [&'static str], f64);

const COUNTED: [Expected; 16] = [
    (
        "hedgerow_requests_total",
        &["route=\"Ingress default/shop\"", "code_class=\"2xx\""],
        4.0,
    ),
    (
        "hedgerow_requests_total",
        &["route=\"Ingress default/shop\"", "code_class=\"5xx\""],
        2.0,
    ),
    ("hedgerow_responses_total", &["code=\"404\""], 1.0),
    (
        "hedgerow_requests_by_method_total",
        &["method=\"POST\""],
        1.0,
    ),
    (
        "hedgerow_requests_by_reason_total",
        &["reason=\"answered\""],
        4.0,
    ),
    (
        "hedgerow_requests_by_reason_total",
        &["reason=\"no-service\""],
        1.0,
    ),
    (
        "hedgerow_requests_by_reason_total",
        &["reason=\"no-rule\""],
        1.0,
    ),
    (
        "hedgerow_requests_by_reason_total",
        &["reason=\"connect-refused\""],
        1.0,
    ),
    (
        "hedgerow_request_body_bytes_total",
        &["direction=\"in\""],
        5.0,
    ),
    ("hedgerow_attempts_total", &["outcome=\"answered\""], 4.0),
    ("hedgerow_request_duration_seconds_count", &[], 7.0),
    (
        "hedgerow_backend_first_byte_seconds_count",
        &["backend=\"default/web:80\""],
        4.0,
    ),
    (
        "hedgerow_backend_endpoints",
        &["backend=\"default/web:80\"", "state=\"ready\""],
        1.0,
    ),
    ("hedgerow_requests_in_flight", &[], 0.0),
    ("hedgerow_requests_held", &[], 0.0),
    ("hedgerow_build_info", &[], 1.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_happened() {
    let (edge, origin) = shop().await;
    for _ in 0..3 {
        edge.get("http://shop.test/bytes/100").await;
    }
    edge.get("http://shop.test/gone").await;
    edge.get("http://nobody.test/").await;
    edge.send(&Request::new("POST", "http://shop.test/").body("12345"))
        .await;
    origin.refuse().await;
    edge.get("http://shop.test/").await;
    for (name, labels, expected) in COUNTED {
        edge.until_metric(name, labels, expected).await;
    }
    assert!(
        edge.metric("hedgerow_attempts_total", &["outcome=\"connect-refused\""])
            .await
            >= 2.0
    );
    edge.stop().await;
}
