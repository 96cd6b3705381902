//! Which settings wait for a restart?

use super::Settings;

type Differs = fn(&Settings, &Settings) -> bool;

/// Each setting that is read once, at start. Everything else is in force within a second of an edit.
pub(super) const AT_START: &[(&str, Differs)] = &[
    // Readiness and metrics are asked for at this address by people who do not read our settings.
    ("admin", |a, b| a.admin != b.admin),
    // Another source is another edge: nothing of what is served would stay.
    ("source", |a, b| a.source != b.source),
    // Who leads, and what it has told, would be forgotten.
    ("report", |a, b| a.report != b.report),
    // The option is set on a socket before it is bound.
    ("sharePort", |a, b| a.share_port != b.share_port),
    // The last good objects would stay behind in the old one.
    ("state.directory", |a, b| {
        a.state_directory != b.state_directory
    }),
    // How much of the budget a metric has is decided when it is registered.
    ("metrics.seriesMax", |a, b| a.series_max != b.series_max),
];

impl Settings {
    /// The keys of what differs and cannot change without a restart; the rest of `other` can be put in force.
    pub fn changes_needing_restart(&self, other: &Settings) -> Vec<&'static str> {
        let changed = AT_START.iter().filter(|(_, differs)| differs(self, other));
        changed.map(|(key, _)| *key).collect()
    }
}
