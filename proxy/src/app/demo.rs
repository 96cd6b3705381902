//! What does a newcomer see in the first minute?
//!
//! A complete edge over a temporary copy of a site's manifests, whose endpoints are sample backends in this process.

mod backends;
mod guide;
mod service;
mod site;
mod switch;
mod websocket;

use crate::app::paint::Paint;
use crate::app::signals::{Hangup, Signals};
use crate::app::{Edge, Options, log, run, say};
use crate::cli::Demo;
use anyhow::{Context, Result, bail};
use backends::Backends;
use config::limits::Limits;
use config::settings::{
    AccessLog, AccessLogFormat, DefaultCertificate, Listener, Settings, Source,
};
use guide::Guide;
use site::Site;
use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

/// What Ctrl-C waits for requests in flight.
const DRAIN: Duration = Duration::from_secs(1);

/// `hedgerow demo`: exit code 0 after Ctrl-C, 1 if it does not start.
pub fn demo(asked: &Demo) -> Result<ExitCode> {
    let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let twins = [twin(asked.http, has_ipv6), twin(asked.https, has_ipv6)];
    let asked_for = [asked.http, asked.https, asked.admin].into_iter();
    for address in asked_for.chain(twins.into_iter().flatten()) {
        refuse_taken(address)?;
    }
    let signals = Signals::catch(Hangup::Ends)?;
    let backends = Backends::start().context("the sample backends cannot listen on 127.0.0.1")?;
    let site = Site::write(&backends)?;
    let settings = settings(asked, &site, has_ipv6);
    let options = Options {
        log_levels: log::QUIET,
        ..Options::default()
    };
    let edge = Edge::start(settings, options)?;
    tell(&edge, &site, asked, has_ipv6);
    signals.serve_until_stopped(edge);
    say::out("\nThe demo has ended; its files are gone.\n");
    Ok(ExitCode::SUCCESS)
}

/// Whoever holds the port is usually another demo.
fn refuse_taken(address: SocketAddr) -> Result<()> {
    let error = match TcpListener::bind(address) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::AddrInUse => bail!(
            "{address} is taken, perhaps by another demo; stop that, or choose other ports: \
             {} demo --http 127.0.0.1:8081 --https 127.0.0.1:8444 --admin 127.0.0.1:9181",
            program()
        ),
        ErrorKind::PermissionDenied => bail!(
            "{address} is not for this user (ports below 1024 belong to root); choose a higher port"
        ),
        ErrorKind::AddrNotAvailable => bail!(
            "this machine has no address {}; 127.0.0.1:{} is one that it has",
            address.ip(),
            address.port()
        ),
        _ => bail!("cannot listen on {address}: {error}"),
    }
}

fn settings(asked: &Demo, site: &Site, has_ipv6: bool) -> Settings {
    // The page's own streams never end by themselves, and somebody waits at a terminal.
    let limits = Limits {
        drain: DRAIN,
        ..Limits::default()
    };
    Settings {
        limits,
        http: listeners(asked.http, has_ipv6),
        https: listeners(asked.https, has_ipv6),
        admin: asked.admin,
        source: Source::Directory {
            path: site.manifests(),
        },
        access_log: AccessLog {
            format: AccessLogFormat::Common,
            sampling: 1.0,
        },
        state_directory: site.state(),
        // For https://127.0.0.1, which names no host in its handshake.
        default_certificate: Some(DefaultCertificate::Secret(site.certificate())),
        ..Settings::default()
    }
}

fn listeners(address: SocketAddr, has_ipv6: bool) -> Vec<Listener> {
    let all = [Some(address), twin(address, has_ipv6)];
    all.into_iter().flatten().map(Listener::at).collect()
}

/// `localhost` is `::1` first for most browsers, so it comes with 127.0.0.1 where there is IPv6: whoever had the port there would be seen
/// instead of the demo.
fn twin(address: SocketAddr, has_ipv6: bool) -> Option<SocketAddr> {
    let is_loopback = address.ip().is_loopback() && address.is_ipv4();
    let has_twin = has_ipv6 && is_loopback && address.port() != 0;
    has_twin.then(|| SocketAddr::from((Ipv6Addr::LOCALHOST, address.port())))
}

fn tell(edge: &Edge, site: &Site, asked: &Demo, has_ipv6: bool) {
    let paint = Paint::of_stdout();
    let source = site.manifests().display().to_string();
    say::out(&run::banner(edge, source).render(paint));
    say::out(word_on_ipv6(has_ipv6));
    let guide = Guide {
        http: edge.http_addr().unwrap_or(asked.http),
        https: edge.https_addr().unwrap_or(asked.https),
        admin: edge.admin_addr(),
        site,
        program: program(),
    };
    say::out(&guide.render(paint));
}

fn word_on_ipv6(has_ipv6: bool) -> &'static str {
    match has_ipv6 {
        true => "",
        false => "  (there is no IPv6 on this machine: 127.0.0.1 alone)\n",
    }
}

/// As it was called, so that its commands can be copied.
fn program() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "hedgerow".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ipv6_the_demo_listens_on_127_0_0_1_alone_and_says_so() {
        let free = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = free.local_addr().expect("has an address");
        assert_eq!(listeners(address, false), [Listener::at(address)]);
        assert!(word_on_ipv6(false).contains("no IPv6"));
        assert_eq!(word_on_ipv6(true), "");
    }
}
