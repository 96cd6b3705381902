//! What does an error of the engine mean?

use crate::connection::gate::MalformedBody;
use config::reason::Reason;
use pingora_error::{Error, ErrorSource, ErrorType, RetryType};
use std::io;

/// Raised by a phase of ours when a status is to be tried again.
pub const STATUS_TO_RETRY: ErrorType = ErrorType::Custom("a status that the route tries again");
/// Raised by a phase of ours that has put its reason into the request's context.
pub const REASON_IS_KNOWN: ErrorType = ErrorType::Custom("the context has the reason");

/// Why a connection could not be made.
pub fn of_connect(error: &Error) -> Reason {
    use ErrorType::*;
    match error.etype() {
        ConnectRefused => Reason::ConnectRefused,
        ConnectTimedout | TLSHandshakeTimedout => Reason::ConnectTimeout,
        ConnectNoRoute => Reason::NoRouteToHost,
        TLSHandshakeFailure if is_cut_off(error) => Reason::ConnectFailed,
        TLSHandshakeFailure | TLSWantX509Lookup | InvalidCert | HandshakeError => {
            Reason::UpstreamTls
        }
        // No socket, no port, no descriptor: ours.
        InternalError | SocketError | BindError => Reason::Internal,
        _ => Reason::ConnectFailed,
    }
}

/// Did the endpoint leave in the middle of the handshake, as one that starts or stops does, instead of failing at it? The engine keeps only
/// the words of the error below it: those of rustls and of the system.
fn is_cut_off(error: &Error) -> bool {
    let words = error.to_string();
    [
        "tls handshake eof",
        "Connection reset by peer",
        "Broken pipe",
    ]
    .iter()
    .any(|cut| words.contains(cut))
}

/// Was nothing sent for certain, so that waiting for the endpoint is worth it? TLS that fails will fail again.
pub fn is_worth_holding(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ConnectRefused
            | Reason::ConnectTimeout
            | Reason::NoRouteToHost
            | Reason::ConnectFailed
    )
}

/// Why an exchange over a connection ended. `response_begun`: the response header went to the client.
pub fn of_exchange(error: &Error, response_begun: bool) -> Reason {
    match error.esource() {
        ErrorSource::Downstream => of_client(error),
        ErrorSource::Upstream => of_backend(error.etype(), response_begun),
        ErrorSource::Internal | ErrorSource::Unset => Reason::Internal,
    }
}

/// Did the endpoint refuse the stream before it looked at it (RFC 9113 §8.7)? pingora decides to retry `InvalidH2` too, but may find out
/// only after the endpoint has acted.
pub fn is_unsent(error: &Error) -> bool {
    error.retry == RetryType::Decided(true)
        && matches!(error.etype(), ErrorType::H2Error | ErrorType::H2Downgrade)
        && *error.esource() == ErrorSource::Upstream
}

/// Did a part of the answer not go to the client? Its side's other errors are about the rest of a request.
pub fn is_lost_answer(error: &Error) -> bool {
    *error.esource() == ErrorSource::Downstream
        && matches!(
            error.etype(),
            ErrorType::WriteTimedout | ErrorType::WriteError | ErrorType::H2Error
        )
}

/// Did the gate refuse to show the body? The engine takes that for a broken connection.
fn is_malformed_body(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause
        .and_then(io::Error::get_ref)
        .is_some_and(|inner| inner.is::<MalformedBody>())
}

fn of_client(error: &Error) -> Reason {
    match error.etype() {
        ErrorType::WriteTimedout => Reason::ClientWriteTimeout,
        _ if is_write_stall(error) => Reason::ClientWriteTimeout,
        _ if is_malformed_body(error) => Reason::BadRequest,
        ErrorType::ReadTimedout => Reason::ClientBodyTimeout,
        // A chunk that is none, a `Connection` field that names too much.
        ErrorType::InvalidHTTPHeader | ErrorType::H1Error => Reason::BadRequest,
        _ => Reason::ClientClosed,
    }
}

