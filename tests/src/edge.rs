//! How does a story start a whole edge, change its manifests, and end it?

mod settled;

use crate::authority::{Authority, trusting_client};
use crate::client::h2::H2Connection;
use crate::client::{self, Connection, LOOK_INTERVAL, PATIENCE, Reply, Request};
use crate::log::Log;
use crate::story_source::{self, Mirror};
use config::settings::{Flags, Listener, Settings, Source};
use proxy::app::{self, Options, ShutdownReport};
use proxy::live::InForce;
use proxy::shutdown::StopMode;
use settled::Written;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A whole edge of one story, on free ports of 127.0.0.1. Ended by `stop`, or when it is dropped; an unclean end fails the story.
pub struct Edge {
    /// None only while it ends.
    running: Option<app::Edge>,
    directory: TempDir,
    /// The API server that it reads in place of the directory.
    mirror: Option<Mirror>,
    /// Signs the certificates that `add_certificate` writes; the edge's clients trust it.
    pub authority: Authority,
    pub log: Log,
}

impl Edge {
    /// With these manifests in one file, `main.yaml`.
    pub async fn start(manifests: &str) -> Edge {
        Edge::start_with(manifests, |_| {}).await
    }

    /// The same with other settings than those of `settings`.
    pub async fn start_with(manifests: &str, change: impl FnOnce(&mut Settings)) -> Edge {
        Edge::start_given(Authority::default(), &[("main.yaml", manifests)], change).await
    }

    /// With these files, and an authority that has signed certificates in them.
    pub async fn start_given(
        authority: Authority,
        files: &[(&str, &str)],
        change: impl FnOnce(&mut Settings),
    ) -> Edge {
        let directory = new_directory(files);
        let mut settings = settings(directory.path());
        change(&mut settings);
        Edge::run(authority, directory, settings, None).await
    }

    /// With the settings file `hedgerow.yaml` in `directory()`, which is followed: `settings_file` with this text.
    pub async fn start_following(manifests: &str, more_settings: &str) -> Edge {
        let directory = new_directory(&[("main.yaml", manifests)]);
        let file = directory.path().join("hedgerow.yaml");
        std::fs::write(&file, settings_file(directory.path(), more_settings)).unwrap();
        let (settings, _) = app::settings::load(Some(&file), &Flags::default()).unwrap();
        Edge::run(Authority::default(), directory, settings, Some(file)).await
    }

    async fn run(
        authority: Authority,
        directory: TempDir,
        mut settings: Settings,
        settings_file: Option<PathBuf>,
    ) -> Edge {
        let mut mirror = None;
        if let (true, Source::Directory { path }) = (story_source::is_cluster(), &settings.source) {
            let started = Mirror::start(path.clone()).await;
            settings.source = started.source();
            mirror = Some(started);
        }
        let log = Log::default();
        let options = Options {
            access_log: Box::new(log.writer()),
            log_levels: app::log::QUIET,
            settings_file,
            ..Options::default()
        };
        let started = tokio::task::spawn_blocking(move || app::Edge::start(settings, options));
        let running = started.await.unwrap();
        let running = running.unwrap_or_else(|error| panic!("the edge does not start: {error:#}"));
        let edge = Edge {
            running: Some(running),
            directory,
            mirror,
            authority,
            log,
        };
        if edge.mirror.is_some() {
            // That it came by watches and the lists of another client are the same is part of every story.
            edge.settled().await;
        }
        edge
    }

    /// Replaces the settings file of `start_following`. Its effect is waited for with `until` or `until_ready_says`.
    pub fn write_settings(&self, more_settings: &str) {
        let text = settings_file(self.directory.path(), more_settings);
        std::fs::write(self.directory.path().join("hedgerow.yaml"), text).unwrap();
    }

    /// Waits until `/readyz?verbose` contains this text.
    pub async fn until_ready_says(&self, text: &str) {
        client::until(async || {
            let found = self.admin("/readyz?verbose").await.text();
            let never = format!("/readyz?verbose never says {text:?}:\n{found}");
            found.contains(text).then_some(()).ok_or(never)
        })
        .await;
    }

    /// The edge itself, for what this harness has no word for.
    pub fn app(&self) -> &app::Edge {
        self.running.as_ref().expect("has not ended")
    }

    pub fn http(&self) -> SocketAddr {
        self.app().http_addr().expect("has an HTTP listener")
    }

