//! The wire contract: what travels through RabbitMQ and what a connect-log entry is.
//!
//! Readers keep fields that they do not know, and a new version of a message is consumed before it
//! is published. The shapes are written down for others in `queues/*.schema.json`, with examples.

mod entry;
mod refresh;
mod shown;

pub use self::{
    entry::{Action, Draft, Entry, MAX_ENTRY_BYTES, Runner, Source, Subject},
    refresh::{MAX_MESSAGE_BYTES, MalformedMessage, RefreshMessage},
    shown::{ShownRequest, ShownResponse, clean},
};

/// The `type` property of a connect-log entry.
pub const ENTRY_TYPE: &str = "connect-log.entry.v1";
