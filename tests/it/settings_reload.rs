//! Does an edit of the settings file take effect while the edge runs, and a bad one none?

use config::settings::Settings;
use proxy::app::{self, Options};
use proxy::shutdown::StopMode;
use std::net::SocketAddr;
use std::path::PathBuf;
use tests::client::{Connection, Reply, Request, until};
use tests::log::Log;
use tests::manifest;
use tests::origin::Origin;

/// An edge that follows `settings/hedgerow.yaml` of a directory of its own.
struct Configured {
    edge: app::Edge,
    directory: tempfile::TempDir,
    log: Log,
    origin: Origin,
}

impl Configured {
    /// With these keys besides the ones that every story needs.
    async fn start(keys: &str) -> Configured {
        let origin = Origin::start("a").await;
        let directory = tempfile::tempdir().expect("makes a directory");
        let manifests = directory.path().join("manifests");
        std::fs::create_dir(&manifests).expect("makes a directory");
        let site = manifest::join(&[
            manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
            manifest::service("web", 80, &[origin.address]),
        ]);
        std::fs::write(manifests.join("site.yaml"), site).expect("writes");
        std::fs::create_dir(directory.path().join("settings")).expect("makes a directory");
        let file = directory.path().join("settings/hedgerow.yaml");
        let text = text(&directory, keys);
        std::fs::write(&file, &text).expect("writes");
        let settings = Settings::parse(&text, "hedgerow.yaml").expect("is right");
        let log = Log::default();
        let options = Options {
            settings_file: Some(file),
            access_log: Box::new(log.writer()),
            log_levels: app::log::QUIET,
            ..Options::default()
        };
        let started = tokio::task::spawn_blocking(move || app::Edge::start(settings, options));
        let edge = started.await.expect("ends").expect("starts");
        Configured {
            edge,
            directory,
            log,
            origin,
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("settings/hedgerow.yaml")
    }

    /// Writes other keys, as a careful editor does, without waiting.
    fn write(&self, keys: &str) {
        let next = self.directory.path().join("next.yaml");
        std::fs::write(&next, text(&self.directory, keys)).expect("writes");
        std::fs::rename(next, self.file()).expect("renames");
    }

    /// The same; returns when the file was read, and put into force or refused.
    async fn edit(&self, keys: &str) {
        let before = self.applied().await;
        self.write(keys);
        self.applied_beyond(before).await;
    }

    /// How often a file was put into force or refused.
    async fn applied(&self) -> u64 {
        let metrics = self.admin("/metrics").await.text();
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with("hedgerow_settings_applied_total"));
        lines
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
            .sum()
    }

    /// Waits until one more was.
    async fn applied_beyond(&self, before: u64) {
        until(async || match self.applied().await {
            now if now == before => Err("the edit was never read".to_owned()),
            _ => Ok(()),
        })
        .await;
    }

    /// Waits until `/problems` contains this text.
    async fn until_told(&self, text: &str) {
        until(async || {
            let told = self.admin("/problems").await.text();
            let nobody = format!("nobody is told of {text}: {told}");
            told.contains(text).then_some(()).ok_or(nobody)
        })
        .await;
    }

    async fn admin(&self, target: &str) -> Reply {
        let address = self.edge.admin_addr();
        let request = Request::new("GET", &format!("http://{address}{target}"));
        ask(address, &request).await
    }

    async fn get(&self, address: SocketAddr) -> Reply {
        ask(address, &Request::new("GET", "http://shop.test/")).await
    }

    fn http(&self) -> SocketAddr {
        self.edge.http_addr().expect("listens")
    }

    async fn stop(self) {
        let stop = tokio::task::spawn_blocking(move || self.edge.shutdown(StopMode::Drain));
        let report = stop.await.expect("ends");
        assert!(report.is_clean(), "{report:?}");
    }
}

async fn ask(address: SocketAddr, request: &Request) -> Reply {
    let mut connection = Connection::open(address).await.expect("connects");
    request.send_on(&mut connection).await.expect("is answered")
}

