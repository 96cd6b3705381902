//! Does every change of the input reach the output, and only changes?

use super::*;
use crate::sample::{self, SITE};
use std::net::IpAddr;

const NOW: i64 = 1_800_000_000; // In 2027.

fn addresses(compiled: &Compiled) -> Vec<IpAddr> {
    let all = compiled.endpoints.values();
    let mut addresses: Vec<IpAddr> = all
        .flat_map(|all| all.iter())
        .map(|endpoint| endpoint.address.ip())
        .collect();
    addresses.sort();
    addresses
}

/// The second text, after the first: `None` if nothing is sent on, else whether the snapshot is another one.
#[track_caller]
fn check(first: &str, second: &str, expected: Option<bool>) {
    let mut control = Control::default();
    let settings = sample::settings();
    let before = control
        .step(&sample::objects(first), &settings, NOW)
        .unwrap();
    let after = control.step(&sample::objects(second), &settings, NOW);
    let found = after.map(|after| !Arc::ptr_eq(&before.snapshot, &after.snapshot));
    assert_eq!(found, expected, "{second}");
}

#[test]
fn only_what_is_new_is_sent_on() {
    check(SITE, SITE, None);
    check(SITE, &SITE.replace("shop.test", "new.test"), Some(true));
    check(SITE, &SITE.replace("path: /,", "path: /a,"), Some(true));
    check(
        SITE,
        &SITE.replace("port: { number: 80", "port: { number: 81"),
        Some(true),
    );
    // A Secret that nobody refers to.
    let other = sample::secret("other", &("x".to_owned(), "y".to_owned()));
    check(SITE, &format!("{SITE}{other}"), None);
    // The same on other lines: whoever asks why is told the lines.
    check(SITE, &format!("# a comment\n{SITE}"), Some(true));
}

#[test]
fn a_change_of_endpoints_alone_keeps_the_snapshot() {
    let mut control = Control::default();
    let settings = sample::settings();
    let before = control
        .step(&sample::objects(SITE), &settings, NOW)
        .unwrap();
    let moved = sample::objects(&SITE.replace("10.0.0.1", "10.0.0.2"));
    let after = control.step(&moved, &settings, NOW).unwrap();
    assert!(Arc::ptr_eq(&before.snapshot, &after.snapshot));
    assert_eq!(addresses(&after), [IpAddr::from([10, 0, 0, 2])]);
    let fresh = build(&moved, &settings, NOW);
    assert_eq!(fresh.endpoints, after.endpoints);
    assert_eq!(fresh.problems, after.problems);
}

#[test]
fn settings_that_matter_are_obeyed_and_others_change_nothing() {
    let objects = sample::objects(SITE);
    let mut control = Control::default();
    let mut settings = sample::settings();
    assert!(control.step(&objects, &settings, NOW).is_some());
    settings.via = true;
    assert!(control.step(&objects, &settings, NOW).is_none());
    settings.endpoints = vec![config::settings::EndpointOverride {
        service: config::name::ObjectName::new("web", "web"),
        port: None,
        address: ([127, 0, 0, 1], 3001).into(),
    }];
    let after = control.step(&objects, &settings, NOW).unwrap();
    assert_eq!(addresses(&after), [IpAddr::from([127, 0, 0, 1])]);
}

#[test]
fn a_renewed_certificate_is_sent_on_and_a_broken_one_keeps_the_old() {
    let secret = || sample::secret("tls", &sample::certificate(&["shop.test"], (2020, 2120)));
    let (first, second) = (secret(), secret());
    let broken = sample::secret("tls", &("x".to_owned(), "y".to_owned()));
    let mut control = Control::default();
    let settings = sample::settings();
    let mut shown = |secret: &str| {
        let compiled =
            control.step(&sample::objects(&format!("{SITE}{secret}")), &settings, NOW)?;
        let entry = compiled.snapshot.tls.find("shop.test")?;
        Some(entry.certificate.digest)
    };
    let first = shown(&first).unwrap();
    let second = shown(&second).unwrap();
    assert_ne!(first, second);
    assert_eq!(shown(&broken), Some(second));
}

