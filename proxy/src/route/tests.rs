//! What do rules answer by themselves, and in which form do they forward?

use super::*;
use crate::connection::context::{ListenerFacts, TlsFacts};
use crate::live::assemble::tests::{certificate, compiled, forward, plain, rule, settings};
use crate::live::{InForce, assemble};
use crate::observe::Metrics;
use crate::sanitise;
use config::hostname::Hostname;
use config::model::{
    Certificate, HeaderChange, PathMatch, Redirect, RequestMatch, RoutePolicy, SslRedirect,
};
use config::name::{Kind, ObjectName};
use config::settings::{Listener, Settings};
use config::snapshot::TlsEntry;
use http::{HeaderName, HeaderValue, Version};
use pingora_http::{RequestHeader, ResponseHeader};
use std::sync::Arc;

const HTTP: bool = false;
const HTTPS: bool = true;

fn entry(host: &str) -> TlsEntry {
    let key = certificate();
    TlsEntry {
        host: Hostname::parse(host).unwrap(),
        secret: ObjectName::new("website", host),
        certificate: Arc::new(Certificate {
            key,
            names: Vec::new(),
            not_before: 0,
            not_after: 0,
            digest: 0,
        }),
    }
}

fn listening() -> Arc<Settings> {
    let listener = |port: u16, public: u16| Listener {
        address: ([127, 0, 0, 1], port).into(),
        public_port: Some(public),
        proxy_protocol: false,
    };
    let mut listening = Settings::clone(&settings());
    listening.http = vec![listener(8080, 80)];
    listening.https = vec![listener(8443, 443)];
    Arc::new(listening)
}

/// One rule, over certificates for these hosts.
fn in_force(rule: Rule, certificates: &[&str]) -> InForce {
    let namespace = rule.object.name.namespace.clone();
    let mut compiled = compiled(vec![rule], vec![plain()], &[9]);
    let snapshot = Arc::get_mut(&mut compiled.snapshot).unwrap();
    for host in certificates {
        snapshot
            .tls
            .ask(&namespace, &Hostname::parse(host).unwrap());
        snapshot.tls.insert(entry(host));
    }
    let nothing = InForce::nothing(listening(), certificate());
    assemble(&compiled, &listening(), &nothing, &Metrics::new().unwrap())
}

fn connection(is_https: bool, server_name: Option<(&str, Option<&str>)>) -> ConnectionContext {
    ConnectionContext {
        listener: Arc::new(ListenerFacts {
            label: "l".into(),
            is_https,
            public_port: if is_https { 443 } else { 80 },
            public_port_text: HeaderValue::from_static("80"),
        }),
        client: ([192, 0, 2, 1], 4711).into(),
        client_text: HeaderValue::from_static("192.0.2.1"),
        tls: server_name.map(|(name, opened_for)| TlsFacts {
            server_name: Some(name.into()),
            entry: opened_for.map(|host| Arc::new(entry(host))),
            version: "TLSv1.3",
            cipher: "",
        }),
        active: Default::default(),
        is_upgraded: Default::default(),
        is_condemned: Default::default(),
        closes: Default::default(),
        keeps: Default::default(),
        has_begun: Default::default(),
        bytes_in: Default::default(),
        bytes_out: Default::default(),
    }
}

fn request(url: &str) -> Parts {
    let request = http::Request::builder().uri(url).version(Version::HTTP_2);
    request.body(()).unwrap().into_parts().0
}

fn ask(in_force: &InForce, url: &str, is_https: bool) -> Result<Forward, Answer> {
    let request = request(url);
    let connection = connection(is_https, None);
    act(&Asked {
        in_force,
        rule: RuleId(0),
        request: &request,
        normal: &sanitise::judge(&request).unwrap(),
        client: &Client::find(&connection, &[], &request.headers),
        connection: &connection,
    })
}

/// Where a request is sent; None: it is forwarded.
fn location(in_force: &InForce, url: &str, is_https: bool) -> Option<(u16, String)> {
    let answer = ask(in_force, url, is_https).err()?;
    let location = answer.location()?.to_str().unwrap().to_owned();
    Some((answer.status, location))
}

