//! Why does the API server not give us what we ask for, and what helps?

use kube::core::Status;
use kube::runtime::watcher;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The sort of a failure. A label of metrics, so there are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The kubeconfig, or what a pod is given instead of one.
    Access,
    /// No answer: name, connection, or an answer that was cut.
    Unreachable,
    /// The API server's certificate is not one that we trust.
    Tls,
    Unauthorized,
    Forbidden,
    /// The kind does not exist there.
    Missing,
    /// The version that we have seen is too old to go on from.
    Gone,
    Throttled,
    /// Any other answer that is not the objects.
    Refused,
}

impl Cause {
    pub const ALL: [Cause; 9] = [
        Cause::Access,
        Cause::Unreachable,
        Cause::Tls,
        Cause::Unauthorized,
        Cause::Forbidden,
        Cause::Missing,
        Cause::Gone,
        Cause::Throttled,
        Cause::Refused,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Access => "access",
            Cause::Unreachable => "unreachable",
            Cause::Tls => "tls",
            Cause::Unauthorized => "unauthorized",
            Cause::Forbidden => "forbidden",
            Cause::Missing => "missing",
            Cause::Gone => "gone",
            Cause::Throttled => "throttled",
            Cause::Refused => "refused",
        }
    }

    /// True: it is the API server as a whole, not one kind.
    pub(crate) fn is_of_the_server(self) -> bool {
        matches!(
            self,
            Cause::Access | Cause::Unreachable | Cause::Tls | Cause::Unauthorized
        )
    }
}

/// What to do next, after the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Watch on from where we are.
    Resume,
    /// List anew: after a cut nobody knows whether the API server still counts from where it did. An etcd that was restored counts anew,
    /// and reaches numbers that we know within seconds.
    List,
    /// Read the credentials anew as well.
    Reconnect,
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub cause: Cause,
    pub message: String,
    pub(super) remedy: Remedy,
    /// The API server had begun to answer: this is not another failure in a row.
    pub(super) had_begun: bool,
    /// It asked for this.
    pub(crate) retry_after: Option<Duration>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Fault {
    pub(crate) fn new(cause: Cause, message: String) -> Fault {
        let remedy = match cause {
            Cause::Access | Cause::Tls | Cause::Unauthorized => Remedy::Reconnect,
            Cause::Throttled => Remedy::Resume,
            _ => Remedy::List,
        };
        Fault {
            cause,
            message,
            remedy,
            had_begun: false,
            retry_after: None,
        }
    }

    pub(crate) fn of_client(error: &kube::Error) -> Fault {
        match error {
            kube::Error::Api(status) => Fault::of_status(status),
            kube::Error::Auth(_) => Fault::new(Cause::Access, sentence(error)),
            kube::Error::SerdeError(_) => Fault::new(Cause::Refused, sentence(error)),
            _ if is_tls(error) => Fault::new(Cause::Tls, sentence(error)),
            _ => Fault::new(Cause::Unreachable, sentence(error)),
        }
    }

    pub(crate) fn of_watch(error: &watcher::Error) -> Fault {
        match error {
            watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
                Fault::of_client(error)
            }
            // The client does not look at the status of an answer to a watch: what is no event is an error's body.
            watcher::Error::WatchFailed(
                error @ (kube::Error::Api(_) | kube::Error::SerdeError(_)),
            ) => Fault::of_client(error),
            watcher::Error::WatchFailed(error) => Fault {
                had_begun: true,
                ..Fault::of_client(error)
            },
            watcher::Error::WatchError(status) => Fault {
                had_begun: true,
                ..Fault::of_status(status)
            },
            watcher::Error::NoResourceVersion => {
                Fault::new(Cause::Refused, "an answer has no version".to_owned())
            }
        }
    }

    fn of_status(status: &Status) -> Fault {
        let cause = match status.code {
            401 => Cause::Unauthorized,
            403 => Cause::Forbidden,
            404 => Cause::Missing,
            410 => Cause::Gone,
            429 => Cause::Throttled,
            _ => Cause::Refused,
        };
        let message = match status.message.trim() {
            "" => format!("status {} {}", status.code, status.reason),
            message => message.to_owned(),
        };
        let seconds = status.details.as_ref().map(|all| all.retry_after_seconds);
        let seconds = seconds.filter(|seconds| *seconds > 0);
        Fault {
            retry_after: seconds.map(|seconds| Duration::from_secs(seconds.into())),
            ..Fault::new(cause, message)
        }
    }
}

/// The error and what is behind it: the outer ones only say that there was one.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        inner = error.source();
    }
    text
}

fn is_tls(error: &kube::Error) -> bool {
    let mut inner: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = inner {
        if error.is::<rustls::Error>() {
            return true;
        }
        // An I/O error does not show the error that it wraps as its source, and there may be one within another.
        let io = error.downcast_ref::<std::io::Error>();
        inner = match io.and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests;
