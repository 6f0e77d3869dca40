//! Which code this is.

/// The crate's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The git commit that this binary was built from.
pub const COMMIT: &str = env!("TOKEN_REFRESH_COMMIT");

/// Both, as `doctor`, leases, entries and heartbeats show them.
pub fn version() -> String {
    format!("{VERSION} {COMMIT}")
}
