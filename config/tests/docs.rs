//! Is `docs/settings.md` what the types say?

use config::settings::settings_page;

/// `UPDATE_DOCS=1` writes it.
#[test]
fn docs_are_what_the_types_say() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(file, settings_page()).expect("docs can be written");
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        committed == settings_page(),
        "docs/settings.md is stale: UPDATE_DOCS=1 cargo test -p hedgerow-config docs"
    );
}
