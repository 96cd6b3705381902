//! Does a private key ever leave the edge?

use tests::authority::{Authority, Pair, secret};
use tests::canary::{self, Canary};
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest::{self, join};
use tests::origin::Origin;

/// The Secret as it should be, and each way in which people get it wrong.
fn secrets(pair: &Pair) -> Vec<String> {
    let right = secret("shop", pair);
    let key = right.lines().last().unwrap().trim().to_owned();
    let indented = |text: &str, depth: usize| {
        let spaces = " ".repeat(depth);
        text.trim().replace('\n', &format!("\n{spaces}"))
    };
    let pem = indented(&pair.key, 4);
    let swapped = Pair {
        certificate: pair.key.clone(),
        key: pair.certificate.clone(),
    };
    let head = "apiVersion: v1\nkind: Secret\nmetadata: { name: shop }\ntype: kubernetes.io/tls\n";
    vec![
        right.clone(),
        right.replace("kubernetes.io/tls", "Opaque"),
        secret("shop", &swapped),
        right.replace("data:", "dta:"),
        // Not below `data`.
        right.replace("  tls.key", "tls.key"),
        right.replace("  tls.key: ", "\ttls.key: "),
        right.replace("tls.key: ", "tls.key: \""),
        right.replace(&key, &format!("{key}\n  {key}")),
        right.replace(&key, &format!("tls.key: [{}]", &key["tls.key: ".len()..])),
        // Not base64 once, or twice.
        format!("{head}data:\n  tls.key: |\n    {pem}\n"),
        format!("{head}stringData:\n  tls.key: |\n    {pem}\n  tls.crt: [1]\n"),
        format!("{head}stringData:\n  tls.key: [|\n    {pem}\n"),
        right.replace("  tls.key", "  tls.kei"),
        format!("{head}data: {}\n", &key["tls.key: ".len()..]),
        format!("{head}immutable: {}\n", &key["tls.key: ".len()..]),
    ]
}

#[test]
fn a_private_key_is_in_no_log_no_metric_and_no_answer() {
    canary::check_story("canary::tells_the_story", "\"DEBUG\"");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "only for the story that looks at its log"]
async fn tells_the_story() {
    let pair = canary::pair_of_the_story();
    let canary = Canary::of(&pair);
    let origin = Origin::start("web").await;
    let site = join(&[
        manifest::ingress_tls("shop", "shop.test", "shop", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        // What is passed over is logged at `debug`.
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n".to_owned(),
    ]);
    for (number, text) in secrets(&pair).iter().enumerate() {
        let files = [("main.yaml", &*site), ("secret.yaml", &**text)];
        let edge = Edge::start_given(Authority::default(), &files, |settings| {
            let name = config::name::ObjectName::new("default", "shop");
            settings.default_certificate = Some(config::settings::DefaultCertificate::Secret(name));
        })
        .await;
        let mut connection = edge.connect_trusting("shop.test").await.unwrap();
        let request = Request::new("GET", "https://shop.test/");
        let reply = request.send_on(&mut connection).await.unwrap();
        assert_eq!(reply.status, 200, "{number}");
        drop(connection);
        canary::check_edge(&edge, &canary).await;
        // A renewal that goes wrong.
        let before = edge.in_force().version;
        edge.write_quietly("secret.yaml", "kind: Secret\n");
        edge.follow(before).await;
        canary::check_edge(&edge, &canary).await;
        edge.stop().await;
        check_debug(text, &canary);
    }
    canary::the_story_is_told();
}

/// What a line with `{:?}` in our own code would write.
fn check_debug(text: &str, canary: &Canary) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret.yaml"), text).unwrap();
    let loaded = k8s::source::directory::load(directory.path());
    let objects = format!("{:?}", loaded.objects);
    canary.check_absent("the objects", objects.as_bytes());
    let settings = config::settings::Settings::default();
    let compiled = k8s::control::build(&loaded.objects, &settings, 1_800_000_000);
    let compiled = format!("{compiled:?}");
    canary.check_absent("what is compiled", compiled.as_bytes());
}
