//! How states are to be taken, for those who show them.

use serde::Serialize;

use crate::domain::{account::Status, class::Class};

/// How something is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tone {
    /// All is well.
    Ok,
    /// It passes by itself, or will want somebody in time.
    Warn,
    /// Somebody must act.
    Bad,
    /// It is switched off.
    Off,
}

impl Tone {
    /// That of an outcome.
    pub(super) const fn of_class(class: Class) -> Self {
        match class {
            Class::Refreshed => Self::Ok,
            Class::GrantSuspect
            | Class::QuotaExhausted
            | Class::ProviderError
            | Class::Network
            | Class::Timeout
            | Class::BadResponse
            | Class::Interrupted
            | Class::Superseded
            | Class::NotRun => Self::Warn,
            Class::DecryptFailed
            | Class::PreflightRejected
            | Class::GrantInvalid
            | Class::ClientInvalid
            | Class::ScopeInvalid
            | Class::RequestRejected => Self::Bad,
        }
    }

    /// That of an account's state.
    pub(super) const fn of_status(status: Status) -> Self {
        match status {
            Status::Ok => Self::Ok,
            Status::ExpiringSoon => Self::Warn,
            Status::ReconnectRequired | Status::Blocked | Status::Expired => Self::Bad,
            Status::Paused => Self::Off,
        }
    }
}