    pub fn https(&self) -> SocketAddr {
        self.app().https_addr().expect("has an HTTPS listener")
    }

    pub fn in_force(&self) -> Arc<InForce> {
        self.app().in_force()
    }

    /// Ends it in order. The story fails if a request was cut, a thread stayed, or a log line was lost.
    pub async fn stop(self) -> ShutdownReport {
        self.stop_as(StopMode::Drain).await
    }

    /// The same in another mode.
    pub async fn stop_as(self, mode: StopMode) -> ShutdownReport {
        let report = self.stop_whatever_is_cut(mode).await;
        assert!(report.is_clean(), "an unclean stop: {report:?}");
        report
    }

    /// For a story about requests that a stop cuts.
    pub async fn stop_whatever_is_cut(mut self, mode: StopMode) -> ShutdownReport {
        let running = self.running.take().expect("has not ended");
        let stopped = tokio::task::spawn_blocking(move || running.shutdown(mode));
        stopped.await.unwrap()
    }
}

/// Manifests. Each change returns when it is in force.
impl Edge {
    pub fn manifests(&self) -> PathBuf {
        self.directory.path().join("manifests")
    }

    /// A directory of this story alone, removed at its end.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Replaces a file as careful editors do: written elsewhere, then renamed.
    pub async fn write(&self, name: &str, manifests: &str) {
        self.write_quietly(name, manifests);
        self.settled().await;
    }

    /// The same without waiting: for a file that is wrong, or for many changes at once.
    pub fn write_quietly(&self, name: &str, manifests: &str) {
        let hidden = self.directory.path().join("next");
        std::fs::write(&hidden, manifests).unwrap();
        std::fs::rename(hidden, self.manifests().join(name)).unwrap();
    }

    /// Replaces text inside a file; it must be there.
    pub async fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.manifests().join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}:\n{text}");
        self.write(name, &text.replace(from, to)).await;
    }

    pub async fn remove(&self, name: &str) {
        std::fs::remove_file(self.manifests().join(name)).unwrap();
        self.settled().await;
    }

    /// A Secret `default/SECRET` with a new certificate for these names, by this story's authority.
    pub async fn add_certificate(&self, secret: &str, names: &[&str]) {
        let manifest = self.authority.secret(secret, names);
        self.write(&format!("{secret}.yaml"), &manifest).await;
    }

    /// Waits until what is in force is what the manifests say: the same as a fresh look at them compiles to. Not for a directory with a
    /// file that does not parse, because its last good objects stay in force: for that there is `until`.
    pub async fn settled(&self) {
        let listed = match &self.mirror {
            Some(mirror) => Some(mirror.synced().await),
            None => None,
        };
        let directory = self.manifests();
        let look = || match &listed {
            Some(objects) => objects.clone(),
            None => k8s::source::directory::load(&directory).objects,
        };
        let mut written = None;
        self.until("what is in force is what the manifests say", |in_force| {
            let known = written.take();
            let known = known.filter(|known: &Written| known.version == in_force.version);
            let known = known.unwrap_or_else(|| Written::read(in_force, look()));
            written.insert(known).is_in_force(in_force)
        })
        .await;
    }

    /// Brings what was written to the API server, where there is one.
    async fn sync(&self) {
        if let Some(mirror) = &self.mirror {
            mirror.sync().await;
        }
    }

    /// Waits until something later than this version is in force.
    pub async fn follow(&self, version: u64) {
        self.sync().await;
        let later = self.app().wait_for_version_above(version, PATIENCE).await;
        assert!(
            later.is_some(),
            "nothing after version {version} came into force"
        );
    }

    /// Waits until what is in force is as wanted, through any number of versions.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut(&InForce) -> bool) {
        self.sync().await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let now = self.in_force();
            if is_so(&now) {
                return;
            }
            let is_late = tokio::time::Instant::now() > deadline;
            assert!(!is_late, "it never came true: {what}");
            // Endpoints change without a new version.
            let app = self.app();
            app.wait_for_version_above(now.version, LOOK_INTERVAL).await;
        }
    }
}

/// Requests and connections.
impl Edge {
    /// `GET`, on a connection of its own.
    pub async fn get(&self, url: &str) -> Reply {
        self.send(&Request::new("GET", url)).await
    }

