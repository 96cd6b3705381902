//! What can be asked on the command line?
//!
//! Flags beat the settings file, which beats the defaults. A wrong command line ends with exit code 2, as clap does by itself.

use clap::{Args, Parser, Subcommand, ValueEnum};
use http::{HeaderName, HeaderValue, Method};
use std::net::SocketAddr;
use std::path::PathBuf;

const AFTER_HELP: &str = "Environment:
  HEDGEROW_LOG   log levels, as in `info` or `warn,proxy=debug` (default: info)
  NO_COLOR       no colour, even on a terminal

Start here:      hedgerow demo";

/// The HTTP edge of a small Kubernetes cluster: Kubernetes manifests in, HTTPS out.
#[derive(Debug, Parser)]
#[command(name = "hedgerow", disable_version_flag = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// What the program is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve: the edge itself, until SIGTERM or Ctrl-C
    Run(Run),
    /// Print every problem of the manifests: exit 0 (none), 1 (problems), 2 (cannot be checked)
    Check(Check),
    /// Print which rule answers a URL, and why the others do not
    Why(Why),
    /// Run a complete edge with sample backends on this machine; nothing else is needed
    Demo(Demo),
    /// Print version, commit, target and compiler
    Version,
}

/// `hedgerow run`.
#[derive(Debug, Clone, Default, Args)]
pub struct Run {
    #[command(flatten)]
    pub input: Input,
    /// Listen here for HTTP, instead of what the settings say
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub http: Option<SocketAddr>,
    /// Listen here for HTTPS, instead of what the settings say
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub https: Option<SocketAddr>,
    /// Answer operators here (/readyz, /metrics, /why ...)
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub admin: Option<SocketAddr>,
    /// A Service that is elsewhere: the cluster's manifests unchanged on a laptop (may be repeated)
    #[arg(long = "endpoint", value_name = "NS/SERVICE[:PORT]=HOST:PORT")]
    pub endpoints: Vec<String>,
}

/// Where settings and objects come from.
#[derive(Debug, Clone, Default, Args)]
pub struct Input {
    /// Settings, hedgerow.yaml
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Manifests: a directory, a file, or - for standard input
    #[arg(long, value_name = "DIR|-", conflicts_with = "kubeconfig")]
    pub manifests: Option<PathBuf>,
    /// The API server's address and credentials, instead of a pod's own or KUBECONFIG
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

/// `hedgerow check`.
#[derive(Debug, Clone, Default, Args)]
pub struct Check {
    #[command(flatten)]
    pub input: Input,
    /// Warnings count as well
    #[arg(long)]
    pub strict: bool,
    /// `json` for tools
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub output: Output,
}

/// `hedgerow why`.
#[derive(Debug, Clone, Args)]
pub struct Why {
    /// As a client would ask, with scheme, host, path and query.
    #[arg(
        value_name = "URL",
        help = "As a client would ask: https://example.org/api/x?y=1"
    )]
    pub url: String,
    /// The request's method
    #[arg(
        short = 'X',
        long = "method",
        value_name = "METHOD",
        default_value = "GET"
    )]
    pub method: Method,
    /// A header field of the request (may be repeated)
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Manifests: a directory, a file, or - for standard input
    #[arg(long, value_name = "DIR|-", conflicts_with = "admin")]
    pub manifests: Option<PathBuf>,
    /// Settings, hedgerow.yaml: they say how rules answer, and where manifests are unless --manifests does
    #[arg(long, value_name = "FILE", conflicts_with = "admin")]
    pub settings: Option<PathBuf>,
    /// Ask a running edge, at its admin address
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub admin: Option<SocketAddr>,
    /// `json` for tools
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub output: Output,
}

/// `hedgerow demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Listen here for HTTP
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = parse_address)]
    pub http: SocketAddr,
    /// Listen here for HTTPS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443", value_parser = parse_address)]
    pub https: SocketAddr,
    /// Answer operators here
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9180", value_parser = parse_address)]
    pub admin: SocketAddr,
}

/// For whom the answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Text,
    /// For tools
    Json,
}

/// As the settings file has it, with the same hints.
fn parse_address(raw: &str) -> Result<SocketAddr, String> {
    config::settings::parse_socket_address(raw)
        .map_err(|error| format!("{error}; an address is 127.0.0.1:8080 or [::]:80"))
}

/// One `name: value`, as curl takes it.
fn parse_header(raw: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = raw
        .split_once(':')
        .ok_or("is not a header field; write it as 'name: value'")?;
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| "has a name that no header field can have")?;
    let value = HeaderValue::from_str(value.trim())
        .map_err(|_| "has a value that no header field can have")?;
    Ok((name, value))
}

#[cfg(test)]
mod tests;
