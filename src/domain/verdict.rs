//! What a failure means for its account.

/// What a failure means for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is tried again.
    Unchanged,
    /// eBay calls the grant invalid: dead if that is confirmed, suspect otherwise.
    Suspected,
    /// The stored token is destroyed.
    ReconnectRequired,
    /// The stored token cannot be used as it is.
    Blocked,
    /// The stored token needs this key, which no worker that takes work has.
    MissingKey(String),
}
