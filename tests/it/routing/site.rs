//! Does edwardstech.dev get what it needs: one host, `/api` on a VM, everything else in pods?
//!
//! The manifests are the ones of `k8s/sites/edwardstech`; only addresses are other ones, and the pods have an EndpointSlice, which a
//! cluster would have written.

use super::check;
use crate::load::Patron;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::authority::Authority;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::story_source::is_cluster;

const HOST: &str = "edwardstech.dev";

struct Site {
    edge: Edge,
    vm: Origin,
    pods: Vec<Origin>,
}

fn manifest_of_site(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/sites/edwardstech");
    std::fs::read_to_string(folder.join(name)).expect("is in the repository")
}

fn endpoints(vm: &Origin) -> String {
    let text = manifest_of_site("backend.yaml");
    let (_, endpoints) = text.split_once("\n---\n").expect("two documents");
    endpoints
        .replace("192.168.0.50", &vm.address.ip().to_string())
        .replace("port: 3001", &format!("port: {}", vm.address.port()))
}

fn service() -> String {
    let text = manifest_of_site("backend.yaml");
    let (service, _) = text.split_once("\n---\n").expect("two documents");
    format!("{service}\n")
}

fn slice(number: usize, pod: &Origin) -> String {
    format!(
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{ name: frontend-{number}, namespace: website, labels: {{ kubernetes.io/service-name: frontend-service }} }}\n\
         addressType: IPv4\nports: [{{ name: http, port: {} }}]\nendpoints: [{{ addresses: [\"{}\"] }}]\n",
        pod.address.port(),
        pod.address.ip()
    )
}

impl Site {
    async fn start() -> Site {
        let vm = Origin::start("vm").await;
        let pods = vec![Origin::start("nginx").await, Origin::start("nginx").await];
        let mut frontend = manifest_of_site("frontend.yaml");
        for (number, pod) in pods.iter().enumerate() {
            frontend.push_str(&slice(number, pod));
        }
        // A request below /api shall not wait for what this story has taken away.
        let ingress = manifest_of_site("ingress.yaml").replace("/hold: 8s", "/hold: 0s");
        let files = [
            ("namespace.yaml", &*manifest_of_site("namespace.yaml")),
            ("frontend.yaml", &*frontend),
            ("service.yaml", &*service()),
            ("endpoints.yaml", &*endpoints(&vm)),
            ("ingress.yaml", &*ingress),
        ];
        let edge = Edge::start_given(Default::default(), &files, |_| {}).await;
        Site { edge, vm, pods }
    }

    /// Nothing below `/api` is answered by nginx: it would say 200 to everything.
    async fn check_api_is_away(&self, why: &str) {
        for target in ["/api", "/api/", "/api/health?x=1"] {
            let reply = self.edge.get(&format!("http://{HOST}{target}")).await;
            assert_eq!(
                (reply.status, reply.served_by()),
                (503, ""),
                "{why} {target}"
            );
            assert!(reply.is_ours(), "{why} {target}");
            assert!(reply.field("retry-after").is_some(), "{why} {target}");
        }
        for target in ["/", "/apifoo", "/API"] {
            check(&self.edge, HOST, target, "nginx").await;
        }
    }

    async fn check_whole(&self) {
        for target in ["/api", "/api/", "/api/x"] {
            check(&self.edge, HOST, target, "vm").await;
        }
        for target in ["/", "/apifoo", "/API", "/index.html"] {
            check(&self.edge, HOST, target, "nginx").await;
        }
    }
}

/// R1, R7, R11, R13, R46.
#[tokio::test(flavor = "multi_thread")]
async fn one_host_has_two_homes() {
    let site = Site::start().await;
    site.check_whole().await;
    let mut connection = Connection::open(site.edge.http()).await.expect("connects");
    for _ in 0..40 {
        let request = Request::new("GET", "http://edwardstech.dev/");
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!(reply.served_by(), "nginx");
    }
    let shares: Vec<usize> = site.pods.iter().map(|pod| pod.received().len()).collect();
    assert!(shares.iter().all(|share| *share >= 5), "{shares:?}");
    for host in ["192.168.0.40", "supabase.edwardstech.dev", "localhost"] {
        check(&site.edge, host, "/api", "").await;
    }
    site.edge.stop().await;
}

/// How `/api` is broken (file, from, to), and which word says so in `/problems`. An empty `from`: the file goes.
const BREAKS: &[(&str, &str, &str, &str)] = &[
    ("endpoints.yaml", "", "", "backend-service"),
    ("service.yaml", "", "", "backend-service"),
    ("service.yaml", "port: 3001", "port: 3002", "3001"),
    (
        "service.yaml",
        "- port: 3001",
        "- name: http\n      port: 3001",
        "http",
    ),
    (
        "service.yaml",
        "name: backend-service",
        "name: backend-servise",
        "backend-servise",
    ),
    (
        "endpoints.yaml",
        "name: backend-service",
        "name: backend-servce",
        "backend-servce",
    ),
    (
        "ingress.yaml",
        "name: backend-service",
        "name: backend",
        "website/backend",
    ),
    ("ingress.yaml", "number: 3001", "number: 3003", "3003"),
    ("ingress.yaml", "number: 3001", "name: api", "api"),
];

/// R2, R3, R12.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_missing_below_api_keeps_its_path() {
    let site = Site::start().await;
    let edge = &site.edge;
    for (file, from, to, word) in BREAKS {
        let path = edge.manifests().join(file);
        let whole = std::fs::read_to_string(&path).expect("is there");
        let why = format!("{file} {from:?} -> {to:?}");
        match *from {
            "" => edge.remove(file).await,
            from => edge.edit(file, from, to).await,
        }
        site.check_api_is_away(&why).await;
        let problems = edge.admin("/problems").await.text();
        // From an API server nobody asks for Endpoints that no Service needs.
        let word = match is_cluster() && *word == "backend-servce" {
            true => "backend-service",
            false => word,
        };
        assert!(problems.contains(word), "{why}: {problems}");
        edge.write(file, &whole).await;
        site.check_whole().await;
    }
    site.edge.stop().await;
}

/// R12, under load: the VM, or our own 503; never nginx.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_below_api_comes_from_the_pages_while_things_break() {
    let site = Site::start().await;
    let is_over = Arc::new(AtomicBool::new(false));
    let address = site.edge.http();
    let clients: Vec<_> = (0..2)
        .map(|_| tokio::spawn(ask_for_api(address, is_over.clone())))
        .collect();
    for (file, from, to, _) in BREAKS {
        let path = site.edge.manifests().join(file);
        let whole = std::fs::read_to_string(&path).expect("is there");
        match *from {
            "" => site.edge.remove(file).await,
            from => site.edge.edit(file, from, to).await,
        }
        site.edge.write(file, &whole).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        let (from_vm, refused) = client.await.expect("ends");
        assert!(from_vm > 0 && refused > 0, "{from_vm} {refused}");
    }
    assert!(site.pods.iter().all(|pod| pod.received().is_empty()));
    assert!(!site.vm.received().is_empty());
    site.edge.stop().await;
}

async fn ask_for_api(address: SocketAddr, is_over: Arc<AtomicBool>) -> (usize, usize) {
    let mut patron = Patron::plain(address);
    let (mut from_vm, mut refused) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let request = Request::new("GET", "http://edwardstech.dev/api/x");
        let reply = patron.ask(&request).await.expect("answers");
        match (reply.status, reply.served_by(), reply.is_ours()) {
            (200, "vm", false) => from_vm += 1,
            (503, "", true) => refused += 1,
            _ => panic!("{reply:?}"),
        }
    }
    (from_vm, refused)
}

