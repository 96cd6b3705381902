//! What do manifests come to, in lines that a test can compare?

use crate::objects::Objects;
use crate::source::manifest;
use crate::source::yaml::Notation;
use crate::translate::Translator;
use config::model::{
    BackendReference, Filter, Model, PathMatch, PortReference, RequestMatch, RouteRule, TextMatch,
    WeightedReference,
};
use config::problem::Problem;
use config::settings::Settings;
use std::borrow::Borrow;
use std::sync::Arc;

/// One host with one endpoint, whose certificate is still to come.
pub const SITE: &str = "
kind: Service
apiVersion: v1
metadata: { name: web, namespace: web }
spec: { ports: [{ port: 80 }] }
---
kind: Endpoints
apiVersion: v1
metadata: { name: web, namespace: web }
subsets: [{ addresses: [{ ip: 10.0.0.1 }], ports: [{ port: 80 }] }]
---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: { name: shop, namespace: web }
spec: { ingressClassName: hedgerow, tls: [{ hosts: [shop.test], secretName: tls }], rules: [{ host: shop.test, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] } }] }
---
";

/// The objects of a text of YAML documents, as from a directory. What the reader itself finds wrong is among the problems.
pub fn objects(yaml: &str) -> Objects {
    let file: Arc<str> = "test.yaml".into();
    let contents = manifest::read(yaml.as_bytes(), Notation::Yaml, &file);
    let mut objects = Objects {
        is_directory: true,
        problems: contents.problems,
        unused: contents.broken,
        ..Objects::default()
    };
    for object in contents.objects {
        object.insert_into(&mut objects);
    }
    objects
}

pub fn settings() -> Settings {
    Settings {
        admin: ([192, 168, 0, 40], 9180).into(),
        ..Settings::default()
    }
}

/// Model and problems of manifests; the problems sorted, with those of the reader.
pub fn translate(yaml: &str) -> (Model, Vec<Problem>) {
    let objects = objects(yaml);
    let (model, found) = Translator::default().translate(&objects, &settings());
    let mut problems: Vec<Problem> = found.into_iter().map(Arc::unwrap_or_clone).collect();
    problems.extend(objects.problems);
    problems.sort();
    (model, problems)
}

/// Each rule in one line, as in `http+https shop.test /api* -> website/backend:3001`, sorted.
pub fn rules(model: &Model) -> Vec<String> {
    let rules = model.routes.iter().flat_map(|route| &route.rules);
    let mut lines: Vec<String> = rules.flat_map(rule).collect();
    lines.sort();
    lines
}

/// Each problem in one line, as in `error invalid-field spec.rules[0].host:7`, sorted.
pub fn problems(problems: &[impl Borrow<Problem>]) -> Vec<String> {
    let problems = problems.iter().map(Borrow::borrow);
    let mut lines: Vec<String> = problems.map(problem).collect();
    lines.sort();
    lines
}

/// Hosts of TLS blocks and their Secrets, as in `a.test,b.test website/tls`, sorted.
pub fn tls(model: &Model) -> Vec<String> {
    let blocks = model.routes.iter().flat_map(|route| &route.tls);
    let mut lines: Vec<String> = blocks
        .map(|block| {
            let hosts: Vec<String> = block.hosts.iter().map(ToString::to_string).collect();
            let secret = block.secret.as_ref().map(ToString::to_string);
            format!("{} {}", hosts.join(","), secret.unwrap_or_default())
        })
        .collect();
    lines.sort();
    lines
}

fn problem(problem: &Problem) -> String {
    let severity = format!("{:?}", problem.severity).to_lowercase();
    let code = problem.code_str();
    let line = problem.origin.as_ref().map_or(0, |origin| origin.line);
    format!("{severity} {code} {}:{line}", problem.field)
}

fn rule(rule: &RouteRule) -> Vec<String> {
    let protocol = match (rule.scope.http, rule.scope.https) {
        (true, true) => "",
        (true, false) => "http ",
        (false, true) => "https ",
        (false, false) => "nowhere ",
    };
    let port = rule.scope.port.map(|port| format!(":{port} "));
    let except = rule.scope.except.iter().flat_map(|except| except.iter());
    let except: String = except.map(|name| format!("not {name} ")).collect();
    let scope = format!("{protocol}{}{except}", port.unwrap_or_default());
    let mut hosts: Vec<String> = rule
        .hosts
        .iter()
        .map(|host| host.name.to_string())
        .collect();
    if hosts.is_empty() {
        hosts.push(
            if rule.is_default_backend {
                "default"
            } else {
                "*"
            }
            .to_owned(),
        );
    }
    let hosts = hosts.join(",");
    let targets: Vec<String> = rule.backends.iter().map(target).collect();
    let filters: Vec<String> = rule.filters.iter().map(filter).collect();
    let line = |one: &RequestMatch| {
        let done = [filters.join(" "), targets.join(" ")].join(" ");
        let line = format!("{scope}{hosts} {} -> {}", request(one), done.trim());
        line.trim_end().to_owned()
    };
    rule.matches.iter().map(line).collect()
}

fn request(one: &RequestMatch) -> String {
    let mut text = match &one.path {
        PathMatch::Exact(path) => path.to_string(),
        PathMatch::Prefix(path) => format!("{path}*"),
        PathMatch::Regex(regex) => format!("~{regex}"),
    };
    if let Some(method) = &one.method {
        text = format!("{text} {method}");
    }
    for header in &one.headers {
        text = format!("{text} {}{}", header.name, value(&header.value));
    }
    for query in &one.query {
        text = format!("{text} ?{}{}", query.name, value(&query.value));
    }
    text
}

fn value(value: &TextMatch) -> String {
    match value {
        TextMatch::Exact(text) => format!("={text}"),
        TextMatch::Regex(regex) => format!("~{regex}"),
    }
}

fn target(target: &WeightedReference) -> String {
    let weight = match target.weight {
        1 => String::new(),
        weight => format!("{weight}x"),
    };
    let filters: Vec<String> = target.filters.iter().map(filter).collect();
    let name = match &target.reference {
        BackendReference::Service { service, port } => match port {
            PortReference::Number(number) => format!("{service}:{number}"),
            PortReference::Name(name) => format!("{service}:{name}"),
        },
        BackendReference::Invalid { .. } => "invalid".to_owned(),
    };
    format!("{weight}{name}{}", filters.join(""))
}

fn filter(filter: &Filter) -> String {
    match filter {
        Filter::RequestHeaders(change) => format!("[request {change:?}]"),
        Filter::ResponseHeaders(change) => format!("[response {change:?}]"),
        Filter::Redirect(redirect) => format!("[{redirect:?}]"),
        Filter::Rewrite { hostname, path } => {
            let hostname = hostname.as_ref().map(ToString::to_string);
            format!("[rewrite {hostname:?} {path:?}]")
        }
    }
}

/// A self-signed certificate for names, and its key, in PEM form. Valid for the years `from` to `until`, the first of January of each.
pub fn certificate(names: &[&str], (from, until): (i32, i32)) -> (String, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut wanted = rcgen::CertificateParams::new(names).unwrap();
    wanted.not_before = rcgen::date_time_ymd(from, 1, 1);
    wanted.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = wanted.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A Secret with both, as a YAML document.
pub fn secret(name: &str, (certificate, key): &(String, String)) -> String {
    let indent = |pem: &str| pem.trim().replace('\n', "\n    ");
    format!(
        "kind: Secret\napiVersion: v1\nmetadata:\n  name: {name}\n  namespace: web\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n---\n",
        indent(certificate),
        indent(key)
    )
}