/// Keys given twice would be an error: what a story says about a key replaces the usual line.
fn text(directory: &tempfile::TempDir, keys: &str) -> String {
    let path = directory.path().display();
    let mut text = format!("{keys}\nsource: {{ directory: {{ path: {path}/manifests }} }}\n");
    for (key, line) in [
        ("admin", "admin: 127.0.0.1:0"),
        (
            "listeners",
            "listeners: { http: ['127.0.0.1:0'], https: [] }",
        ),
        ("state", &format!("state: {{ directory: {path}/state }}")),
        ("limits", "limits: { drain: 5s }"),
    ] {
        let is_given = keys.lines().any(|given| given.starts_with(key));
        if !is_given {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_come_and_go_and_old_connections_live_on() {
    let edge = Configured::start("").await;
    let first = edge.http();
    let mut kept = Connection::open(first).await.expect("connects");
    let ask_again = Request::new("GET", "http://shop.test/");
    assert_eq!(
        ask_again
            .send_on(&mut kept)
            .await
            .expect("is answered")
            .status,
        200
    );

    edge.edit("listeners: { http: ['127.0.0.1:0', '127.0.0.2:0'], https: ['127.0.0.3:0'] }")
        .await;
    let all = edge.edge.http_addrs();
    assert_eq!((all.len(), all[0]), (2, first));
    assert_eq!(edge.get(all[1]).await.status, 200);
    assert_eq!(edge.edge.https_addrs().len(), 1);

    edge.edit("listeners: { http: ['127.0.0.2:0'], https: [] }")
        .await;
    assert_eq!(edge.edge.http_addrs(), [all[1]]);
    assert!(edge.edge.https_addrs().is_empty());
    assert!(
        Connection::open(first).await.is_err(),
        "a removed listener is closed"
    );
    let reply = ask_again.send_on(&mut kept).await;
    assert_eq!(reply.expect("its connections live on").status, 200);
    assert_eq!(edge.get(all[1]).await.status, 200);
    let metrics = edge.admin("/metrics").await.text();
    assert!(
        !metrics.contains("127.0.0.3:0"),
        "series of a listener that is gone stay:\n{metrics}"
    );
    drop(kept);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_cannot_be_bound_leaves_the_others_alone() {
    let edge = Configured::start("").await;
    let taken = std::net::TcpListener::bind("127.0.0.2:0").expect("binds");
    let address = taken.local_addr().expect("has an address");
    edge.edit(&format!(
        "listeners: {{ http: ['127.0.0.1:0', '{address}'], https: [] }}"
    ))
    .await;
    assert_eq!(edge.get(edge.http()).await.status, 200);
    let ready = edge.admin("/readyz?verbose").await;
    // An edge that serves is not taken out for an edit that asks for too much.
    assert_eq!(ready.status, 200);
    assert!(
        ready
            .text()
            .contains("[!] a listener of the settings has no address"),
        "{}",
        ready.text()
    );
    edge.until_told(&address.to_string()).await;
    edge.edit("").await;
    assert_eq!(edge.admin("/readyz").await.status, 200);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_trusted_proxies_change_for_the_next_request() {
    let edge = Configured::start("").await;
    let mut request =
        Request::new("GET", "http://shop.test/").field("x-forwarded-for", "203.0.113.7");
    for number in 0..20 {
        request = request.field(&format!("x-{number}"), "a");
    }
    assert_eq!(ask(edge.http(), &request).await.status, 200);
    edge.edit("trustedProxies: [127.0.0.0/8]\nlimits: { headerFieldsMax: 30 }")
        .await;
    assert_eq!(ask(edge.http(), &request).await.status, 200);
    let seen = |at: usize| {
        let received = edge.origin.received();
        received[at]
            .head
            .field("x-forwarded-for")
            .map(str::to_owned)
    };
    assert_eq!(seen(0).as_deref(), Some("127.0.0.1"));
    assert_eq!(seen(1).as_deref(), Some("203.0.113.7, 127.0.0.1"));
    edge.edit("limits: { headerFieldsMax: 16 }").await;
    assert_eq!(ask(edge.http(), &request).await.status, 431);
    edge.edit("").await;
    assert_eq!(ask(edge.http(), &request).await.status, 200);
    assert_eq!(seen(2).as_deref(), Some("127.0.0.1"));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_changes_its_form() {
    let edge = Configured::start("").await;
    edge.get(edge.http()).await;
    edge.log.line_with("host", "shop.test").await;
    edge.edit("accessLog: { format: 'off' }").await;
    edge.get(edge.http()).await;
    edge.edit("accessLog: { format: common }").await;
    edge.get(edge.http()).await;
    let text = until(async || match edge.log.text() {
        text if text.lines().count() < 2 => Err(text),
        text => Ok(text),
    })
    .await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "off is off:\n{text}");
    assert!(lines[1].starts_with("127.0.0.1 - - ["), "{text}");
    assert!(lines[1].contains("\"GET / HTTP/1.1\" 200 "), "{text}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_edit_keeps_the_last_good_one_and_says_why() {
    let edge = Configured::start("limits: { headerFieldsMax: 50 }").await;
    for (keys, word) in [
        ("trustedProxy: [127.0.0.0/8]", "trustedProxies"),
        ("limits: { headerFieldsMax: many }", "headerFieldsMax"),
        ("limits: { drain: 10m5 }", "drain"),
        ("listeners: { http: ['localhost:80'] }", "listeners.http"),
        ("acme: { default: x }", "not in this version"),
        ("a: [", "hedgerow.yaml"),
        ("a: *nowhere", "hedgerow.yaml"),
        (&format!("a: {}", "[".repeat(100_000)), "hedgerow.yaml"),
        ("\0", "hedgerow.yaml"),
    ] {
        edge.edit(keys).await;
        let ready = edge.admin("/readyz?verbose").await;
        let shown = &keys[..keys.len().min(40)];
        assert_eq!(ready.status, 200, "{shown}");
        let text = ready.text();
        let problem = text.split_once("[!] ").map_or("", |(_, problem)| problem);
        assert!(problem.contains(word), "{shown}:\n{text}");
        let metrics = edge.admin("/metrics").await.text();
        assert!(
            metrics.contains("\nhedgerow_settings_last_result 0\n"),
            "{shown}"
        );
        assert_eq!(edge.get(edge.http()).await.status, 200, "{shown}");
    }
    let before = edge.applied().await;
    std::fs::write(edge.file(), b"admin: caf\xe9\n").expect("writes");
    edge.applied_beyond(before).await;
    assert_eq!(edge.get(edge.http()).await.status, 200);
    edge.edit("").await;
    let text = edge.admin("/readyz?verbose").await.text();
    assert!(!text.contains("[!]"), "{text}");
    let metrics = edge.admin("/metrics").await.text();
    assert!(metrics.contains("\nhedgerow_settings_last_result 1\n"));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_restart_is_named_and_the_rest_is_in_force() {
    let edge = Configured::start("").await;
    let admin = edge.edge.admin_addr();
    edge.edit("admin: 127.0.0.1:1\nmetrics: { seriesMax: 900 }\nlimits: { headerFieldsMax: 16 }")
        .await;
    assert_eq!(edge.edge.admin_addr(), admin);
    for key in ["\"admin\"", "\"metrics.seriesMax\"", "a restart"] {
        edge.until_told(key).await;
    }
    let mut request = Request::new("GET", "http://shop.test/");
    for number in 0..20 {
        request = request.field(&format!("x-{number}"), "a");
    }
    assert_eq!(ask(edge.http(), &request).await.status, 431);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_that_is_swapped_is_followed() {
    use std::os::unix::fs::symlink;
    let edge = Configured::start("").await;
    // As the kubelet's AtomicWriter does: hedgerow.yaml -> ..data/hedgerow.yaml, ..data -> a directory with a time in its name.
    let mount = edge.directory.path().join("settings");
    let version = |name: &str, keys: &str| {
        std::fs::create_dir(mount.join(name)).expect("makes a directory");
        let text = text(&edge.directory, keys);
        std::fs::write(mount.join(name).join("hedgerow.yaml"), text).expect("writes");
        let next = mount.join("..data_tmp");
        symlink(name, &next).expect("links");
        std::fs::rename(next, mount.join("..data")).expect("swaps");
    };
    version("..1", "accessLog: { format: common }");
    let before = edge.applied().await;
    std::fs::remove_file(edge.file()).expect("removes");
    symlink("..data/hedgerow.yaml", edge.file()).expect("links");
    edge.applied_beyond(before).await;
    let before = edge.applied().await;
    version("..2", "limits: { headerFieldsMax: 3 }\nnonsense: 1");
    edge.applied_beyond(before).await;
    let text = edge.admin("/readyz?verbose").await.text();
    assert!(text.contains("nonsense"), "{text}");
    edge.stop().await;
}
