//! Which certificate is shown for which name, and what becomes of a Secret that is late or wrong?

use super::{leaf, shown, start};
use tests::authority::{Authority, Pair, secret};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::story_source::is_cluster;

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_follows_the_name_that_the_client_sends() {
    let hosts = start(&["shop.test", "*.shop.test", "api.shop.test"]).await;
    let edge = &hosts.edge;
    let of: Vec<_> = hosts.pairs.iter().map(leaf).collect();
    let default = shown(edge, "nobody.test").await;
    assert!(!of.contains(&default));
    for (name, expected) in [
        ("shop.test", &of[0]),
        ("SHOP.Test", &of[0]),
        ("www.shop.test", &of[1]),
        ("api.shop.test", &of[2]),
        // A wildcard stands for one label.
        ("a.b.shop.test", &default),
        ("test", &default),
        ("other.test", &default),
        // No SNI at all.
        ("127.0.0.1", &default),
    ] {
        assert!(shown(edge, name).await == *expected, "{name}");
    }
    // A client that checks is content.
    for name in ["shop.test", "www.shop.test", "api.shop.test"] {
        let reply = edge.get(&format!("https://{name}/")).await;
        assert_eq!((reply.status, reply.served_by()), (200, "web"), "{name}");
    }
    hosts.edge.stop().await;
}

/// R56: meanwhile the default certificate, and no redirect.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_comes_later_takes_effect_and_one_that_goes_ends_it() {
    let origin = Origin::start("web").await;
    let edge = Edge::start(&manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "late", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ]))
    .await;
    let default = shown(&edge, "nobody.test").await;
    for _ in 0..2 {
        assert!(shown(&edge, "shop.test").await == default);
        assert_eq!(edge.get("http://shop.test/").await.status, 200);
        let problems = edge.admin("/problems").await.text();
        assert!(problems.contains("late"), "{problems}");
        let pair = edge.authority.sign(&["shop.test"]);
        edge.write("late.yaml", &secret("late", &pair)).await;
        assert!(shown(&edge, "shop.test").await == leaf(&pair));
        assert_eq!(edge.get("http://shop.test/").await.status, 308);
        assert_eq!(edge.get("https://shop.test/").await.status, 200);
        edge.remove("late.yaml").await;
    }
    edge.stop().await;
}

const ANOTHER_TYPE: &str = "another type";
const NO_BASE64: &str = "no base64";
/// No author can do that there.
const REFUSED_BY_KUBERNETES: [&str; 2] = [ANOTHER_TYPE, NO_BASE64];

/// What stands in the Secret instead, and the word of its Problem.
fn broken(authority: &Authority) -> Vec<(&'static str, String)> {
    let good = authority.sign(&["shop.test"]);
    let other = authority.sign(&["shop.test"]);
    let with = |certificate: &str, key: &str| {
        let pair = Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        secret("shop-tls", &pair)
    };
    let (certificate, key) = (&*good.certificate, &*good.key);
    vec![
        (
            "the key of another certificate",
            with(certificate, &other.key),
        ),
        ("no certificate", with("", key)),
        ("no key", with(certificate, "")),
        ("garbage for a certificate", with("garbage", key)),
        ("garbage for a key", with(certificate, "garbage")),
        (
            "half a certificate",
            with(&certificate[..certificate.len() / 2], key),
        ),
        ("half a key", with(certificate, &key[..key.len() / 2])),
        (
            "a certificate for other names",
            secret("shop-tls", &authority.sign(&["other.test"])),
        ),
        (
            ANOTHER_TYPE,
            secret("shop-tls", &good).replace("kubernetes.io/tls", "Opaque"),
        ),
        (
            NO_BASE64,
            secret("shop-tls", &good).replace("tls.crt: ", "tls.crt: \"!\" # "),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_secret_keeps_the_last_good_one_and_is_reported() {
    let origin = Origin::start("web").await;
    let authority = Authority::default();
    let mut last_good = authority.sign(&["shop.test"]);
    let cases = broken(&authority);
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ]);
    let files = [
        ("main.yaml", &*site),
        ("secret.yaml", &*secret("shop-tls", &last_good)),
    ];
    let edge = Edge::start_given(authority, &files, |_| {}).await;
    for (case, text) in cases {
        if is_cluster() && REFUSED_BY_KUBERNETES.contains(&case) {
            continue;
        }
        edge.write_quietly("secret.yaml", &text);
        edge.until(case, |now| {
            let mut names = now
                .problems
                .iter()
                .map(|problem| &*problem.object.name.name);
            names.any(|name| name == "shop-tls")
        })
        .await;
        assert!(
            shown(&edge, "shop.test").await == leaf(&last_good),
            "{case}"
        );
        assert_eq!(edge.get("https://shop.test/").await.status, 200, "{case}");
        assert_eq!(edge.get("http://shop.test/").await.status, 308, "{case}");
        // A good one heals it, and is the next last good one.
        last_good = edge.authority.sign(&["shop.test"]);
        edge.write("secret.yaml", &secret("shop-tls", &last_good))
            .await;
        assert!(
            shown(&edge, "shop.test").await == leaf(&last_good),
            "{case}"
        );
    }
    edge.stop().await;
}
