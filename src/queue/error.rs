//! Why something could not be done with the broker.

use std::time::Duration;

/// Why something could not be done with the broker. Holds no address and no credentials.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The broker refused, or the connection failed.
    #[error("{what} failed")]
    Broker {
        /// What was being done.
        what: &'static str,
        /// What lapin says of it.
        #[source]
        source: Box<lapin::Error>,
    },
    /// No answer in time.
    #[error("{what} took longer than {limit:?}")]
    Slow {
        /// What was being done.
        what: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection or channel is gone.
    #[error("the connection is gone")]
    Lost,
    /// The broker ended the consumer: its queue was deleted, or lost its leader.
    #[error("the broker ended the consumer of {0}")]
    ConsumerEnded(String),
}

impl QueueError {
    /// The AMQP reply code and text of a request that the broker refused.
    pub(super) fn refusal(&self) -> Option<(u16, &str)> {
        let Self::Broker { source, .. } = self else { return None };
        match source.kind() {
            lapin::ErrorKind::ProtocolError(error) => Some((error.get_id(), error.get_message().as_str())),
            _ => None,
        }
    }
}

/// Why a message was not, or may not have been, published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The queue is full and refuses more: publish less, later. Not a fault.
    #[error("the queue is full and refuses more messages")]
    Refused,
    /// No queue takes it, not even the alternate exchange's.
    #[error("no queue takes the message")]
    Unroutable,
    /// It was sent, but the broker did not say in time that it has it. It may come.
    #[error("the broker did not confirm the message")]
    Unconfirmed,
    /// It was not sent: there is no connection, or the broker reads from none (memory or disk alarm).
    #[error("the broker cannot be reached, or takes no messages")]
    Unavailable,
}
