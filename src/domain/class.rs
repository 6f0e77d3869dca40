//! The classes of outcome: one stable enum for entries, metric labels and the API, each with what
//! it means and what to do, in words.

use crate::text_enum::text_enum;

text_enum! {
    /// How an attempt ended.
    pub enum Class {
        /// 2xx with a usable token.
        Refreshed = "refreshed",
        /// The stored refresh token could not be opened; nothing was sent.
        DecryptFailed = "decrypt_failed",
        /// The opened text is not a well-formed token; nothing was sent.
        PreflightRejected = "preflight_rejected",
        /// eBay says the grant is dead, and there is proof.
        GrantInvalid = "grant_invalid",
        /// eBay says the grant is dead, without proof.
        GrantSuspect = "grant_suspect",
        /// eBay does not accept the application's own credentials.
        ClientInvalid = "client_invalid",
        /// The scopes asked for exceed the consent.
        ScopeInvalid = "scope_invalid",
        /// eBay rejects the request for another reason: a fault of ours.
        RequestRejected = "request_rejected",
        /// eBay's limit on token calls is reached.
        QuotaExhausted = "quota_exhausted",
        /// eBay answered 5xx, or a proxy or the edge before it answered in its place (reason `edge`).
        ProviderError = "provider_error",
        /// The connection failed.
        Network = "network",
        /// No answer in time.
        Timeout = "timeout",
        /// 2xx without a usable token.
        BadResponse = "bad_response",
        /// The lease ran out: the worker died or froze, and the call may have reached eBay.
        Interrupted = "interrupted",
        /// The token was replaced while the call was under way.
        Superseded = "superseded",
        /// A person's request that could not run.
        NotRun = "not_run",
    }
}

text_enum! {
    /// Why a person's request did not run.
    pub enum NotRun {
        /// Another attempt holds the account's lease.
        InFlight = "in_flight",
        /// The account is paused.
        Paused = "paused",
        /// The keyset is blocked.
        KeysetBlocked = "keyset_blocked",
        /// Calls to eBay are suspended for this keyset.
        BreakerTripped = "breaker_tripped",
        /// The keyset's daily calls are spent.
        Budget = "budget",
        /// No worker took the request in time.
        Undelivered = "undelivered",
    }
}

text_enum! {
    /// Whether the request to eBay was written.
    pub enum Sent {
        /// Not a byte of it.
        No = "no",
        /// There was an answer.
        Yes = "yes",
        /// It may have been.
        Unknown = "unknown",
    }
}

text_enum! {
    /// The part of an exchange with eBay in which it failed.
    pub enum Phase {
        /// Name resolution, TCP and TLS: not a byte of the request was sent.
        Connect = "connect",
        /// From writing the request to the answer's head.
        Answer = "answer",
        /// Reading the answer's body.
        Body = "body",
    }
}

impl Class {
    /// What the class means, as a sentence for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Refreshed => "eBay gave a new access token.",
            Self::DecryptFailed => {
                "The stored refresh token could not be opened, so nothing was sent to eBay."
            }
            Self::PreflightRejected => {
                "The stored text is not an eBay refresh token, so nothing was sent to eBay."
            }
            Self::GrantInvalid => {
                "eBay no longer accepts this seller's refresh token, and that is confirmed."
            }
            Self::GrantSuspect => {
                "eBay said invalid_grant, which may be the seller's token or our credentials; not confirmed yet."
            }
            Self::ClientInvalid => "eBay does not accept the application's client id and secret.",
            Self::ScopeInvalid => "The scopes asked for go beyond the seller's consent.",
            Self::RequestRejected => "eBay rejected the request itself.",
            Self::QuotaExhausted => "eBay's limit on token calls is reached.",
            Self::ProviderError => {
                "eBay answered with a server error, or a page came that is not its token service's."
            }
            Self::Network => "The connection to eBay failed.",
            Self::Timeout => "eBay did not answer in time.",
            Self::BadResponse => "eBay answered 2xx, but without a usable token; the old token is kept.",
            Self::Interrupted => {
                "The worker stopped before it could say how the call ended; the call may have reached eBay."
            }
            Self::Superseded => {
                "The token was replaced while the call was under way; its answer was not used."
            }
            Self::NotRun => "The request could not run.",
        }
    }

    /// What a person should do next; empty where there is nothing to do.
    pub const fn next_step(self) -> &'static str {
        match self {
            Self::Refreshed | Self::Superseded => "",
            Self::DecryptFailed => {
                "Run `token-refresh inspect ACCOUNT` for the reason; give the workers the missing key, or import the seller's token again."
            }
            Self::PreflightRejected => {
                "Import the seller's refresh token again (`accounts import --replace`)."
            }
            Self::GrantInvalid => "Ask the seller to connect again.",
            Self::GrantSuspect => {
                "Retried hourly. If every account of the keyset shows it, check environment and client id; if only this one, ask the seller to connect again."
            }
            Self::ClientInvalid => {
                "Check the keyset's client secret in eBay's developer portal and set it again (`keysets secret`). Its accounts wait and come back by themselves."
            }
            Self::ScopeInvalid => "Ask the seller to connect again with the scopes needed.",
            Self::RequestRejected => {
                "Read the response in the terminal; the request or the application's set-up needs a fix."
            }
            Self::QuotaExhausted => {
                "Wait: refreshes go on when the limit frees. Move accounts to another keyset if it recurs."
            }
            Self::ProviderError | Self::Network | Self::Timeout | Self::BadResponse => {
                "Retried by itself. If it lasts, check eBay's status page and the network."
            }
            Self::Interrupted => "Retried by itself. If it recurs, look at the worker's log.",
            Self::NotRun => "Read the reason and try again.",
        }
    }
}

impl NotRun {
    /// The reason as a sentence for people, with what to do.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::InFlight => {
                "Another attempt is under way for this account; its entry will show the result."
            }
            Self::Paused => "The account is paused. Resume it first.",
            Self::KeysetBlocked => "The keyset is blocked. Mend its client secret first.",
            Self::BreakerTripped => {
                "Calls to eBay are suspended after repeated failures. Try again in a minute."
            }
            Self::Budget => "The keyset's daily calls are spent. Try again when the window frees.",
            Self::Undelivered => {
                "No worker took the request in time. Check that a worker runs (`token-refresh doctor`)."
            }
        }
    }
}
