//! What the fake does with a call, and how that is written: `slow:300`, `cut*2,healthy`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What the fake does with one call.
///
/// Its text is its name, with a number behind a colon where it takes one (`rate_limited:30`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Behaviour {
    /// Answers as eBay does: a token for a good request, the documented error for a bad one.
    Healthy,
    /// 400 `invalid_grant`.
    Revoked,
    /// 401 `invalid_client`, whatever the credentials.
    InvalidClient,
    /// 400 `invalid_scope`.
    InvalidScope,
    /// 429 in the gateway's shape, with `Retry-After` in seconds if given.
    RateLimited(Option<u32>),
    /// 503 without a body.
    Unavailable503,
    /// 200 with a page.
    Html200,
    /// 502 with a page.
    Html502,
    /// 200 without a body.
    Empty200,
    /// Announces the whole answer, sends half of it and closes.
    HalfAnswer,
    /// Sends half of the answer, and nothing more until the client leaves.
    Stall,
    /// Closes without an answer.
    Cut,
    /// Never answers; waits until the client leaves.
    Hang,
    /// Healthy after this many milliseconds.
    Slow(u32),
    /// Healthy once it is released.
    Hold,
    /// 307 to another address of the fake, where it would be noticed.
    Redirect,
    /// Healthy, with a changed refresh token: the old one is invalid from then on.
    RotateRefreshToken,
    /// Healthy, but the token's life is none: negative, a text, missing, 10³⁰, …
    AbsurdExpiry,
    /// 200 with NUL characters in its texts.
    NulBody,
    /// 200 with a token of this many megabytes.
    HugeBody(u32),
    /// 200 with JSON that has no token.
    NoToken,
    /// Healthy, with a token that lives this many seconds.
    ShortLived(u32),
    /// 400 with a page that repeats the whole request, credentials and token included.
    Echo,
}

impl Behaviour {
    /// Every behaviour, with an example's number where it takes one.
    pub const ALL: [Self; 23] = [
        Self::Healthy,
        Self::Revoked,
        Self::InvalidClient,
        Self::InvalidScope,
        Self::RateLimited(Some(30)),
        Self::Unavailable503,
        Self::Html200,
        Self::Html502,
        Self::Empty200,
        Self::HalfAnswer,
        Self::Stall,
        Self::Cut,
        Self::Hang,
        Self::Slow(500),
        Self::Hold,
        Self::Redirect,
        Self::RotateRefreshToken,
        Self::AbsurdExpiry,
        Self::NulBody,
        Self::HugeBody(5),
        Self::NoToken,
        Self::ShortLived(60),
        Self::Echo,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Revoked => "revoked",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::RateLimited(_) => "rate_limited",
            Self::Unavailable503 => "unavailable_503",
            Self::Html200 => "html_200",
            Self::Html502 => "html_502",
            Self::Empty200 => "empty_200",
            Self::HalfAnswer => "half_answer",
            Self::Stall => "stall",
            Self::Cut => "cut",
            Self::Hang => "hang",
            Self::Slow(_) => "slow",
            Self::Hold => "hold",
            Self::Redirect => "redirect",
            Self::RotateRefreshToken => "rotate_refresh_token",
            Self::AbsurdExpiry => "absurd_expiry",
            Self::NulBody => "nul_body",
            Self::HugeBody(_) => "huge_body",
            Self::NoToken => "no_token",
            Self::ShortLived(_) => "short_lived",
            Self::Echo => "echo",
        }
    }

    const fn number(self) -> Option<u32> {
        match self {
            Self::RateLimited(number) => number,
            Self::Slow(number) | Self::HugeBody(number) | Self::ShortLived(number) => Some(number),
            _ => None,
        }
    }

    /// The same behaviour with `number`, if it takes one.
    const fn with(self, number: u32) -> Option<Self> {
        match self {
            Self::RateLimited(_) => Some(Self::RateLimited(Some(number))),
            Self::Slow(_) => Some(Self::Slow(number)),
            Self::HugeBody(_) => Some(Self::HugeBody(number)),
            Self::ShortLived(_) => Some(Self::ShortLived(number)),
            _ => None,
        }
    }
}

/// A text that is no behaviour, script or mixture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BehaviourError {
    /// Names no behaviour.
    #[error("\"{0}\" is no behaviour; known: {known}", known = known())]
    Unknown(String),
    /// A number where none belongs, or none that fits.
    #[error("\"{0}\": the number is missing, too large, or does not belong there")]
    Number(String),
    /// A mixture whose weights sum up to nothing.
    #[error("the weights sum up to nothing")]
    Weights,
}

fn known() -> String {
    Behaviour::ALL.map(|behaviour| behaviour.to_string()).join(", ")
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(f, "{}:{number}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

impl FromStr for Behaviour {
    type Err = BehaviourError;

    fn from_str(text: &str) -> Result<Self, BehaviourError> {
        let (name, number) = match text.trim().split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text.trim(), None),
        };
        let found = Self::ALL.into_iter().find(|behaviour| behaviour.name() == name);
        let found = found.ok_or_else(|| BehaviourError::Unknown(text.chars().take(40).collect()))?;
        match number {
            None if matches!(found, Self::RateLimited(_)) => Ok(Self::RateLimited(None)),
            None => Ok(found),
            Some(number) => number
                .parse()
                .ok()
                .and_then(|number| found.with(number))
                .ok_or_else(|| BehaviourError::Number(text.chars().take(40).collect())),
        }
    }
}

impl TryFrom<String> for Behaviour {
    type Error = BehaviourError;

    fn try_from(text: String) -> Result<Self, BehaviourError> {
        text.parse()
    }
}

impl From<Behaviour> for String {
    fn from(behaviour: Behaviour) -> Self {
        behaviour.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_reads_what_it_writes() {
        for behaviour in Behaviour::ALL.into_iter().chain([Behaviour::RateLimited(None)]) {
            assert_eq!(behaviour.to_string().parse(), Ok(behaviour));
        }
        assert_eq!(serde_json::json!(Behaviour::Slow(7)), "slow:7");
    }

    #[test]
    fn a_text_that_is_none_is_refused() {
        for bad in ["", "health", "cut:3", "slow:-1", "slow:", "slow:99999999999"] {
            assert!(bad.parse::<Behaviour>().is_err(), "{bad}");
        }
    }
}