#[test]
fn a_certificate_that_ends_is_noticed_without_any_change() {
    let secret = sample::secret("tls", &sample::certificate(&["shop.test"], (2020, 2028)));
    let objects = sample::objects(&format!("{SITE}{secret}"));
    let settings = sample::settings();
    let mut control = Control::default();
    assert!(control.step(&objects, &settings, NOW).is_some());
    assert_eq!(control.time_to_next_look(NOW), Duration::from_secs(3600));
    assert!(control.step(&objects, &settings, NOW + 3600).is_none());
    let end = 1_830_297_600; // 2028-01-01T00:00:00Z.
    assert!(control.step(&objects, &settings, end - 10).is_none());
    assert_eq!(control.time_to_next_look(end - 10), Duration::from_secs(11));
    let after = control.step(&objects, &settings, end + 1).unwrap();
    let expired = |problem: &Arc<Problem>| problem.found.contains("expired");
    assert!(after.problems.iter().any(expired), "{:?}", after.problems);
}

#[test]
fn a_listener_without_a_host_shows_a_certificate_for_its_own_names() {
    let gateway = "kind: GatewayClass\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: hedgerow }\nspec: { controllerName: edwardstech.dev/hedgerow }\n---\nkind: Gateway\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: edge, namespace: web }\nspec: { gatewayClassName: hedgerow, listeners: [{ name: a, protocol: HTTPS, port: 443, tls: { certificateRefs: [{ name: tls }] } }] }\n---\n";
    let secret = sample::secret(
        "tls",
        &sample::certificate(&["a.test", "*.b.test"], (2020, 2120)),
    );
    let compiled = build(
        &sample::objects(&format!("{gateway}{secret}")),
        &sample::settings(),
        NOW,
    );
    for (host, is_shown) in [("a.test", true), ("x.b.test", true), ("c.test", false)] {
        assert_eq!(
            compiled.snapshot.tls.find(host).is_some(),
            is_shown,
            "{host}"
        );
    }
}

/// Nobody asks what has to be fetched.
fn nobody() -> watch::Sender<Wanted> {
    watch::channel(Wanted::default()).0
}

#[tokio::test(flavor = "current_thread")]
async fn the_loop_follows_objects_and_settings_and_ends_with_the_objects() {
    let (objects, objects_out) = watch::channel(None);
    let (settings, settings_out) = watch::channel(Arc::new(sample::settings()));
    let (compiled, mut compiled_out) = watch::channel(None);
    let control = tokio::spawn(run(objects_out, settings_out, compiled, nobody()));
    objects.send_replace(Some(Arc::new(sample::objects(SITE))));
    compiled_out.changed().await.unwrap();
    let rules = |compiled: &watch::Ref<'_, Option<Arc<Compiled>>>| {
        compiled
            .as_ref()
            .map(|compiled| compiled.snapshot.rules.len())
    };
    assert_eq!(rules(&compiled_out.borrow_and_update()), Some(2));
    let mut other = sample::settings();
    other.endpoints = vec![config::settings::EndpointOverride {
        service: config::name::ObjectName::new("web", "web"),
        port: None,
        address: ([127, 0, 0, 1], 3001).into(),
    }];
    settings.send_replace(Arc::new(other));
    compiled_out.changed().await.unwrap();
    compiled_out.mark_unchanged();
    // Settings that nobody can change any more are no reason to end.
    drop(settings);
    objects.send_replace(Some(Arc::new(Objects::default())));
    compiled_out.changed().await.unwrap();
    assert_eq!(rules(&compiled_out.borrow_and_update()), Some(1));
    drop(objects);
    control.await.unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn the_loop_ends_when_nobody_takes_the_result() {
    let (_objects, objects_out) = watch::channel(None);
    let (_settings, settings_out) = watch::channel(Arc::new(sample::settings()));
    let (compiled, compiled_out) = watch::channel(None);
    let control = tokio::spawn(run(objects_out, settings_out, compiled, nobody()));
    drop(compiled_out);
    control.await.unwrap();
}

/// Every manifest of a site, as one text.
fn site(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("sites")
        .join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    let texts = files
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    texts.collect::<Vec<_>>().join("\n---\n")
}

#[test]
fn the_example_sites_are_served_without_an_error() {
    let vm = [IpAddr::from([192, 168, 0, 50])];
    for (name, rules, manual) in [("edwardstech", 3, &vm[..]), ("todo", 2, &[])] {
        let compiled = build(&sample::objects(&site(name)), &sample::settings(), NOW);
        let is_error =
            |problem: &&Arc<Problem>| problem.severity == config::problem::Severity::Error;
        let errors = compiled.problems.iter().filter(is_error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        assert_eq!(errors, [""; 0], "{name}");
        assert_eq!(compiled.snapshot.rules.len(), rules, "{name}");
        assert_eq!(addresses(&compiled), manual, "{name}");
    }
}
