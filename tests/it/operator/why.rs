//! Does `why` agree with what the edge does?

use serde_json::Value;
use tests::authority::Authority;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// Every sort of rule there is.
fn site(authority: &Authority, origin: &Origin) -> String {
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: hedgerow }\nspec: { controllerName: edwardstech.dev/hedgerow }\n\
        ---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: gate }\nspec:\n  gatewayClassName: hedgerow\n  \
        listeners: [{ name: http, port: 80, protocol: HTTP }]\n\
        ---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: api }\nspec:\n  parentRefs: [{ name: gate }]\n  hostnames: [api.test]\n  rules:\n    \
        - matches: [{ path: { value: /v2 }, headers: [{ name: x-version, value: two }] }]\n      backendRefs: [{ name: web, port: 80 }]\n    \
        - matches: [{ path: { value: /old } }]\n      filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 301, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new } } }]\n    \
        - matches: [{ path: { value: /post }, method: POST }]\n      backendRefs: [{ name: web, port: 80 }]\n    \
        - matches: [{ path: { value: /broken } }]\n      backendRefs: [{ name: nobody, port: 80 }]\n";
    let root = [("/", "web", 80)];
    manifest::join(&[
        manifest::ingress(
            "shop",
            "shop.test",
            &[("/", "web", 80), ("/api", "wep", 80)],
        ),
        manifest::ingress("any", "*.wild.test", &root),
        manifest::ingress_tls("secure", "secure.test", "tls", &root),
        manifest::ingress_annotated(
            "name",
            "old.test",
            &root,
            &[("canonical-host", "shop.test")],
        ),
        manifest::ingress_annotated("always", "always.test", &root, &[("ssl-redirect", "true")]),
        manifest::ingress_annotated("slash", "slash.test", &root, &[("encoded-slash", "refuse")]),
        manifest::ingress("empty", "empty.test", &[("/", "empty", 80)]),
        manifest::service("web", 80, &[origin.address]),
        manifest::service("empty", 80, &[]),
        authority.secret("tls", &["secure.test"]),
        gateway.to_owned(),
    ])
}

/// What an explanation says a client gets: the status, and where a redirect leads. 200 stands for the backend's own answer.
fn expected(why: &Value) -> (u16, Option<String>) {
    let status =
        |value: &Value| u16::try_from(value["status"].as_u64().expect("has a status")).unwrap();
    let first = &why["first"];
    if first["redirect"].is_object() {
        let to = first["redirect"]["to"].as_str().expect("has an address");
        return (status(&first["redirect"]), Some(to.to_owned()));
    }
    if first["fail"].is_object() {
        return (status(&first["fail"]), None);
    }
    let action = &why["winner"]["action"];
    if action["redirect"].is_object() {
        return (status(&action["redirect"]), None);
    }
    if action["fail"].is_object() {
        return (status(&action["fail"]), None);
    }
    let to = &action["forward"][0]["to"];
    match (why["winner"].is_null(), to["fail"].is_object()) {
        (true, _) => (404, None),
        (_, true) => (status(&to["fail"]), None),
        _ if to["backend"]["endpoints"] == Value::Array(Vec::new()) => (503, None),
        _ => (200, None),
    }
}

