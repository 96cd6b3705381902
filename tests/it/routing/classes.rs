//! Whose Ingress is it?

use super::check;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::story_source::is_cluster;

const OURS: &str = "edwardstech.dev/hedgerow";
const TRAEFIK: &str = "traefik.io/ingress-controller";

fn class(name: &str, controller: &str, is_default: bool) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\n\
         metadata: {{ name: {name}, annotations: {{ ingressclass.kubernetes.io/is-default-class: \"{is_default}\" }} }}\n\
         spec: {{ controller: {controller} }}\n"
    )
}

/// `named`: `spec.ingressClassName`; `annotated`: the old annotation.
fn ingress(named: &str, annotated: &str) -> String {
    let named = match named {
        "" => String::new(),
        name => format!("ingressClassName: {name}, "),
    };
    let annotated = match annotated {
        "" => String::new(),
        name => format!(", annotations: {{ kubernetes.io/ingress.class: {name} }}"),
    };
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{ name: site{annotated} }}\n\
         spec: {{ {named}rules: [{{ host: site.test, http: {{ paths: [{{ path: /, pathType: Prefix, \
         backend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }}] }} }}] }}\n"
    )
}

/// Who is in charge, and does `/problems` speak of the Ingress?
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Outcome {
    Served,
    /// Another controller's: not a word about it.
    Untouched,
    /// Nobody serves it, which its owner should know.
    Reported,
}
use Outcome::{Reported, Served, Untouched};

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_is_ours_by_the_controller_of_its_class() {
    let web = Origin::start("web").await;
    let edge = Edge::start(&manifest::service("web", 80, &[web.address])).await;
    let (ours, theirs) = (
        class("hedgerow", OURS, false),
        class("hedgerow", TRAEFIK, false),
    );
    let taken_over = class("traefik", OURS, false);
    let traefik = class("traefik", TRAEFIK, false);
    let default_ours = class("main", OURS, true);
    let default_theirs = class("main", TRAEFIK, true);
    for (classes, named, annotated, expected) in [
        (vec![], "hedgerow", "", Served),
        // Only in a directory is everything for us where nothing says for whom it is.
        (vec![], "", "", if is_cluster() { Reported } else { Served }),
        (vec![], "", "hedgerow", Served),
        (vec![], "traefik", "", Reported),
        (vec![&ours], "hedgerow", "", Served),
        (vec![&theirs], "hedgerow", "", Untouched),
        (vec![&traefik], "traefik", "", Untouched),
        (vec![&taken_over], "traefik", "", Served),
        (vec![&traefik, &ours], "traefik", "", Untouched),
        (vec![&traefik, &ours], "", "traefik", Untouched),
        (vec![&taken_over], "", "traefik", Served),
        (vec![&traefik, &ours], "", "hedgerow", Served),
        (vec![&ours], "", "", Reported),
        (vec![&ours, &default_ours], "", "", Served),
        (vec![&ours, &default_theirs], "", "", Untouched),
        (vec![&default_theirs, &ours], "hedgerow", "", Served),
        (vec![&default_ours, &traefik], "traefik", "", Untouched),
    ] {
        let case = format!("{classes:?} named {named:?} annotated {annotated:?}");
        let mut documents: Vec<String> = classes.into_iter().cloned().collect();
        documents.push(ingress(named, annotated));
        edge.write("site.yaml", &manifest::join(&documents)).await;
        let status = edge.get("http://site.test/").await.status;
        let problems = edge.admin("/problems").await.text();
        // That a host has no certificate is said of what is served alone.
        let outcome = match (status, problems.contains("\"name\":\"site\"")) {
            (200, _) => Served,
            (_, false) => Untouched,
            (_, true) => Reported,
        };
        assert_eq!(outcome, expected, "{case}\n{problems}");
    }
    edge.stop().await;
}

/// R10: the field `controller` cannot be changed, so taking over is to delete the class and to create it.
#[tokio::test(flavor = "multi_thread")]
async fn a_class_named_traefik_is_taken_over_and_given_back() {
    let web = Origin::start("web").await;
    let site = manifest::join(&[
        ingress("traefik", ""),
        manifest::service("web", 80, &[web.address]),
    ]);
    let edge = Edge::start(&site).await;
    for _ in 0..2 {
        edge.write("class.yaml", &class("traefik", TRAEFIK, true))
            .await;
        check(&edge, "site.test", "/", "").await;
        edge.remove("class.yaml").await;
        check(&edge, "site.test", "/", "").await;
        edge.write("class.yaml", &class("traefik", OURS, true))
            .await;
        check(&edge, "site.test", "/", "web").await;
    }
    edge.stop().await;
}
