//! Which settings hold, after defaults, file and flags?

use crate::app::{settings_file, source};
use crate::cli::{Input, Run};
use anyhow::{Result, bail};
use config::problem::Problem;
use config::settings::{Flags, Settings, Source};
use std::path::Path;

/// Settings, and what is usable in them but probably not meant.
pub type Loaded = (Settings, Vec<Problem>);

/// Flags of `run`, in the words of the settings.
pub fn flags_of_run(run: &Run) -> Flags {
    Flags {
        http: run.http.into_iter().collect(),
        https: run.https.into_iter().collect(),
        admin: run.admin,
        endpoints: run.endpoints.clone(),
        ..flags_of_input(&run.input)
    }
}

/// Flags of every command that reads objects.
pub fn flags_of_input(input: &Input) -> Flags {
    Flags {
        manifests: input.manifests.clone(),
        kubeconfig: input.kubeconfig.clone(),
        ..Flags::default()
    }
}

/// Defaults, then the file, then the flags. The error names every setting that is wrong.
pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Loaded, Vec<Problem>> {
    let (settings, warnings) = match file {
        Some(file) => settings_file::load(file)?,
        None => (Settings::default(), Vec::new()),
    };
    Ok((flags.apply(settings)?, warnings))
}

/// One problem per line, each with its place.
pub fn sentences(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Whether there is a source to begin with: an API server may be away for a while, but somebody must have named it.
pub fn readable(settings: &Settings) -> Result<()> {
    let path = match &settings.source {
        Source::Directory { path } => path,
        Source::Cluster { kubeconfig, .. } => return named(kubeconfig.as_deref()),
    };
    if source::is_stdin(path) {
        return Ok(());
    }
    match open(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "{} does not exist; --manifests wants a directory of manifests, a file, or - for standard input",
                path.display()
            )
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => bail!(
            "{} may not be read by this user; give it the permission (a directory needs r and x), or run as another one",
            path.display()
        ),
        Err(error) => bail!("cannot read {}: {error}", path.display()),
    }
}

/// A pipe is not opened: that waits until somebody writes to it.
fn open(path: &Path) -> std::io::Result<()> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return std::fs::read_dir(path).map(drop);
    }
    if !metadata.is_file() {
        let cause = "a pipe, a socket or a device; a directory, a file, or - for standard input can be read";
        return Err(std::io::Error::other(cause));
    }
    std::fs::File::open(path).map(drop)
}

fn named(kubeconfig: Option<&Path>) -> Result<()> {
    if let Some(path) = kubeconfig {
        return match std::fs::File::open(path) {
            Ok(_) => Ok(()),
            Err(error) => bail!("cannot read the kubeconfig {}: {error}", path.display()),
        };
    }
    if k8s::source::cluster::is_anywhere() {
        return Ok(());
    }
    bail!(
        "there is no API server to read: this is no pod, KUBECONFIG is not set, and there is no ~/.kube/config. Name one \
         with --kubeconfig FILE, or a directory of manifests with --manifests DIR (hedgerow demo needs neither)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(flags: Flags, words: &str) {
        let (settings, _) = load(None, &flags).expect("defaults are right");
        let error = readable(&settings).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn a_source_that_is_not_there_is_refused_with_what_to_do() {
        let manifests = Flags {
            manifests: Some("/no/such/directory".into()),
            ..Flags::default()
        };
        check_refused(manifests, "does not exist");
        let kubeconfig = Flags {
            kubeconfig: Some("/no/such/file".into()),
            ..Flags::default()
        };
        check_refused(kubeconfig, "/no/such/file");
    }

    #[test]
    fn a_source_that_would_be_waited_for_is_refused() {
        let directory = tempfile::tempdir().expect("makes a directory");
        let path = directory.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).expect("binds");
        let manifests = Flags {
            manifests: Some(path),
            ..Flags::default()
        };
        check_refused(manifests, "a pipe, a socket or a device");
    }

    #[test]
    fn a_wrong_file_names_what_is_wrong() {
        let error = load(Some(Path::new("/no/such/file")), &Flags::default());
        let error = sentences(&error.expect_err("is refused"));
        assert!(error.contains("is the path right?"), "{error}");
    }

    #[test]
    fn flags_beat_the_file() {
        let directory = tempfile::tempdir().expect("makes a directory");
        let file = directory.path().join("hedgerow.yaml");
        std::fs::write(&file, "admin: 127.0.0.1:1\nvia: true\n").expect("writes");
        let run = Run {
            admin: Some("127.0.0.1:2".parse().expect("is an address")),
            ..Run::default()
        };
        let (settings, _) = load(Some(&file), &flags_of_run(&run)).expect("is right");
        assert_eq!((settings.admin.port(), settings.via), (2, true));
    }
}