/// The edge does what it says; both are `status`.
async fn check(edge: &Edge, request: &Request, status: u16) {
    let scheme = if request.is_https { "https" } else { "http" };
    let mut question = format!(
        "/why?method={}&url={scheme}://{}",
        request.method, request.host
    );
    question.push_str(&request.target.replace('%', "%25"));
    for (name, value) in &request.fields {
        question.push_str(&format!("&header={name}:{value}"));
    }
    let reply = edge.admin(&question).await;
    let text = reply.text();
    let done = edge.send(request).await;
    if reply.status == 422 {
        assert!(
            text.starts_with(&format!("{status}: ")),
            "{question}: {text}"
        );
        assert_eq!(done.status, status, "{question}");
        return;
    }
    assert_eq!(reply.status, 200, "{question}: {text}");
    let why: Value = serde_json::from_str(&text).expect("is JSON");
    let (said, to) = expected(&why);
    assert_eq!((said, done.status), (status, status), "{question}: {why:#}");
    if let Some(to) = to {
        assert_eq!(done.field("location"), Some(&*to), "{question}");
    }
    let is_ours = done.served_by().is_empty();
    assert_eq!(is_ours, status != 200, "{question}: {done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_explanation_and_the_edge_never_disagree() {
    let (origin, authority) = (Origin::start("a").await, Authority::default());
    let files = site(&authority, &origin);
    let edge = Edge::start_given(authority, &[("main.yaml", &files)], |_| {}).await;
    for (method, url, status) in [
        ("GET", "http://shop.test/", 200),
        ("GET", "http://SHOP.test/x?y=1", 200),
        ("GET", "http://shop.test/api/x", 503),
        ("GET", "http://shop.test/apix", 200),
        ("GET", "http://shop.test/x/../api", 503),
        ("GET", "http://shop.test/..%2Fapi", 400),
        ("GET", "http://shop.test/a%2Fb", 200),
        ("GET", "http://slash.test/a%2Fb", 400),
        ("GET", "http://slash.test/a/b", 200),
        ("TRACE", "http://shop.test/", 405),
        ("DELETE", "http://shop.test/", 200),
        ("GET", "http://nobody.test/", 404),
        ("GET", "http://a.wild.test/", 200),
        ("GET", "http://b.a.wild.test/", 404),
        ("GET", "http://wild.test/", 404),
        ("GET", "http://empty.test/", 503),
        ("GET", "http://secure.test/x?y=1", 308),
        ("GET", "https://secure.test/x", 200),
        (
            "GET",
            "http://secure.test/.well-known/acme-challenge/x",
            200,
        ),
        ("GET", "http://old.test/x?y=1", 308),
        ("GET", "http://always.test/x", 308),
        ("GET", "http://api.test/v2/x", 404),
        ("GET", "http://api.test/old/x", 301),
        ("POST", "http://api.test/post", 200),
        ("GET", "http://api.test/post", 404),
        ("GET", "http://api.test/broken", 500),
    ] {
        check(&edge, &Request::new(method, url), status).await;
    }
    let request = Request::new("GET", "http://api.test/v2/x").field("x-version", "two");
    check(&edge, &request, 200).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_another_certificate_is_misdirected_and_why_names_both() {
    let (origin, authority) = (Origin::start("a").await, Authority::default());
    let root = [("/", "web", 80)];
    let site = manifest::join(&[
        manifest::ingress_tls("one", "one.test", "one", &root),
        manifest::ingress_tls("two", "two.test", "two", &root),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("one", &["one.test"]),
        authority.secret("two", &["two.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    let mut connection = edge
        .connect(&Request::new("GET", "https://one.test/"))
        .await
        .expect("connects");
    let reply = Request::new("GET", "https://two.test/")
        .send_on(&mut connection)
        .await;
    assert_eq!(reply.expect("is answered").status, 421);
    for name in ["one", "two"] {
        let why = edge
            .admin(&format!("/why?url=https://{name}.test/"))
            .await
            .text();
        let why: Value = serde_json::from_str(&why).expect("is JSON");
        assert_eq!(why["certificate"], format!("default/{name}"));
    }
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_names_the_port_that_a_listener_on_any_port_got() {
    let (origin, authority) = (Origin::start("a").await, Authority::default());
    let files = site(&authority, &origin);
    let edge = Edge::start_given(authority, &[("main.yaml", &files)], |_| {}).await;
    for (from, scheme, to, port) in [
        ("http://secure.test/x", "https", "secure.test", edge.https()),
        ("http://old.test/x", "http", "shop.test", edge.http()),
    ] {
        let reply = edge.get(from).await;
        let location = format!("{scheme}://{to}:{}/x", port.port());
        assert_eq!(reply.field("location"), Some(&*location));
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_form_tells_a_redirect_before_the_rule() {
    let (origin, authority) = (Origin::start("a").await, Authority::default());
    let files = site(&authority, &origin);
    let edge = Edge::start_given(authority, &[("main.yaml", &files)], |settings| {
        settings.https[0].public_port = Some(443);
    })
    .await;
    let text = edge
        .admin("/why?output=text&url=http://secure.test/x")
        .await
        .text();
    let to = "redirect 308 to https://secure.test/x: plain HTTP";
    let (first, rule) = (text.find(to), text.find("Ingress default/secure"));
    assert!(first.is_some() && rule.is_some(), "{text}");
    assert!(text.contains(&origin.address.to_string()), "{text}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_is_told_with_its_last_failure_and_its_last_answer() {
    let origin = Origin::start("a").await;
    let site = manifest::shop_annotated(&[origin.address], &[("hold", "0s")]);
    let edge = Edge::start(&site).await;
    assert_eq!(edge.get("http://shop.test/").await.status, 200);
    // The client has its answer a moment before the edge notes it.
    edge.log.line_with("reason", "answered").await;
    origin.refuse().await;
    assert_eq!(edge.get("http://shop.test/").await.status, 503);
    let why = edge.admin("/why?url=http://shop.test/").await;
    let text = why.text();
    assert!(text.contains("last answer 0 s ago"), "{text}");
    assert!(
        text.contains("last failure 0 s ago: connect-refused"),
        "{text}"
    );
    edge.stop().await;
}