fn check(in_force: &InForce, url: &str, is_https: bool, expected: Option<&str>) {
    let found = location(in_force, url, is_https).map(|(_, location)| location);
    assert_eq!(found.as_deref(), expected, "{url}");
}

fn with_policy(policy: RoutePolicy) -> Rule {
    Rule {
        policy: Arc::new(policy),
        ..rule("site", forward())
    }
}

#[test]
fn plain_http_is_redirected_where_a_certificate_is_loaded() {
    let site = in_force(
        rule("site", forward()),
        &["a.test", "*.b.test", "localhost"],
    );
    check(
        &site,
        "http://a.test/x?y=1",
        HTTP,
        Some("https://a.test/x?y=1"),
    );
    check(&site, "http://A.TEST:80/", HTTP, Some("https://a.test/"));
    check(&site, "http://x.b.test/", HTTP, Some("https://x.b.test/"));
    check(&site, "http://c.test/", HTTP, None);
    check(&site, "http://a.test/x", HTTPS, None);
    check(&site, "http://localhost/", HTTP, None);
    check(
        &site,
        "http://a.test/.well-known/acme-challenge/t",
        HTTP,
        None,
    );
    assert_eq!(location(&site, "http://a.test/", HTTP).unwrap().0, 308);
}

#[test]
fn an_httproute_is_redirected_by_its_filter_alone() {
    let mut route = rule("site", forward());
    route.object.kind = Kind::HttpRoute;
    check(&in_force(route, &["a.test"]), "http://a.test/", HTTP, None);
}

#[test]
fn the_annotation_overrides_what_happens_by_itself() {
    let of = |ssl_redirect| RoutePolicy {
        ssl_redirect,
        ..RoutePolicy::default()
    };
    let never = in_force(with_policy(of(SslRedirect::Never)), &["a.test"]);
    check(&never, "http://a.test/", HTTP, None);
    let always = in_force(with_policy(of(SslRedirect::Always)), &[]);
    check(&always, "http://a.test/", HTTP, Some("https://a.test/"));
    check(&always, "http://localhost/", HTTP, None);
    check(&always, "http://127.0.0.1/", HTTP, None);
}

#[test]
fn another_host_of_the_rule_is_sent_to_the_canonical_one_in_one_step() {
    let policy = RoutePolicy {
        canonical_host: Hostname::parse("www.a.test").ok(),
        ..RoutePolicy::default()
    };
    let site = in_force(with_policy(policy), &["www.a.test"]);
    check(
        &site,
        "http://a.test/x?y",
        HTTPS,
        Some("https://www.a.test/x?y"),
    );
    check(&site, "http://a.test/x", HTTP, Some("https://www.a.test/x"));
    check(&site, "http://www.a.test/x", HTTPS, None);
}

fn redirect(filter: Redirect) -> InForce {
    let mut one = rule("site", Action::Redirect(filter));
    one.object.kind = Kind::HttpRoute;
    one.matches = Arc::new([RequestMatch {
        path: PathMatch::Prefix("/old".into()),
        method: None,
        headers: Vec::new(),
        query: Vec::new(),
    }]);
    in_force(one, &[])
}

#[test]
fn a_redirect_filter_says_what_changes_and_the_rest_stays() {
    let none = Redirect {
        scheme: None,
        hostname: None,
        port: None,
        path: None,
        status: 302,
    };
    let hostname = Hostname::parse("b.test").ok();
    let url = "http://a.test/old/x?y=1";
    let host = redirect(Redirect {
        hostname,
        ..none.clone()
    });
    check(&host, url, HTTP, Some("http://b.test/old/x?y=1"));
    assert_eq!(location(&host, url, HTTP).unwrap().0, 302);
    let https = redirect(Redirect {
        scheme: Some("https"),
        ..none.clone()
    });
    check(&https, url, HTTP, Some("https://a.test/old/x?y=1"));
    let port = redirect(Redirect {
        port: Some(8443),
        scheme: Some("https"),
        ..none.clone()
    });
    check(&port, url, HTTP, Some("https://a.test:8443/old/x?y=1"));
    let path = Some(PathRewrite::Prefix("/new".to_owned()));
    let prefix = redirect(Redirect {
        path,
        ..none.clone()
    });
    check(&prefix, url, HTTP, Some("http://a.test/new/x?y=1"));
    let path = Some(PathRewrite::Full("/all".to_owned()));
    check(
        &redirect(Redirect { path, ..none }),
        url,
        HTTP,
        Some("http://a.test/all?y=1"),
    );
}

