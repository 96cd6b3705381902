//! What do the flags of the command line change?

use super::form::{Form, parse_socket_address, quoted};
use super::{EndpointOverride, Listener, Settings, Source};
use crate::name::{Kind, ObjectName, ObjectRef};
use crate::problem::{Problem, ProblemCode, Severity};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// What the command line says of settings. What is empty says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--http`: instead of the settings' list.
    pub http: Vec<SocketAddr>,
    /// `--https`: instead of the settings' list.
    pub https: Vec<SocketAddr>,
    pub admin: Option<SocketAddr>,
    /// `--manifests DIR`, `-` for standard input: instead of the settings' source.
    pub manifests: Option<PathBuf>,
    /// `--kubeconfig FILE`: the API server, instead of a directory.
    pub kubeconfig: Option<PathBuf>,
    /// `--endpoint NAMESPACE/SERVICE[:PORT]=HOST:PORT`, each.
    pub endpoints: Vec<String>,
}

/// Why a text is not `NAMESPACE/SERVICE[:PORT]=HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("has no `=` between the Service and its address")]
    NoAddress,
    #[error("names a Service that {0}")]
    Service(String),
    #[error("names a port of the Service that is not a number from 1 to 65535: {0}")]
    Port(String),
    #[error("leads to {0} which {1}")]
    Address(String, String),
}

/// What problems of the command line are called after.
const COMMAND_LINE: &str = "command line";
const ENDPOINT_FORM: &str =
    "NAMESPACE/SERVICE[:PORT]=HOST:PORT, as in website/backend-service=127.0.0.1:3001";

impl Flags {
    /// Flags beat the file, which beats the defaults. The error is every flag that is wrong, and every setting that does not fit them.
    pub fn apply(&self, mut settings: Settings) -> Result<Settings, Vec<Problem>> {
        let mut problems = Vec::new();
        replace_listeners(&mut settings.http, &self.http);
        replace_listeners(&mut settings.https, &self.https);
        settings.admin = self.admin.unwrap_or(settings.admin);
        if self.manifests.is_some() && self.kubeconfig.is_some() {
            let found = "stands beside --kubeconfig".to_owned();
            problems.push(wrong("--manifests", found, "one of them"));
        }
        settings.source = self.source(settings.source);
        for raw in &self.endpoints {
            match raw.parse() {
                Ok(endpoint) => settings.endpoints.push(endpoint),
                Err(error) => {
                    let found = format!("{} {error}", quoted(raw));
                    problems.push(wrong("--endpoint", found, ENDPOINT_FORM));
                }
            }
        }
        let relations = settings.disagreements().into_iter();
        let relations = relations.filter(|relation| relation.severity == Severity::Error);
        problems.extend(relations.map(|relation| {
            let field = relation.fields.first().map_or("", String::as_str);
            wrong(field, relation.found, &relation.expected)
        }));
        match problems.is_empty() {
            true => Ok(settings),
            false => Err(problems),
        }
    }

    fn source(&self, before: Source) -> Source {
        if let Some(path) = &self.manifests {
            return Source::Directory { path: path.clone() };
        }
        let Some(file) = &self.kubeconfig else {
            return before;
        };
        let kubeconfig = Some(file.clone());
        match before {
            Source::Cluster {
                namespaces,
                namespace_selector,
                ..
            } => Source::Cluster {
                namespaces,
                namespace_selector,
                kubeconfig,
            },
            Source::Directory { .. } => Source::Cluster {
                namespaces: Vec::new(),
                namespace_selector: None,
                kubeconfig,
            },
        }
    }
}

fn replace_listeners(listeners: &mut Vec<Listener>, addresses: &[SocketAddr]) {
    if addresses.is_empty() {
        return;
    }
    *listeners = addresses.iter().copied().map(Listener::at).collect();
}

fn wrong(field: &str, found: String, expected: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        code: ProblemCode::InvalidSetting,
        object: ObjectRef::new(Kind::Settings, "", COMMAND_LINE),
        field: field.to_owned(),
        found,
        expected: expected.to_owned(),
        origin: None,
    }
}

impl FromStr for EndpointOverride {
    type Err = EndpointError;

    /// Parses `NAMESPACE/SERVICE[:PORT]=HOST:PORT`. HOST is an address, IPv6 in brackets.
    fn from_str(raw: &str) -> Result<EndpointOverride, EndpointError> {
        let (service, address) = raw.split_once('=').ok_or(EndpointError::NoAddress)?;
        let (service, port) = match service.split_once(':') {
            Some((service, port)) => (service, Some(parse_port(port)?)),
            None => (service, None),
        };
        let service = ObjectName::parse(service).map_err(EndpointError::Service)?;
        let wrong = |error| EndpointError::Address(quoted(address), error);
        let address = parse_socket_address(address).map_err(wrong)?;
        if address.port() == 0 {
            return Err(wrong("has port 0, where nobody can listen".to_owned()));
        }
        Ok(EndpointOverride {
            service,
            port,
            address,
        })
    }
}

