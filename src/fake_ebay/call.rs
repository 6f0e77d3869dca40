//! What the fake remembers of the calls it saw. Never a token or secret.

use std::time::Duration;

use serde::Serialize;

use super::behaviour::Behaviour;

/// One call to the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Counts the calls from 0.
    pub number: u64,
    /// The trace id of its answer, whether or not that was sent.
    pub rlogid: String,
    /// The seller whose refresh token it brought; none for an unknown one.
    pub username: Option<String>,
    /// The client id it brought.
    pub client_id: Option<String>,
    /// The refresh token's fingerprint, as entries show it.
    pub fingerprint: Option<String>,
    /// What was done with it.
    pub behaviour: Behaviour,
    /// Whether its credentials are those of an application.
    pub authorised: bool,
    /// Whether it was given an access token, even if that was sent in part only.
    pub minted: bool,
    /// The answer's status, if one was begun.
    pub status: Option<u16>,
    /// Whether the whole answer was handed to the operating system. A client that leaves at that
    /// moment may still not see it.
    pub answered: bool,
    /// When its request had come, since the fake's start.
    #[serde(rename = "started_ms", serialize_with = "millis")]
    pub started: Duration,
    /// When it was over, since the fake's start; none while it is in flight.
    #[serde(rename = "ended_ms", serialize_with = "maybe_millis")]
    pub ended: Option<Duration>,
}

/// Something that a correct client never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The call's trace id; none for a request that was no call.
    pub rlogid: Option<String>,
    /// What was wrong. Never repeats content.
    pub what: String,
}

/// What is known of a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SellerState {
    /// The application the seller consented to.
    pub client_id: String,
    /// The seller.
    pub username: String,
    /// Fingerprint of the refresh token that is valid.
    pub fingerprint: String,
    /// What happens to the seller's calls; none where nothing was set.
    pub behaviour: Option<String>,
    /// How many calls brought the seller's token.
    pub calls: u64,
    /// How many access tokens were given.
    pub minted: u64,
}

fn millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn maybe_millis<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => millis(duration, serializer),
        None => serializer.serialize_none(),
    }
}
