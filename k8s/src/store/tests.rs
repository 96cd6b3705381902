//! Do the last good objects come back as they were, or not at all?

use super::*;
use crate::control;
use crate::sample::{self, SITE};
use config::snapshot::Compiled;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::watch;

const NOW: i64 = 1_800_000_000; // In 2027.
/// What is kept besides the site.
const GATE: &str = "
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: shop, namespace: web }
spec: { parentRefs: [{ name: edge }], hostnames: [gate.test], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }
---
kind: Gateway
apiVersion: gateway.networking.k8s.io/v1
metadata: { name: edge, namespace: web }
spec: { gatewayClassName: hedgerow, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
";

/// The site as from an API server.
fn site(yaml: &str) -> Objects {
    let secret = sample::secret("tls", &sample::certificate(&["shop.test"], (2026, 2028)));
    let mut objects = sample::objects(&format!("{yaml}{GATE}{secret}"));
    objects.is_directory = false;
    objects.api_server = ["10.0.0.9:6443".parse().unwrap()].into();
    objects
}

fn compiled(objects: &Objects) -> Compiled {
    control::build(objects, &sample::settings(), NOW)
}

fn addresses(compiled: &Compiled) -> Vec<String> {
    let all = compiled.endpoints.values().flat_map(|all| all.iter());
    all.map(|endpoint| endpoint.address.to_string()).collect()
}

fn written(objects: &Objects) -> Vec<u8> {
    let mut bytes = Vec::new();
    format::write(&mut bytes, objects, 7).unwrap();
    bytes
}

#[test]
fn objects_come_back_and_come_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(&folder.path().join("made/by/us"));
    assert!(store.load().unwrap().is_none());
    let objects = site(SITE);
    let bytes = store.save(&objects, 7).unwrap();
    let saved = store.load().unwrap().unwrap();
    assert_eq!(
        (saved.key, u64::try_from(written(&objects).len()).unwrap()),
        (7, bytes)
    );
    assert_eq!(saved.objects.secrets.len(), 1);
    assert_eq!(saved.objects.api_server, objects.api_server);
    let (before, after) = (compiled(&objects), compiled(&saved.objects));
    assert_eq!(before.snapshot.digest, after.snapshot.digest);
    assert_eq!(addresses(&before), addresses(&after));
}

#[test]
fn only_this_user_may_read_them_and_nothing_else_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    for key in 0..3 {
        store.save(&site(SITE), key).unwrap();
    }
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1);
    let mode = fs::metadata(store.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// What lies there, and a part of what is said of it.
#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    fs::write(store.path(), bytes).unwrap();
    let error = store.load().unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(error.contains("last-good-objects"), "{error}");
    // And it is no obstacle.
    store.save(&site(SITE), 1).unwrap();
    assert!(store.load().unwrap().is_some());
}

#[test]
fn a_file_that_is_wrong_is_told_and_replaced() {
    let good = written(&site(SITE));
    check(b"", "begins with \"\"");
    check(
        b"hedgerow last good objects, format 0\n{}\n00000000\n",
        "format 0",
    );
    check(&good[..good.len() - 1], "ends without its sum");
    check(&good[..good.len() / 2], "sum");
    check(&[&good[..], b"\n"].concat(), "sum");
    let mut other = good;
    other[100] ^= 1;
    check(&other, "the sum of its bytes is");
}

