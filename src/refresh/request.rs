//! Asking for a refresh: a person's request is stored first, then published like any other.

use tokio::task::JoinHandle;

use crate::{
    domain::account::{AccountId, AttemptId},
    message::{RefreshMessage, Source},
    queue::{Publication, PublishError, Publisher, names},
    store::{Store, StoreError},
};

/// A person's request that was accepted.
#[derive(Debug)]
pub struct Requested {
    /// The attempt's id.
    pub attempt: AttemptId,
    publishing: JoinHandle<Result<(), PublishError>>,
}

impl Requested {
    /// Whether the broker has taken the message, however long it takes to say so.
    pub async fn published(self) -> Result<(), PublishError> {
        // A task that ended without an answer may have sent it.
        self.publishing.await.unwrap_or(Err(PublishError::Unconfirmed))
    }
}

/// Accepts a person's request. It stands in the database before this returns, so it will have an
/// entry whatever happens; publishing it only saves time. It is published to the end in any case,
/// also where the caller has gone.
pub async fn request_refresh(
    store: &Store,
    publisher: Publisher,
    account: AccountId,
    source: Source,
    triggered_by: &str,
) -> Result<Requested, StoreError> {
    let message = store.put_request(account, source, triggered_by).await?;
    let attempt = message.attempt;
    let publishing = tokio::spawn(async move {
        let outcome = publish_refresh(&publisher, &message).await;
        if let Err(error) = &outcome {
            tracing::warn!(attempt.id = %attempt, error = %crate::error_chain::Chain(error),
                "request not published; the scheduler will publish it");
        }
        outcome
    });
    Ok(Requested { attempt, publishing })
}

/// Publishes a refresh to the queue of its kind.
pub async fn publish_refresh(publisher: &Publisher, message: &RefreshMessage) -> Result<(), PublishError> {
    let id = message.attempt.to_string();
    let traceparent =
        format!("00-{}-{:016x}-01", message.attempt.0.simple(), rand::random_range(1..=u64::MAX));
    let routing_key = match message.source {
        Source::Debug => names::REFRESH_DEBUG,
        Source::Scheduled | Source::Admin => names::REFRESH_DUE,
    };
    let body = message.to_bytes();
    publisher
        .publish(&Publication {
            exchange: names::REFRESH,
            routing_key,
            message_id: &id,
            message_type: message.message_type(),
            body: &body,
            traceparent: Some(&traceparent),
        })
        .await
}
