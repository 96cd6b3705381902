//! How much does the process log, and how is that changed while it runs?

use tracing::metadata::LevelFilter;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// The filter in force, as `HEDGEROW_LOG` writes it: `info`, or `info,proxy::tls=debug`.
#[derive(Debug)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

/// Why the filter stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogLevelError {
    #[error(
        "{0:?} is not a level; off, error, warn, info, debug and trace are, alone or as in info,proxy::tls=debug"
    )]
    NotALevel(String),
    #[error("{0}; a filter looks like info or info,proxy::tls=debug")]
    NotAFilter(String),
    #[error("there is no log any more: {0}")]
    Gone(String),
}

impl LogLevel {
    /// The handle of the filter that is the first layer of the subscriber.
    pub fn new(handle: reload::Handle<EnvFilter, Registry>) -> LogLevel {
        LogLevel(handle)
    }

    /// The filter as text. Empty: there is no log any more.
    pub fn current(&self) -> String {
        self.0.with_current(ToString::to_string).unwrap_or_default()
    }

    /// The most verbose level that the filter lets through anywhere.
    pub fn most_verbose(&self) -> LevelFilter {
        let most = self
            .0
            .with_current(EnvFilter::max_level_hint)
            .ok()
            .flatten();
        most.unwrap_or(LevelFilter::TRACE)
    }

    /// Holds from the next event on.
    pub fn set(&self, filter: &str) -> Result<(), LogLevelError> {
        let parsed = parse(filter)?;
        self.0
            .reload(parsed)
            .map_err(|error| LogLevelError::Gone(error.to_string()))
    }
}

/// Parses a filter. Stricter than tracing, which takes a misspelt level for the name of a module and logs all of that.
pub fn parse(filter: &str) -> Result<EnvFilter, LogLevelError> {
    let words = filter.split(',').map(str::trim);
    for word in words.filter(|word| !word.contains(['=', '['])) {
        if word.is_empty() || word.parse::<LevelFilter>().is_err() {
            return Err(LogLevelError::NotALevel(word.to_owned()));
        }
    }
    EnvFilter::builder()
        .with_regex(false)
        .parse(filter)
        .map_err(|error| LogLevelError::NotAFilter(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, expected: Result<(&str, LevelFilter), LogLevelError>) {
        let (layer, handle) = reload::Layer::new(EnvFilter::new("info"));
        let level = LogLevel::new(handle);
        let set = level.set(filter).map(|()| level.current());
        let set = set.as_ref().map(|text| (&**text, level.most_verbose()));
        assert_eq!(set.map_err(Clone::clone), expected);
        if expected.is_err() {
            assert_eq!(level.current(), "info");
        }
        drop(layer);
    }

    #[test]
    fn a_filter_is_a_level_with_exceptions() {
        check("debug", Ok(("debug", LevelFilter::DEBUG)));
        check("WARN", Ok(("warn", LevelFilter::WARN)));
        check("off", Ok(("off", LevelFilter::OFF)));
        check(
            "info,proxy::tls=debug",
            Ok(("proxy::tls=debug,info", LevelFilter::DEBUG)),
        );
    }

    #[test]
    fn what_is_misspelt_changes_nothing() {
        for word in ["inof", "", "info,,debug", "info,tls"] {
            let level = parse(word).unwrap_err();
            assert!(matches!(level, LogLevelError::NotALevel(_)), "{word}");
        }
        check("inof", Err(LogLevelError::NotALevel("inof".into())));
        assert!(matches!(
            parse("proxy=loud"),
            Err(LogLevelError::NotAFilter(_))
        ));
    }

    #[test]
    fn a_log_that_is_gone_is_an_error() {
        let (layer, handle) = reload::Layer::new(EnvFilter::new("info"));
        let level = LogLevel::new(handle);
        drop(layer);
        assert!(matches!(level.set("debug"), Err(LogLevelError::Gone(_))));
    }
}