#[test]
fn what_is_no_file_or_no_directory_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    fs::create_dir(store.path()).unwrap();
    assert!(
        store
            .load()
            .unwrap_err()
            .to_string()
            .contains("last-good-objects")
    );
    assert!(store.save(&site(SITE), 1).is_err());
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Store::new(&file).save(&site(SITE), 1).is_err());
    assert!(Store::new(&file).load().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    /// Bytes changed, cut out or put in: the very objects, or none.
    #[test]
    fn a_corrupt_file_never_gives_another_route(at in any::<prop::sample::Index>(), cut in 0_usize..200, put in prop::collection::vec(any::<u8>(), 0..50)) {
        static GOOD: LazyLock<(Vec<u8>, u64)> = LazyLock::new(|| {
            let objects = sample::objects(&format!("{SITE}{GATE}"));
            (written(&objects), compiled(&objects).snapshot.digest)
        });
        let (good, digest) = &*GOOD;
        let at = at.index(good.len());
        let end = (at + cut).min(good.len());
        let mut bytes = good.clone();
        bytes.splice(at..end, put);
        match format::read(&bytes) {
            Ok(saved) => prop_assert_eq!(compiled(&saved.objects).snapshot.digest, *digest),
            Err(found) => prop_assert!(!found.is_empty()),
        }
    }
}

/// The store at work in virtual time.
struct Kept {
    store: Store,
    objects: watch::Sender<Option<Arc<Objects>>>,
    compiled: watch::Sender<Option<Arc<Compiled>>>,
    facts: Arc<StoreFacts>,
}

impl Kept {
    fn start(directory: &Path) -> Kept {
        let store = Store::new(directory);
        let (objects, _) = watch::channel(None);
        let (compiled, _) = watch::channel(None);
        let facts = Arc::new(StoreFacts::default());
        let key = store.load().unwrap().map(|saved| saved.key);
        tokio::spawn(keep(
            store.clone(),
            objects.subscribe(),
            compiled.subscribe(),
            key,
            facts.clone(),
        ));
        Kept {
            store,
            objects,
            compiled,
            facts,
        }
    }

    async fn set(&self, objects: Objects, after: Duration) {
        let next = compiled(&objects);
        self.objects.send_replace(Some(Arc::new(objects)));
        self.compiled.send_replace(Some(Arc::new(next)));
        tokio::time::sleep(after).await;
    }

    fn writes(&self) -> u64 {
        self.facts.writes.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_endpoint_churn_is_one_write_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::start(folder.path());
    let before = site(SITE);
    for change in 0..180 {
        let mut objects = before.clone();
        let address = format!("10.0.0.{}", change + 1);
        let endpoints = sample::objects(&SITE.replace("10.0.0.1", &address)).endpoints;
        objects.endpoints = endpoints;
        kept.set(objects, Duration::from_secs(20)).await;
    }
    assert_eq!(kept.writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn routes_that_change_all_the_time_are_one_write_a_minute_and_the_last_one_counts() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::start(folder.path());
    for change in 0..120 {
        let host = format!("shop{change}.test");
        kept.set(
            site(&SITE.replace("shop.test", &host)),
            Duration::from_secs(5),
        )
        .await;
    }
    assert!((10..=11).contains(&kept.writes()), "{}", kept.writes());
    tokio::time::sleep(Duration::from_secs(61)).await;
    let text = String::from_utf8(fs::read(kept.store.path()).unwrap()).unwrap();
    assert!(text.contains("shop119.test"));
    assert!(kept.facts.bytes.load(Ordering::Relaxed) > u64::try_from(text.len()).unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_lies_there_already_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let objects = site(SITE);
    let first = Kept::start(folder.path());
    first.set(objects.clone(), Duration::from_secs(1)).await;
    let second = Kept::start(folder.path());
    second.set(objects, Duration::from_secs(120)).await;
    assert_eq!((first.writes(), second.writes()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::start(folder.path());
    for _ in 0..2 {
        kept.set(site(SITE), Duration::from_secs(61)).await;
    }
    assert_eq!(kept.writes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_is_tried_again_without_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("state");
    let kept = Kept::start(&directory);
    // In the way.
    fs::write(&directory, "").unwrap();
    kept.set(site(SITE), Duration::from_secs(30)).await;
    assert_eq!(kept.facts.failures.load(Ordering::Relaxed), 1);
    fs::remove_file(&directory).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(kept.writes(), 1);
}
