//! Which build is this?

/// As in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, or `unknown` outside a repository.
pub const COMMIT: &str = env!("HEDGEROW_BUILD_COMMIT");
/// The target triple, such as `aarch64-unknown-linux-musl`.
pub const TARGET: &str = env!("HEDGEROW_BUILD_TARGET");
/// The compiler, as it calls itself.
pub const RUSTC: &str = env!("HEDGEROW_BUILD_RUSTC");

/// What `hedgerow version` prints: one line.
pub fn line() -> String {
    format!("hedgerow {VERSION} (commit {COMMIT}, {TARGET}, {RUSTC})")
}
