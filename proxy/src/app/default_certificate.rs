//! Which certificate is shown for a name without one?
//!
//! The one of the settings (a Secret, or two files), else one that this process made itself. A wrong one never replaces a good one.

use anyhow::{Context, Result, anyhow};
use config::model::Certificate;
use config::name::{Kind, ObjectName, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use config::settings::{DefaultCertificate, Settings};
use k8s::objects::Objects;
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is in force, and why it is not what was asked for.
#[derive(Debug)]
pub struct Chosen {
    self_signed: Arc<CertifiedKey>,
    /// What was asked for last, and could be had.
    last_good: Option<(DefaultCertificate, Arc<CertifiedKey>)>,
}

impl Chosen {
    /// Makes the certificate of last resort.
    pub fn new() -> Result<Chosen> {
        Ok(Chosen {
            self_signed: crate::tls::default_certificate::self_signed()?,
            last_good: None,
        })
    }

    /// The certificate of last resort.
    pub fn self_signed(&self) -> Arc<CertifiedKey> {
        self.self_signed.clone()
    }

    /// The certificate to show from now on, and what is wrong with the one that was asked for.
    pub fn choose(
        &mut self,
        settings: &Settings,
        objects: Option<&Objects>,
    ) -> (Arc<CertifiedKey>, Option<Problem>) {
        let Some(wanted) = &settings.default_certificate else {
            self.last_good = None;
            return (self.self_signed.clone(), None);
        };
        match load(wanted, objects) {
            Ok(key) => {
                self.last_good = Some((wanted.clone(), key.clone()));
                (key, None)
            }
            Err(error) => (self.fallback(wanted), Some(problem(wanted, &error))),
        }
    }

    /// The last good form of the same certificate, else our own.
    fn fallback(&self, wanted: &DefaultCertificate) -> Arc<CertifiedKey> {
        match &self.last_good {
            Some((before, key)) if before == wanted => key.clone(),
            _ => self.self_signed.clone(),
        }
    }
}

/// What is wrong with the certificate that the settings ask for, where nothing is served yet.
pub fn problem_with(settings: &Settings, objects: &Objects) -> Option<Problem> {
    let wanted = settings.default_certificate.as_ref()?;
    let error = load(wanted, Some(objects)).err()?;
    Some(problem(wanted, &error))
}

fn load(wanted: &DefaultCertificate, objects: Option<&Objects>) -> Result<Arc<CertifiedKey>> {
    let parsed = match wanted {
        DefaultCertificate::Files { certificate, key } => {
            Certificate::parse(&read(certificate)?, &read(key)?)
        }
        DefaultCertificate::Secret(name) => {
            let (chain, key) = of_secret(name, objects)?;
            Certificate::parse(chain, key)
        }
    };
    let certificate = parsed.map_err(|error| anyhow!("it {error}"))?;
    Ok(certificate.key)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let read = std::fs::read(path).map(Zeroizing::new);
    read.with_context(|| format!("{} cannot be read", path.display()))
}

fn of_secret<'a>(name: &ObjectName, objects: Option<&'a Objects>) -> Result<(&'a [u8], &'a [u8])> {
    let secret = objects.and_then(|objects| objects.secrets.get(name));
    let secret = secret.ok_or_else(|| anyhow!("there is no Secret {name}"))?;
    let value = |key: &str| {
        let all = secret.value.data.as_ref();
        let found = all.and_then(|all| all.get(key));
        let found = found.ok_or_else(|| anyhow!("Secret {name} has no {key}"));
        found.map(|bytes| &*bytes.0)
    };
    Ok((value("tls.crt")?, value("tls.key")?))
}

fn problem(wanted: &DefaultCertificate, error: &anyhow::Error) -> Problem {
    let asked = match wanted {
        DefaultCertificate::Secret(name) => format!("Secret {name}"),
        DefaultCertificate::Files { certificate, .. } => certificate.display().to_string(),
    };
    Problem {
        severity: Severity::Error,
        code: ProblemCode::InvalidCertificate,
        object: ObjectRef::new(Kind::Settings, "", "defaultCertificate"),
        field: "defaultCertificate".into(),
        found: format!("{asked} cannot be shown: {error:#}"),
        expected:
            "a certificate chain and its key in PEM form; until then the last good one is shown, \
                   without one a self-signed one"
                .into(),
        origin: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> Settings {
        Settings {
            default_certificate: Some(DefaultCertificate::Files {
                certificate: directory.join("tls.crt"),
                key: directory.join("tls.key"),
            }),
            ..Settings::default()
        }
    }

    fn write_pair(directory: &Path) {
        let pair = rcgen::generate_simple_self_signed(["a.test".to_owned()]).expect("makes");
        std::fs::write(directory.join("tls.crt"), pair.cert.pem()).expect("writes");
        let key = pair.signing_key.serialize_pem();
        std::fs::write(directory.join("tls.key"), key).expect("writes");
    }

    #[test]
    fn a_wrong_certificate_never_replaces_a_good_one() {
        let directory = tempfile::tempdir().expect("makes a directory");
        let settings = files(directory.path());
        let mut chosen = Chosen::new().expect("makes");
        let (own, problem) = chosen.choose(&settings, None);
        assert!(problem.is_some_and(|problem| problem.found.contains("tls.crt")));
        write_pair(directory.path());
        let (good, problem) = chosen.choose(&settings, None);
        assert_eq!(problem, None);
        assert_ne!(own.cert, good.cert);
        std::fs::write(directory.path().join("tls.key"), "no key").expect("writes");
        let (kept, problem) = chosen.choose(&settings, None);
        assert_eq!(kept.cert, good.cert);
        assert!(problem.is_some());
        let (own_again, problem) = chosen.choose(&Settings::default(), None);
        assert_eq!((own_again.cert.clone(), problem), (own.cert.clone(), None));
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        let settings = Settings {
            default_certificate: Some(DefaultCertificate::Secret(ObjectName::new("a", "b"))),
            ..Settings::default()
        };
        let mut chosen = Chosen::new().expect("makes");
        let (_, problem) = chosen.choose(&settings, Some(&Objects::default()));
        assert!(problem.is_some_and(|problem| problem.found.contains("there is no Secret a/b")));
    }
}