fn parse_port(raw: &str) -> Result<u16, EndpointError> {
    match raw.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(EndpointError::Port(quoted(raw))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(raw: &str) -> SocketAddr {
        raw.parse().unwrap()
    }

    #[track_caller]
    fn check_endpoint(raw: &str, expected: Result<(&str, Option<u16>, &str), &str>) {
        let found = raw.parse::<EndpointOverride>();
        let found = found.map(|e| (e.service.to_string(), e.port, e.address.to_string()));
        let found = found.map_err(|error| error.to_string());
        let expected = expected.map(|(s, p, a)| (s.to_owned(), p, a.to_owned()));
        assert_eq!(found, expected.map_err(str::to_owned), "{raw}");
    }

    #[test]
    fn an_endpoint_override_names_a_service_and_an_address() {
        check_endpoint(
            "website/backend-service=127.0.0.1:3001",
            Ok(("website/backend-service", None, "127.0.0.1:3001")),
        );
        check_endpoint("a/b:80=[::1]:8080", Ok(("a/b", Some(80), "[::1]:8080")));
    }

    #[test]
    fn an_endpoint_override_that_is_wrong_is_told_what_is_wrong_with_it() {
        for (raw, expected) in [
            ("a/b", "has no `=` between the Service and its address"),
            ("b=127.0.0.1:1", "names a Service that names no namespace"),
            (
                "A/b=127.0.0.1:1",
                "names a Service that is not a namespace and a name of Kubernetes",
            ),
            (
                "a/b:http=127.0.0.1:1",
                "names a port of the Service that is not a number from 1 to 65535: `http`",
            ),
            (
                "a/b:0=127.0.0.1:1",
                "names a port of the Service that is not a number from 1 to 65535: `0`",
            ),
            (
                "a/b=127.0.0.1:0",
                "leads to `127.0.0.1:0` which has port 0, where nobody can listen",
            ),
            (
                "a/b=127.0.0.1",
                "leads to `127.0.0.1` which is an address without a port",
            ),
            (
                "a/b=::1:3001",
                "leads to `::1:3001` which is an IPv6 address without a port; with one it is in brackets, as in [::1]:80",
            ),
            (
                "a/b=1:2:3:4:5:6:7:8:3001",
                "leads to `1:2:3:4:5:6:7:8:3001` which is an IPv6 address without brackets; write [1:2:3:4:5:6:7:8]:3001",
            ),
            (
                "a/b=vm.home.lan:3001",
                "leads to `vm.home.lan:3001` which is a name, and names are not looked up; write the address",
            ),
            (
                "a/b=localhost:3001",
                "leads to `localhost:3001` which is a name, and names are not looked up; write 127.0.0.1:3001 or [::1]:3001",
            ),
            ("a/b=", "leads to `` which is not an address and a port"),
        ] {
            check_endpoint(raw, Err(expected));
        }
    }

    #[test]
    fn flags_beat_the_file() {
        let file = "listeners: { http: ['[::]:80', '127.0.0.1:81'] }\nsource: { cluster: { namespaces: [a] } }\nadmin: 127.0.0.1:1";
        let settings = Settings::parse(file, "hedgerow.yaml").unwrap();
        let nothing = Flags::default().apply(settings.clone()).unwrap();
        assert_eq!(nothing, settings);

        let flags = Flags {
            http: vec![address("127.0.0.1:8080")],
            admin: Some(address("127.0.0.1:2")),
            kubeconfig: Some("k".into()),
            endpoints: vec!["a/b=127.0.0.1:3".into()],
            ..Flags::default()
        };
        let merged = flags.apply(settings.clone()).unwrap();
        assert_eq!(merged.http, [Listener::at(address("127.0.0.1:8080"))]);
        assert_eq!(merged.https, settings.https);
        assert_eq!(merged.admin, address("127.0.0.1:2"));
        assert_eq!(
            merged.source,
            Source::Cluster {
                namespaces: vec!["a".into()],
                namespace_selector: None,
                kubeconfig: Some("k".into())
            }
        );
        assert_eq!(merged.endpoints.len(), 1);

        let flags = Flags {
            manifests: Some("-".into()),
            ..Flags::default()
        };
        let merged = flags.apply(settings).unwrap();
        assert_eq!(merged.source, Source::Directory { path: "-".into() });
    }

    #[test]
    fn every_wrong_flag_is_reported_at_once() {
        let flags = Flags {
            http: vec![address("127.0.0.1:9180")],
            manifests: Some("a".into()),
            kubeconfig: Some("b".into()),
            endpoints: vec!["x".into(), "y".into()],
            ..Flags::default()
        };
        let problems = flags.apply(Settings::default()).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, ["--manifests", "--endpoint", "--endpoint", "admin"]);
        assert_eq!(
            problems[1].to_string(),
            "Settings command line: --endpoint: `x` has no `=` between the Service and its address; NAMESPACE/SERVICE[:PORT]=HOST:PORT, as in website/backend-service=127.0.0.1:3001"
        );
    }
}