/// R8: the manifest as its owner had it, with Traefik's class and priority.
#[tokio::test(flavor = "multi_thread")]
async fn a_priority_for_traefik_changes_nothing_after_any_reload() {
    let site = Site::start().await;
    let annotation = "hedgerow.edwardstech.dev/hold: 0s";
    for priority in ["100", "1", "-5", "what"] {
        let with = format!(
            "{annotation}\n    traefik.ingress.kubernetes.io/router.priority: \"{priority}\""
        );
        site.edge.edit("ingress.yaml", annotation, &with).await;
        site.check_whole().await;
        let problems = site.edge.admin("/problems").await.text();
        assert!(problems.contains("router.priority"), "{problems}");
        site.edge.edit("ingress.yaml", &with, annotation).await;
    }
    site.edge.stop().await;
}

/// R12, for an edge that has never seen the site whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_backend_of_the_wrong_type_keeps_its_path_from_the_start_on() {
    let (vm, page) = (Origin::start("vm").await, Origin::start("page").await);
    let api = manifest::ingress("api", "shop.test", &[("/api", "vm", 3001)]);
    let wrong = api.replace("number: 3001", "number: \"3001\"");
    let main = manifest::join(&[
        manifest::ingress("site", "shop.test", &[("/", "page", 80)]),
        manifest::service("page", 80, &[page.address]),
        manifest::service("vm", 3001, &[vm.address]),
    ]);
    let edge = Edge::start_given(
        Authority::default(),
        &[("api.yaml", &wrong), ("main.yaml", &main)],
        |_| {},
    )
    .await;
    assert_eq!(edge.get("http://shop.test/api/x").await.status, 503);
    assert_eq!(edge.get("http://shop.test/").await.served_by(), "page");
    edge.write("api.yaml", &api).await;
    assert_eq!(edge.get("http://shop.test/api/x").await.served_by(), "vm");
    // And once it was good, what it was stays.
    std::fs::write(edge.manifests().join("api.yaml"), &wrong).expect("is written");
    tests::client::until(async || {
        let problems = edge.admin("/problems").await.text();
        let is_told = problems.contains("a whole number");
        is_told.then_some(()).ok_or(problems)
    })
    .await;
    assert_eq!(edge.get("http://shop.test/api/x").await.served_by(), "vm");
    edge.stop().await;
}
