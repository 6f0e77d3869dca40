//! What came of one call, before anyone asks what it means.

use std::collections::BTreeMap;

use super::answer::Answer;
use crate::domain::class::{Phase, Sent};

/// One call to the token endpoint.
#[derive(Debug)]
pub struct TokenCall {
    /// `no` only if not one byte of the request was written, `yes` if an answer's head came.
    pub sent: Sent,
    /// The answer, whatever it says.
    pub result: Result<Answer, CallFailure>,
    /// Milliseconds: `connect` (until the request was written), `call` (until the answer's head, or
    /// the failure), `body`; each only where it came to it.
    pub timings_ms: BTreeMap<String, u64>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The connection could not be made, or broke, or what came is not HTTP.
    #[error("network failure ({phase}): {text}")]
    Network {
        /// Where it failed.
        phase: Phase,
        /// The chain of causes, cleaned; holds neither URL nor content.
        text: String,
    },
    /// The deadline passed.
    #[error("timeout ({phase})")]
    Timeout {
        /// What was under way.
        phase: Phase,
    },
}
