//! Does the edge serve from a real API server what it serves from a directory?

use super::source_edge::{
    INGRESS, SLICE, classes, edge, grant, ingress, is_served, names, scoped, service,
};
use proxy::live::InForce;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tests::cluster::api::{Change, objects};
use tests::cluster::faults::http::{Answer, HttpFaults, Which};
use tests::cluster::faults::{Fault, Faults};
use tests::cluster::{Cluster, Options, audit};
use tests::manifest::join;
use tests::origin::Origin;

/// Every manifest of an example site.
pub fn site(name: &str) -> String {
    let folder = format!("{}/../k8s/sites/{name}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "yaml"));
    files.sort();
    let text = |path| std::fs::read_to_string(path).unwrap();
    join(&files.iter().map(text).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_site_is_served_as_it_stands() {
    let cluster = Cluster::start().await;
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: website }\n";
    cluster.apply(namespace).await;
    cluster.apply(&site("edwardstech")).await;
    let (express, nginx) = (Origin::start("express").await, Origin::start("nginx").await);
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |settings| {
        let at = |service, origin: &Origin| config::settings::EndpointOverride {
            service: config::name::ObjectName::new("website", service),
            port: None,
            address: origin.address,
        };
        settings.endpoints = vec![
            at("backend-service", &express),
            at("frontend-service", &nginx),
        ];
    })
    .await;
    for (path, by) in [
        ("/api/projects", "express"),
        ("/", "nginx"),
        ("/about", "nginx"),
    ] {
        let reply = edge.get(&format!("http://edwardstech.dev{path}")).await;
        assert_eq!(reply.served_by(), by, "{path}");
    }
    // The manual Endpoints, whoever else is asked for them here.
    let ready = edge.admin("/readyz?verbose").await.text();
    assert!(ready.contains("source Endpoints is followed"), "{ready}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_may_come_in_any_order() {
    let cluster = Cluster::start().await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    for (number, order) in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]]
        .iter()
        .enumerate()
    {
        let name = format!("any{number}");
        let parts = [
            classes(),
            ingress(&name),
            service(&name),
            SLICE.replace("NAME", &name),
        ];
        for at in order {
            cluster.apply(&parts[*at]).await;
        }
        edge.until("it is served with its endpoint", |now| {
            is_served(now, &name)
        })
        .await;
        for at in order {
            cluster
                .kubectl_with(&["delete", "-f", "-"], &parts[*at])
                .await;
        }
        edge.until("it is gone", |now| {
            !names(now).contains(&format!("{name}.test"))
        })
        .await;
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_come_later_are_noticed() {
    let cluster = Cluster::start_with(Options {
        gateway_api: false,
        ..Options::default()
    })
    .await;
    cluster.apply(&classes()).await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    assert!(
        edge.admin("/readyz?verbose")
            .await
            .text()
            .contains("HTTPRoute is not installed")
    );
    cluster.install_gateway_api().await;
    cluster.apply(&service("later")).await;
    cluster
        .apply(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: hedgerow }\n\
             spec: { controllerName: edwardstech.dev/hedgerow }\n---\n\
             apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge }\n\
             spec: { gatewayClassName: hedgerow, listeners: [{ name: http, protocol: HTTP, port: 80 }] }\n---\n\
             apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: later }\n\
             spec: { parentRefs: [{ name: edge }], hostnames: [later.test], rules: [{ backendRefs: [{ name: later, port: 80 }] }] }\n",
        )
        .await;
    edge.until("the route is served", |now| {
        names(now).contains("later.test")
    })
    .await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forbidden_kind_does_not_stop_the_others() {
    let cluster = Cluster::start().await;
    let account = cluster.service_account("default", "edge").await;
    cluster
        .apply(&grant(&[
            "ingresses",
            "ingressclasses",
            "services",
            "endpointslices",
        ]))
        .await;
    cluster
        .apply(&join(&[classes(), ingress("web"), service("web")]))
        .await;
    let edge = edge(cluster.kubeconfig(&account), |_| {}).await;
    assert!(names(&edge.in_force()).contains("web.test"));
    assert!(edge.app().is_ready());
    let problems = edge.admin("/problems").await.text();
    assert!(problems.contains("unreadable-kind"), "{problems}");
    assert_eq!(
        edge.metric("hedgerow_source_up", &["\"Secret\""]).await,
        0.0
    );
    assert_eq!(
        edge.metric("hedgerow_source_up", &["\"Ingress\""]).await,
        1.0
    );
    cluster
        .apply(&grant(&[
            "ingresses",
            "ingressclasses",
            "services",
            "endpointslices",
            "secrets",
        ]))
        .await;
    edge.until_metric("hedgerow_source_up", &["\"Secret\""], 1.0)
        .await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_anew_never_shrinks_what_is_served() {
    let cluster = Cluster::start().await;
    cluster.apply(&join(&[classes(), service("web")])).await;
    let api = Arc::new(cluster.api(&cluster.admin()).await);
    let many =
        (0..300).map(|number| Change::Apply(objects(&ingress(&format!("web{number}"))).remove(0)));
    api.change_all(many, None).await;
    let faults = HttpFaults::start(&cluster).await;
    let way = Faults::start(faults.address).await;
    let kubeconfig = cluster.kubeconfig_via(&cluster.admin(), way.address);
    let edge = edge(kubeconfig, |_| {}).await;
    let served = |now: &InForce| {
        names(now)
            .iter()
            .filter(|name| name.starts_with("web"))
            .count()
    };
    assert_eq!(served(&edge.in_force()), 300);
    // Watches are told to begin anew, and each page of the list takes its time.
    let lists = edge.metric("hedgerow_source_lists_total", &[]).await;
    faults.answer(
        Which::Read,
        INGRESS,
        Answer::Slow(Duration::from_millis(700)),
    );
    faults.answer_times(2, Which::Watch, INGRESS, Answer::ExpiredEvent);
    way.set(Fault::Reset).await;
    way.set(Fault::Pass).await;
    cluster.kubectl(&["delete", "ingress", "web7"]).await;
    let mut fewest = 300;
    edge.until("the new list is in force", |now| {
        fewest = fewest.min(served(now));
        !names(now).contains("web7.test")
    })
    .await;
    assert_eq!(fewest, 299);
    tests::client::until(async || {
        let now = edge.metric("hedgerow_source_lists_total", &[]).await;
        let never = format!("{now} lists, as before");
        (now > lists).then_some(()).ok_or(never)
    })
    .await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_an_application_is_ever_sent_to_the_edge() {
    let cluster = Cluster::start_with(Options {
        audit_policy: Some(audit::METADATA.to_owned()),
        ..Options::default()
    })
    .await;
    cluster
        .apply("apiVersion: v1\nkind: Secret\nmetadata: { name: password }\nstringData: { a: b }\n")
        .await;
    let with_tls = format!(
        "{}  tls: [{{ hosts: [web.test], secretName: later }}]\n",
        ingress("web")
    );
    cluster
        .apply(&join(&[classes(), with_tls, service("web")]))
        .await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    edge.stop().await;
    let is_ours = |line: &Value| {
        let agent = line["userAgent"].as_str().unwrap_or_default();
        agent.starts_with("hedgerow/") && line["objectRef"]["resource"] == "secrets"
    };
    let is_watch = |line: &Value| is_ours(line) && line["verb"] == "watch";
    cluster.audit.line_where(is_watch).await;
    for line in cluster.audit.lines().iter().filter(|line| is_ours(line)) {
        let uri = line["requestURI"].as_str().unwrap();
        let is_narrow = uri.contains("fieldSelector=type%3Dkubernetes.io%2Ftls")
            || uri.contains("/namespaces/default/secrets?&fieldSelector=metadata.name%3Dlater")
            || uri.contains("fieldSelector=metadata.name%3Dlater");
        assert!(is_narrow, "{uri}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_changes_is_few_compilations() {
    let cluster = Cluster::start().await;
    cluster.apply(&join(&[classes(), service("web")])).await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    let before = edge.in_force().version;
    let api = Arc::new(cluster.api(&cluster.admin()).await);
    let many =
        (0..500).map(|number| Change::Apply(objects(&ingress(&format!("web{number}"))).remove(0)));
    let done = api.change_all(many, None).await;
    assert_eq!(done.refused, [""; 0]);
    let all = |now: &InForce| names(now).len() >= 500;
    edge.until("all are served", all).await;
    let versions = edge.in_force().version - before;
    assert!(versions < 250, "{versions} compilations for 500 objects");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_in_the_listed_namespaces_are_enough() {
    let cluster = Cluster::start().await;
    let account = cluster.service_account("default", "edge").await;
    cluster.apply(&scoped("default")).await;
    cluster
        .apply(&join(&[classes(), ingress("web"), service("web")]))
        .await;
    let edge = edge(cluster.kubeconfig(&account), |settings| {
        if let config::settings::Source::Cluster { namespaces, .. } = &mut settings.source {
            namespaces.push("default".to_owned());
        }
    })
    .await;
    assert!(names(&edge.in_force()).contains("web.test"));
    let ready = edge.admin("/readyz?verbose").await.text();
    assert!(
        ready.contains("source IngressClass may not be read, and need not be"),
        "{ready}"
    );
    assert!(!ready.contains("[!]"), "{ready}");
    let problems = edge.admin("/problems").await.text();
    assert!(!problems.contains("unreadable-kind"), "{problems}");
    edge.stop().await;
}