    /// A request on a connection of its own.
    pub async fn send(&self, request: &Request) -> Reply {
        let reply = self.try_send(request).await;
        reply.unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target))
    }

    /// The same for a story in which it may fail.
    pub async fn try_send(&self, request: &Request) -> io::Result<Reply> {
        let mut connection = self.connect(request).await?;
        request.send_on(&mut connection).await
    }

    /// An HTTP/1.1 connection to the listener of the request's scheme, for its host.
    pub async fn connect(&self, request: &Request) -> io::Result<Connection> {
        if !request.is_https {
            return Connection::open(self.http()).await;
        }
        let config = self.authority.client(&["http/1.1"]);
        Connection::open_tls(self.https(), request.name(), config).await
    }

    /// An HTTP/1.1 connection over TLS that takes whatever certificate it is shown; look at `chain`.
    pub async fn connect_trusting(&self, name: &str) -> io::Result<Connection> {
        let config = trusting_client(&["http/1.1"]);
        Connection::open_tls(self.https(), name, config).await
    }

    /// An HTTP/2 connection over TLS for that name.
    pub async fn connect_h2(&self, name: &str) -> H2Connection {
        let config = self.authority.client(&["h2"]);
        let connection = Connection::open_tls(self.https(), name, config).await;
        let connection = connection.expect("shakes hands");
        assert_eq!(connection.alpn.as_deref(), Some(b"h2".as_slice()));
        H2Connection::open(connection).await.expect("speaks HTTP/2")
    }
}

/// What an operator asks.
impl Edge {
    /// `GET` of an admin endpoint: `/readyz?verbose`.
    pub async fn admin(&self, target: &str) -> Reply {
        let address = self.app().admin_addr();
        let request = Request::new("GET", &format!("http://{address}{target}"));
        let mut connection = Connection::open(address).await.expect("connects");
        request.send_on(&mut connection).await.expect("answers")
    }

    /// The sum of all series of a metric whose labels contain each of these texts (`code="2xx"`). 0: there is none.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.admin("/metrics").await.text();
        let lines = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (series, value) = rest.rsplit_once(' ')?;
            let is_whole_name = series.is_empty() || series.starts_with('{');
            let is_wanted = labels.iter().all(|label| series.contains(label));
            (is_whole_name && is_wanted).then(|| value.parse::<f64>().unwrap())
        });
        lines.sum()
    }

    /// Waits until a metric is exactly that: what a request counts is counted at its end, some time after its client has its answer.
    pub async fn until_metric(&self, name: &str, labels: &[&str], value: f64) {
        client::until(async || {
            let found = self.metric(name, labels).await;
            let never = format!("{name} {labels:?} is {found} and never {value}");
            (found == value).then_some(()).ok_or(never)
        })
        .await;
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        if std::thread::panicking() {
            // The story has failed already; nobody waits for its requests.
            running.shutdown(StopMode::AtOnce);
            return;
        }
        let report = running.shutdown(StopMode::Drain);
        assert!(report.is_clean(), "an unclean stop: {report:?}");
    }
}

fn new_directory(files: &[(&str, &str)]) -> TempDir {
    let mut builder = tempfile::Builder::new();
    let directory = builder.prefix("hedgerow-story-").tempdir().unwrap();
    let manifests = directory.path().join("manifests");
    std::fs::create_dir(&manifests).unwrap();
    for (name, text) in files {
        std::fs::write(manifests.join(name), text).unwrap();
    }
    directory
}

/// The same as `settings`, as a file, with these lines below it.
fn settings_file(directory: &Path, more: &str) -> String {
    let directory = directory.display();
    format!(
        "admin: 127.0.0.1:0\nsource: {{ directory: {{ path: {directory}/manifests }} }}\n\
         state: {{ directory: {directory}/state }}\nlimits: {{ lameDuck: 0s, drain: 5s }}\n{more}"
    )
}

/// The settings of every story: free ports, no lame duck, five seconds to drain.
fn settings(directory: &Path) -> Settings {
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let mut settings = Settings {
        http: vec![Listener::at(anywhere)],
        https: vec![Listener::at(anywhere)],
        admin: anywhere,
        source: Source::Directory {
            path: directory.join("manifests"),
        },
        state_directory: directory.join("state"),
        ..Settings::default()
    };
    settings.limits.lame_duck = Duration::ZERO;
    settings.limits.drain = Duration::from_secs(5);
    settings
}
