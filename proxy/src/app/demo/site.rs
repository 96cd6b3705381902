//! Which manifests does the demo serve, and where does its visitor find them?

use super::backends::Backends;
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::name::ObjectName;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const INGRESS: &str = include_str!("site/ingress.yaml");
const SERVICES: &str = include_str!("site/services.yaml");

/// A temporary copy of the site. Dropping it removes the directory.
#[derive(Debug)]
pub struct Site {
    directory: TempDir,
}

impl Site {
    /// Writes the manifests, with the sample backends' ports, and a certificate for `localhost` by an authority of this demo alone.
    pub fn write(backends: &Backends) -> Result<Site> {
        let directory = tempfile::Builder::new()
            .prefix("hedgerow-demo-")
            // A visitor may tell a browser to trust the demo's authority: nobody else on this machine may have its key.
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .context(
                "cannot make a temporary directory for the demo's manifests (is TMPDIR right?)",
            )?;
        let site = Site { directory };
        std::fs::create_dir(site.manifests()).context("cannot write the demo's manifests")?;
        let authority = Authority::make().context("cannot make the demo's certificate")?;
        for (path, text) in [
            (site.ingress(), INGRESS.to_owned()),
            (site.manifests().join("services.yaml"), with_ports(backends)),
            (site.manifests().join("certificate.yaml"), authority.secret),
            (site.authority(), authority.certificate),
        ] {
            write(&path, &text)?;
        }
        Ok(site)
    }

    pub fn manifests(&self) -> PathBuf {
        self.directory.path().join("manifests")
    }

    /// The manifest that is worth an edit.
    pub fn ingress(&self) -> PathBuf {
        self.manifests().join("ingress.yaml")
    }

    /// For `curl --cacert`.
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The Secret of the site's certificate.
    pub fn certificate(&self) -> ObjectName {
        ObjectName::new("website", "localhost-tls")
    }

    /// The state directory of the demo's edge.
    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn with_ports(backends: &Backends) -> String {
    let mut text = SERVICES.to_owned();
    for (name, address) in &backends.addresses {
        text = text.replace(&format!("${{{name}}}"), &address.port().to_string());
    }
    text
}

/// An authority whose key nobody keeps, and the one certificate that it signed.
struct Authority {
    certificate: String,
    /// The manifest of a Secret of type kubernetes.io/tls.
    secret: String,
}

impl Authority {
    fn make() -> Result<Authority> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params
            .distinguished_name
            .push(DnType::CommonName, "Hedgerow demo, this machine only");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        let leaf = params.signed_by(&key, &issuer)?;
        Ok(Authority {
            certificate: issuer.pem(),
            secret: secret_manifest(&leaf.pem(), &key.serialize_pem()),
        })
    }
}

fn secret_manifest(chain: &str, key: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: localhost-tls\n  namespace: website\n\
         type: kubernetes.io/tls\ndata:\n  tls.crt: {}\n  tls.key: {}\n",
        STANDARD.encode(chain),
        STANDARD.encode(key)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_names_every_backend_and_leaves_nothing_behind() {
        let backends = Backends::start().expect("ports of 127.0.0.1 are free");
        let site = Site::write(&backends).expect("writes");
        let services = std::fs::read_to_string(site.manifests().join("services.yaml"));
        let services = services.expect("reads");
        assert!(!services.contains("${"), "{services}");
        for (name, address) in &backends.addresses {
            assert!(
                services.contains(&format!("port: {}\n", address.port())),
                "{name}"
            );
        }
        let directory = site.directory.path().to_owned();
        let mode = std::fs::metadata(&directory)
            .expect("is there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
        drop(site);
        assert!(!directory.exists());
    }
}
