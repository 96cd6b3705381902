//! How does the edge itself run, from the command line to its last log line?

use crate::app::banner::Banner;
use crate::app::paint::Paint;
use crate::app::served::Served;
use crate::app::settings::{flags_of_run, load, readable, sentences};
use crate::app::signals::{Hangup, Signals};
use crate::app::{Edge, Options, say, source};
use crate::cli::Run;
use anyhow::{Result, anyhow};
use config::settings::{Settings, Source};
use std::process::ExitCode;

/// `hedgerow run`: exit code 0 after a stop by signal, 1 if the edge does not start.
pub fn run(run: Run) -> Result<ExitCode> {
    let flags = flags_of_run(&run);
    let (settings, warnings) = load(run.input.settings.as_deref(), &flags)
        .map_err(|problems| anyhow!(sentences(&problems)))?;
    readable(&settings)?;
    let source = source_name(&settings);
    let mut signals = Signals::catch(Hangup::Ignored)?;
    let edge = Edge::start_unless_stopped(
        settings,
        Options {
            settings_file: run.input.settings,
            flags,
            warnings,
            ..Options::default()
        },
        Some(&mut signals),
    )?;
    let Some(edge) = edge else {
        tracing::info!("stopped before the first configuration was in force");
        return Ok(ExitCode::SUCCESS);
    };
    say::err(&banner(&edge, source).render(Paint::of_stderr()));
    signals.serve_until_stopped(edge);
    Ok(ExitCode::SUCCESS)
}

/// What is told at start.
pub fn banner(edge: &Edge, source: String) -> Banner {
    let in_force = edge.in_force();
    Banner {
        http: edge.http_addrs(),
        https: edge.https_addrs(),
        admin: edge.admin_addr(),
        source,
        served: Served::of_in_force(&in_force),
        problems: in_force.problems.clone(),
    }
}

fn source_name(settings: &Settings) -> String {
    match &settings.source {
        Source::Directory { path } if source::is_stdin(path) => "standard input".to_owned(),
        Source::Directory { path } => path.display().to_string(),
        Source::Cluster { .. } => "the API server".to_owned(),
    }
}
