//! `refresh.due` and `refresh.debug`: the hint that an account should be refreshed.

use serde::{Deserialize, Serialize};

use super::entry::Source;
use crate::domain::{
    account::{AccountId, AttemptId},
    screen::one_line,
};

/// Longest refresh message that is read, in bytes. Ids only: a real one has about 150.
pub const MAX_MESSAGE_BYTES: usize = 4_096;

/// A request to refresh one account. Carries ids only, never a token.
///
/// PostgreSQL alone decides whether it has an effect: the message may be lost or come twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshMessage {
    /// The attempt's id, also the AMQP `message_id`.
    pub attempt: AttemptId,
    /// The account to refresh.
    pub account: AccountId,
    /// Who caused it.
    pub source: Source,
}

/// Why a message could not be read; becomes the reason of its dead letter.
#[derive(Debug, thiserror::Error)]
pub enum MalformedMessage {
    /// Longer than [`MAX_MESSAGE_BYTES`].
    #[error("oversized: {0} bytes, at most {MAX_MESSAGE_BYTES} are read")]
    Oversized(usize),
    /// The `type` property names another message or version.
    #[error("unknown type \"{0}\": expected {1}")]
    UnknownType(String, &'static str),
    /// The body is not the JSON it should be. The text names position and field, never content.
    #[error("malformed body: {0}")]
    Body(String),
}

impl RefreshMessage {
    /// The `type` property: `refresh.debug.v1` for a debug run, `refresh.due.v1` for all else.
    pub const fn message_type(&self) -> &'static str {
        Self::type_for(self.source)
    }

    const fn type_for(source: Source) -> &'static str {
        match source {
            Source::Debug => "refresh.debug.v1",
            Source::Scheduled | Source::Admin => "refresh.due.v1",
        }
    }

    /// The body as published.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("ids and enums always serialise")
    }

    /// Reads a body whose AMQP `type` is `message_type`; a missing type is taken for the body's own.
    pub fn from_bytes(body: &[u8], message_type: Option<&str>) -> Result<Self, MalformedMessage> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(MalformedMessage::Oversized(body.len()));
        }
        let message: Self =
            serde_json::from_slice(body).map_err(|error| MalformedMessage::Body(describe(&error)))?;
        match message_type {
            Some(found) if found != message.message_type() => {
                Err(MalformedMessage::UnknownType(one_line(found, 64), message.message_type()))
            }
            _ => Ok(message),
        }
    }
}

/// Says where and how JSON is wrong, without repeating what stands there.
fn describe(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Eof => "ends too early",
        serde_json::error::Category::Data => "a field is missing or has the wrong shape",
        serde_json::error::Category::Io => "unreadable",
    };
    format!("{kind} at line {} column {}", error.line(), error.column())
}