/// The gate's own clock ended a write: the error of the stream says so, below what the engine made of it.
fn is_write_stall(error: &Error) -> bool {
    let mut cause = error
        .cause
        .as_ref()
        .map(|cause| -> &(dyn std::error::Error + 'static) { cause.as_ref() });
    while let Some(found) = cause {
        let io = found.downcast_ref::<std::io::Error>();
        let io = io.or_else(|| found.downcast_ref::<h2::Error>()?.get_io());
        if let Some(io) = io {
            return io.kind() == std::io::ErrorKind::TimedOut;
        }
        cause = found.source();
    }
    false
}

fn of_backend(error: &ErrorType, response_begun: bool) -> Reason {
    match error {
        ErrorType::ReadTimedout if !response_begun => Reason::ResponseTimeout,
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => Reason::IdleTimeout,
        _ if response_begun => Reason::UpstreamCut,
        ErrorType::ReadError
        | ErrorType::WriteError
        | ErrorType::ConnectionClosed
        | ErrorType::H2Error => Reason::UpstreamReset,
        ErrorType::InternalError => Reason::Internal,
        _ => Reason::UpstreamProtocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorType::*;

    #[test]
    fn failures_to_connect_are_told_apart() {
        for (error, reason) in [
            (ConnectRefused, Reason::ConnectRefused),
            (ConnectTimedout, Reason::ConnectTimeout),
            (ConnectNoRoute, Reason::NoRouteToHost),
            (InvalidCert, Reason::UpstreamTls),
            (ConnectError, Reason::ConnectFailed),
            (SocketError, Reason::Internal),
        ] {
            assert_eq!(of_connect(&Error::new_up(error)), reason);
        }
        for (words, reason) in [
            ("tls stream error: tls handshake eof", Reason::ConnectFailed),
            (
                "tls stream error: Connection reset by peer (os error 104)",
                Reason::ConnectFailed,
            ),
            (
                "tls stream error: invalid peer certificate: UnknownIssuer",
                Reason::UpstreamTls,
            ),
        ] {
            let below = Error::explain(TLSHandshakeFailure, words);
            let error = Error::because(TLSHandshakeFailure, "tls stream error", below);
            assert_eq!(of_connect(&error), reason, "{words}");
        }
        assert!(is_worth_holding(Reason::ConnectRefused));
        assert!(!is_worth_holding(Reason::UpstreamTls));
    }

    fn check(error: Box<Error>, before: Reason, after: Reason) {
        assert_eq!(of_exchange(&error, false), before, "{error}");
        assert_eq!(of_exchange(&error, true), after, "{error}");
    }

    #[test]
    fn whose_fault_it_was_depends_on_the_source() {
        check(
            Error::new_up(ConnectionClosed),
            Reason::UpstreamReset,
            Reason::UpstreamCut,
        );
        check(
            Error::new_up(ReadTimedout),
            Reason::ResponseTimeout,
            Reason::IdleTimeout,
        );
        check(
            Error::new_up(InvalidHTTPHeader),
            Reason::UpstreamProtocol,
            Reason::UpstreamCut,
        );
        check(
            Error::new_down(ConnectionClosed),
            Reason::ClientClosed,
            Reason::ClientClosed,
        );
        let malformed = io::Error::new(io::ErrorKind::InvalidData, MalformedBody);
        check(
            Error::because(ReadError, "when reading body", malformed).into_down(),
            Reason::BadRequest,
            Reason::BadRequest,
        );
        check(
            Error::new_down(WriteTimedout),
            Reason::ClientWriteTimeout,
            Reason::ClientWriteTimeout,
        );
        let stall = std::io::Error::from(std::io::ErrorKind::TimedOut);
        check(
            Error::because(WriteError, "", stall).into_down(),
            Reason::ClientWriteTimeout,
            Reason::ClientWriteTimeout,
        );
        check(
            Error::new_down(ReadTimedout),
            Reason::ClientBodyTimeout,
            Reason::ClientBodyTimeout,
        );
        check(
            Error::new_in(InternalError),
            Reason::Internal,
            Reason::Internal,
        );
    }

    #[test]
    fn only_a_refused_stream_was_not_sent() {
        let mut error = Error::new_up(H2Error);
        assert!(!is_unsent(&error));
        error.set_retry(true);
        assert!(is_unsent(&error));
        let mut error = Error::new_up(InvalidH2);
        error.set_retry(true);
        assert!(!is_unsent(&error));
    }
}
