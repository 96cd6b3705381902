//! Does gRPC work end to end, and does a client of it understand what the edge itself answers?

use bytes::Bytes;
use tests::authority::Authority;
use tests::client::Request;
use tests::client::h2::{read, read_head};
use tests::client::within;
use tests::edge::Edge;
use tests::manifest;
use tests::origin_h2::H2Origin;
use tests::origin_tls::TlsFront;

fn call(method: &str) -> Request {
    Request::new("POST", &format!("https://api.test/{method}"))
        .field("content-type", "application/grpc")
        .field("te", "trailers")
}

/// `api.test` over TLS, to the Service `api` as given.
async fn site(authority: Authority, service: String, more: &[String]) -> Edge {
    let mut documents = vec![
        manifest::ingress_tls("api", "api.test", "api-tls", &[("/", "api", 50051)]),
        authority.secret("api-tls", &["api.test"]),
        service,
    ];
    documents.extend_from_slice(more);
    let site = manifest::join(&documents);
    Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await
}

fn h2c(origin: &H2Origin) -> String {
    let h2c = [("backend-protocol", "h2c")];
    manifest::service_annotated("api", 50051, &[origin.address], &h2c)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_with_the_backends_trailers() {
    let origin = H2Origin::start("g").await;
    let edge = site(Authority::default(), h2c(&origin), &[]).await;
    let h2 = edge.connect_h2("api.test").await;
    let message = "m".repeat(1_000_000);
    for body in ["message", &message] {
        let reply = h2.send(&call("echo").body(body)).await.expect("answers");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.field("content-type"), Some("application/grpc"));
        assert!(reply.body == body.as_bytes(), "{} bytes", reply.body.len());
        assert_eq!(reply.trailer("grpc-status"), Some("0"));
        assert_eq!(reply.trailer("grpc-message"), Some("fine"));
    }
    drop(h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_tls_to_the_backend_ends_with_its_trailers() {
    let authority = Authority::default();
    let origin = H2Origin::start("g").await;
    let pair = authority.sign(&["api.default.svc"]);
    let front = TlsFront::start(&pair, &["h2"], origin.address).await;
    let annotations = [("backend-protocol", "https"), ("backend-ca", "internal")];
    let service = manifest::service_annotated("api", 50051, &[front.address], &annotations);
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: internal, namespace: default }}\ndata:\n  ca.crt: {:?}\n",
        authority.certificate()
    );
    let edge = site(authority, service, &[map]).await;
    let h2 = edge.connect_h2("api.test").await;
    let reply = h2.send(&call("echo").body("message")).await;
    let reply = reply.expect("answers");
    assert_eq!(reply.trailer("grpc-status"), Some("0"), "{reply:?}");
    drop(h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_stream_both_ways_one_by_one() {
    let origin = H2Origin::start("g").await;
    let edge = site(Authority::default(), h2c(&origin), &[]).await;
    let h2 = edge.connect_h2("api.test").await;
    let (answer, mut sender) = h2.start(&call("chat"), false).await.expect("starts");
    // The answer's head comes before a message was sent.
    let (head, mut body) = read_head(answer).await.expect("begins");
    assert_eq!(head.status, 200);
    for number in 0..5 {
        let message = Bytes::from(format!("message {number}"));
        sender.send_data(message.clone(), false).expect("sends");
        let part = within(body.data()).await.expect("in time");
        assert_eq!(part.expect("goes on").expect("is whole"), message);
        let _ = body.flow_control().release_capacity(message.len());
    }
    sender.send_data(Bytes::new(), true).expect("ends");
    let end = within(body.data()).await.expect("in time");
    assert!(end.is_none_or(|part| part.expect("is whole").is_empty()));
    let trailers = within(body.trailers()).await.expect("in time");
    let trailers = trailers.expect("is whole").expect("has trailers");
    assert_eq!(trailers["grpc-status"], "0");
    drop((body, sender, h2));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_backend_without_a_message_passes_as_it_is() {
    let origin = H2Origin::start("g").await;
    let edge = site(Authority::default(), h2c(&origin), &[]).await;
    let h2 = edge.connect_h2("api.test").await;
    let reply = h2.send(&call("fail")).await.expect("answers");
    let status = reply
        .trailer("grpc-status")
        .or_else(|| reply.field("grpc-status"));
    assert_eq!((reply.status, status), (200, Some("5")), "{reply:?}");
    drop(h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edges_own_answers_are_calls_that_failed() {
    let gone = H2Origin::start("g").await;
    let refused = gone.address;
    drop(gone);
    let never = manifest::service("api", 50051, &[]);
    let edge = site(Authority::default(), never, &[]).await;
    let h2 = edge.connect_h2("api.test").await;
    check(&h2, "14").await;
    let h2c = [("backend-protocol", "h2c"), ("hold", "0s")];
    let service = manifest::service_annotated("api", 50051, &[refused], &h2c);
    let text = std::fs::read_to_string(edge.manifests().join("main.yaml")).expect("is there");
    let text = text.replace(&manifest::service("api", 50051, &[]), &service);
    edge.write("main.yaml", &text).await;
    check(&h2, "14").await;
    let text = text.replace("path: \"/\"", "path: \"/other\"");
    edge.write("main.yaml", &text).await;
    check(&h2, "12").await;
    drop(h2);
    edge.stop().await;
}

/// A call that the edge answers: 200, no message, this status in the trailers. The same for a call whose messages still come.
async fn check(h2: &tests::client::h2::H2Connection, status: &str) {
    let reply = h2.send(&call("echo").body("message")).await;
    let reply = reply.expect("answers");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.field("content-type"), Some("application/grpc"));
    assert!(reply.is_ours() && reply.body.is_empty(), "{reply:?}");
    assert_eq!(reply.trailer("grpc-status"), Some(status), "{reply:?}");
    assert!(reply.trailer("grpc-message").is_some());
    let (answer, sender) = h2.start(&call("chat"), false).await.expect("starts");
    let reply = within(read(answer)).await.expect("in time");
    let reply = reply.expect("answers");
    assert_eq!(reply.trailer("grpc-status"), Some(status), "{reply:?}");
    drop(sender);
}