#[test]
fn a_connection_serves_the_hosts_of_its_own_certificate_only() {
    let site = in_force(rule("site", forward()), &["a.test", "*.b.test"]);
    let misdirected = |server_name, opened_for, host| {
        let connection = connection(HTTPS, Some((server_name, opened_for)));
        is_misdirected(&site.snapshot, &connection, host)
    };
    let (a, b) = (Some("a.test"), Some("*.b.test"));
    assert!(!misdirected("a.test", a, "a.test"));
    assert!(misdirected("a.test", a, "x.b.test"));
    assert!(misdirected("a.test", a, "unknown.test"));
    assert!(
        !misdirected("x.b.test", b, "y.b.test"),
        "one certificate, one entry"
    );
    assert!(
        !misdirected("unknown.test", None, "other.test"),
        "both have the default"
    );
    assert!(misdirected("unknown.test", None, "a.test"));
    assert!(
        !misdirected("a.test", None, "a.test"),
        "its certificate came later"
    );
    let plain = connection(HTTP, None);
    assert!(!is_misdirected(&site.snapshot, &plain, "a.test"));
}

fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

#[test]
fn filters_change_path_host_and_fields() {
    let mut one = rule("site", forward());
    let change = HeaderChange {
        set: vec![header("x-set", "new")],
        add: vec![header("x-add", "2")],
        remove: vec![HeaderName::from_static("x-gone")],
    };
    one.filters = vec![
        Filter::Rewrite {
            hostname: Hostname::parse("inner.test").ok(),
            path: Some(PathRewrite::Prefix("/v2".to_owned())),
        },
        Filter::RequestHeaders(change.clone()),
        Filter::ResponseHeaders(change),
    ];
    let site = in_force(one, &[]);
    let to = ask(&site, "http://a.test/x/./y?q=%7e", HTTP).unwrap();
    let mut request = RequestHeader::build("GET", b"/x/./y?q=%7e", None).unwrap();
    for (name, value) in [
        ("host", "a.test"),
        ("x-set", "old"),
        ("x-add", "1"),
        ("x-gone", "1"),
    ] {
        request.append_header(name, value).unwrap();
    }
    to.rewrite(&mut request).unwrap();
    apply_request_headers(&site, &to, &mut request).unwrap();
    assert_eq!(request.raw_path(), b"/v2/x/y?q=%7e");
    assert_eq!(request.headers["host"], "inner.test");
    assert_eq!(request.headers["x-set"], "new");
    assert_eq!(request.headers.get_all("x-add").iter().count(), 2);
    assert!(!request.headers.contains_key("x-gone"));
    let mut response = ResponseHeader::build(200, None).unwrap();
    apply_response_headers(&site, &to, &mut response).unwrap();
    assert_eq!(response.headers["x-add"], "2");
}

#[test]
fn what_needs_no_change_is_forwarded_as_it_came() {
    let site = in_force(rule("site", forward()), &[]);
    let of = |url: &str, raw: &[u8]| {
        let to = ask(&site, url, HTTP).unwrap();
        let mut request = RequestHeader::build("GET", raw, None).unwrap();
        to.rewrite(&mut request).unwrap();
        String::from_utf8(request.raw_path().to_vec()).unwrap()
    };
    assert_eq!(
        of("http://a.test/a%2Fb//c?x=%zz&[", b"/a%2Fb//c?x=%zz&["),
        "/a%2Fb//c?x=%zz&["
    );
    assert_eq!(of("http://a.test/abs?q", b"http://a.test/abs?q"), "/abs?q");
    assert_eq!(of("http://a.test/%7eu", b"/%7eu"), "/~u");
}
