//! Which annotations are there, and what does each one mean?

use super::value::{
    bounded, load_balance, name_of_config_map, on_or_off, parse_hostname, protocol, statuses,
};
use super::{Draft, Refusal};
use config::limits::Limits;
use config::limits::bound::Bound;
use config::model::SslRedirect;
use config::{duration, size};
use std::time::Duration;

/// One annotation, without the prefix.
pub(super) struct Annotation {
    pub name: &'static str,
    pub on: On,
    form: Form,
    default: Default,
    pub support: Support,
    /// A sentence for the documentation.
    pub what: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Ingress,
    /// On a Service it describes the backend for every route; an Ingress that says the same beats it for its own routes.
    IngressAndService,
}

/// What a value looks like.
#[derive(Clone, Copy)]
enum Form {
    Words(&'static str),
    /// As this bound of the settings, range and all.
    Like(&'static str),
}

/// What holds without the annotation.
#[derive(Clone, Copy)]
enum Default {
    Words(&'static str),
    /// This bound of the settings.
    Limit(&'static str),
}

#[derive(Clone, Copy)]
pub(super) enum Support {
    Now(fn(&mut Draft<'_>, &str) -> Result<(), Refusal>),
    Later,
}

impl Annotation {
    pub fn form(&self) -> String {
        match self.form {
            Form::Words(words) => words.to_owned(),
            Form::Like(key) => Bound::find(key)
                .map(|bound| format!("{}, {}", bound.form(), bound.range()))
                .unwrap_or_default(),
        }
    }

    pub fn default(&self) -> String {
        match self.default {
            Default::Words(words) => words.to_owned(),
            Default::Limit(key) => {
                let written = Bound::find(key).and_then(|bound| bound.written(&Limits::default()));
                format!("limits.{key} ({})", written.unwrap_or_default())
            }
        }
    }
}

/// Less than this cannot be used: we stop a second before the endpoint does.
const KEEP_ALIVE_MIN: Duration = Duration::from_secs(1);

/// All of them, in the order of the documentation.
pub(super) const TABLE: &[Annotation] = &[
    // Time and tries.
    Annotation {
        name: "connect-timeout",
        on: On::IngressAndService,
        form: Form::Like("connectTimeout"),
        default: Default::Limit("connectTimeout"),
        support: Support::Now(|draft, raw| {
            let limits = bounded("connectTimeout", raw)?;
            draft.backend.connect_timeout = Some(limits.connect_timeout);
            Ok(())
        }),
        what: "How long TCP, and again TLS, to an endpoint may take.",
    },
    Annotation {
        name: "response-timeout",
        on: On::IngressAndService,
        form: Form::Like("responseTimeout"),
        default: Default::Limit("responseTimeout"),
        support: Support::Now(|draft, raw| {
            let limits = bounded("responseTimeout", raw)?;
            draft.backend.response_timeout = Some(limits.response_timeout);
            Ok(())
        }),
        what: "How long the endpoint may take to begin its response; then 504.",
    },
    Annotation {
        name: "request-timeout",
        on: On::Ingress,
        form: Form::Like("responseTimeout"),
        default: Default::Words("none"),
        support: Support::Now(|draft, raw| {
            let limits = bounded("responseTimeout", raw)?;
            draft.route.request_timeout = Some(limits.response_timeout);
            Ok(())
        }),
        what: "How long the whole request may take, from its head to the last byte of its answer; then 504, or a cut where the answer has begun.",
    },
    Annotation {
        name: "idle-timeout",
        on: On::IngressAndService,
        form: Form::Like("streamIdleTimeout"),
        default: Default::Words(
            "limits.idleTimeout (1m); event streams, gRPC and upgraded connections: limits.streamIdleTimeout (1h)",
        ),
        support: Support::Now(|draft, raw| {
            let limits = bounded("streamIdleTimeout", raw)?;
            draft.backend.idle_timeout = Some(limits.stream_idle_timeout);
            Ok(())
        }),
        what: "How long nothing may move between two parts of a body, of streams and upgraded connections too.",
    },
    Annotation {
        name: "attempts",
        on: On::Ingress,
        form: Form::Like("attempts"),
        default: Default::Limit("attempts"),
        support: Support::Now(|draft, raw| {
            draft.route.attempts = Some(bounded("attempts", raw)?.attempts);
            Ok(())
        }),
        what: "Attempts per request, the first included.",
    },
    Annotation {
        name: "attempt-timeout",
        on: On::Ingress,
        form: Form::Like("responseTimeout"),
        default: Default::Words("none: response-timeout holds"),
        support: Support::Now(|draft, raw| {
            let limits = bounded("responseTimeout", raw)?;
            draft.route.attempt_timeout = Some(limits.response_timeout);
            Ok(())
        }),
        what: "How long one attempt may take, from its start to the first byte of its answer; at most request-timeout.",
    },
    Annotation {
        name: "retry-on",
        on: On::Ingress,
        form: Form::Words("statuses from 500 to 599, as in 502,503,504"),
        default: Default::Words("none: what a backend answers passes through"),
        support: Support::Now(|draft, raw| {
            draft.route.retry_on = statuses(raw)?;
            Ok(())
        }),
        what: "Statuses of a backend that are tried again, for requests that may be repeated (RFC 9110 §9.2.2).",
    },
    Annotation {
        name: "hold",
        on: On::IngressAndService,
        form: Form::Like("hold"),
        default: Default::Limit("hold"),
        support: Support::Now(|draft, raw| {
            draft.backend.hold = Some(bounded("hold", raw)?.hold);
            Ok(())
        }),
        what: "How long a request waits for an endpoint that accepts connections; then 503. With `8s` nobody notices that a machine restarts its server.",
    },
    later(
        "hedge",
        On::Ingress,
        "A second attempt before the first one has failed.",
    ),
    // Backend.
    Annotation {
        name: "backend-protocol",
        on: On::IngressAndService,
        form: Form::Words("http, h2c or https"),
        default: Default::Words("appProtocol of the Service's port, else http"),
        support: Support::Now(|draft, raw| {
            draft.backend.protocol = Some(protocol(raw)?);
            Ok(())
        }),
        what: "What the endpoints speak. gRPC is h2c in the clear and https over TLS.",
    },
    Annotation {
        name: "backend-ca",
        on: On::IngressAndService,
        form: Form::Words("name of a ConfigMap in the object's own namespace, with ca.crt"),
        default: Default::Words("none: the authorities that the machine trusts"),
        support: Support::Now(|draft, raw| {
            draft.backend.ca = Some(name_of_config_map(draft.namespace, raw)?);
            Ok(())
        }),
        what: "The authority that signed the endpoints' certificates, with https. They are always verified.",
    },
    Annotation {
        name: "backend-name",
        on: On::IngressAndService,
        form: Form::Words("host name"),
        default: Default::Words("SERVICE.NAMESPACE.svc"),
        support: Support::Now(|draft, raw| {
            draft.backend.server_name = Some(parse_hostname(raw)?);
            Ok(())
        }),
        what: "The name to ask for (SNI) and to find in the endpoint's certificate, with https.",
    },
    Annotation {
        name: "keep-alive",
        on: On::IngressAndService,
        form: Form::Words("duration, 1s or more"),
        default: Default::Words(
            "learned from Keep-Alive: timeout=, else limits.upstreamKeepAliveIdle (4s)",
        ),
        support: Support::Now(|draft, raw| {
            let time = duration::parse(raw).map_err(|e| Refusal::Wrong(e.to_string()))?;
            if time < KEEP_ALIVE_MIN {
                return Err(Refusal::Wrong("is too short".to_owned()));
            }
            draft.backend.keep_alive = Some(time);
            Ok(())
        }),
        what: "How long the endpoint keeps an idle connection; it is used for 1 s less. For servers that close early without saying so (gunicorn: `2s`).",
    },
    Annotation {
        name: "load-balance",
        on: On::IngressAndService,
        form: Form::Words("p2c or round-robin"),
        default: Default::Words("p2c"),
        support: Support::Now(|draft, raw| {
            draft.backend.load_balance = Some(load_balance(raw)?);
            Ok(())
        }),
        what: "How one of several endpoints is chosen: of two at random the one with fewer requests in flight, or one after the other. `hash` is not in this version.",
    },
    later(
        "max-connections",
        On::IngressAndService,
        "Connections to one endpoint at most.",
    ),
    later(
        "max-pending",
        On::IngressAndService,
        "Requests that wait for a connection at most.",
    ),
    later(
        "slow-start",
        On::IngressAndService,
        "How long a new endpoint's share grows.",
    ),
    later(
        "hash-by",
        On::IngressAndService,
        "What decides which endpoint, with load-balance: hash.",
    ),
    later(
        "sticky",
        On::IngressAndService,
        "A client stays with its endpoint.",
    ),
    // Health.
    later(
        "health-check-path",
        On::IngressAndService,
        "Endpoints that no kubelet probes are asked here.",
    ),
    later("health-check-interval", On::IngressAndService, "How often."),
    later(
        "health-check-timeout",
        On::IngressAndService,
        "How long an answer may take.",
    ),
    later(
        "health-check-rise",
        On::IngressAndService,
        "Good answers in a row until it is up.",
    ),
    later(
        "health-check-fall",
        On::IngressAndService,
        "Bad answers in a row until it is down.",
    ),
    later(
        "health-check-status",
        On::IngressAndService,
        "Which statuses are good.",
    ),
    // Request.
    Annotation {
        name: "body-size-max",
        on: On::Ingress,
        form: Form::Words("size, as in 10Mi"),
        default: Default::Words("none: bodies of any size are streamed"),
        support: Support::Now(|draft, raw| {
            let bytes = size::parse(raw).map_err(|e| Refusal::Wrong(e.to_string()))?;
            if bytes == 0 {
                let error = "would refuse every body; for no limit leave the annotation out";
                return Err(Refusal::Wrong(error.to_owned()));
            }
            draft.route.body_bytes_max = Some(bytes);
            Ok(())
        }),
        what: "Bytes of request body; more is 413.",
    },
    Annotation {
        name: "ssl-redirect",
        on: On::Ingress,
        form: Form::Words("auto, true or false"),
        default: Default::Words("auto"),
        support: Support::Now(|draft, raw| {
            draft.route.ssl_redirect = match raw {
                "auto" => SslRedirect::Auto,
                "true" => SslRedirect::Always,
                "false" => SslRedirect::Never,
                _ => return Err(Refusal::Wrong("is none of them".to_owned())),
            };
            Ok(())
        }),
        what: "Whether plain HTTP is redirected to HTTPS (308). `auto`: where a real certificate for the host is loaded.",
    },
    Annotation {
        name: "encoded-slash",
        on: On::Ingress,
        form: Form::Words("pass or refuse"),
        default: Default::Words("pass"),
        support: Support::Now(|draft, raw| {
            draft.route.refuse_encoded_slash = on_or_off(raw, ("refuse", "pass"))?;
            Ok(())
        }),
        what: "What becomes of `%2F` in a path: it passes as it is and never separates, or it is 400.",
    },
    Annotation {
        name: "canonical-host",
        on: On::Ingress,
        form: Form::Words("host name"),
        default: Default::Words("none"),
        support: Support::Now(|draft, raw| {
            draft.route.canonical_host = Some(parse_hostname(raw)?);
            Ok(())
        }),
        what: "Requests for another host of this rule are redirected to this one (308); path and query stay.",
    },
    // Later.
    later("acme", On::Ingress, "A certificate by itself."),
    later(
        "env",
        On::Ingress,
        "A ConfigMap that /env-config.js shows to the page.",
    ),
];

const fn later(name: &'static str, on: On, what: &'static str) -> Annotation {
    Annotation {
        name,
        on,
        form: Form::Words(""),
        default: Default::Words(""),
        support: Support::Later,
        what,
    }
}
