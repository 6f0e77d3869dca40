//! One channel with confirms, for all who publish.
//!
//! A publish that is not confirmed in time ends the session, so that nothing of it stays in lapin's
//! memory.
//!
//! A returned (unroutable) message comes with somebody's confirm, not always its own: lapin hands
//! returns out in the order of confirms, and the broker confirms several at once. So returns are told
//! apart by message id. One that comes to light only after its own confirm is logged: every exchange
//! has an alternate exchange, so a return means that the topology is broken anyway.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lapin::{
    BasicProperties, Channel, Confirmation, ConnectionStatus,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    error::{PublishError, QueueError},
    link::{ANSWER_LIMIT, LOOK_EVERY, Link, within},
};

/// How long the broker may take to confirm.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);

/// One channel with confirms.
pub(super) struct Session {
    channel: Channel,
    connection: ConnectionStatus,
    /// Why the session is of no more use, once that is known.
    verdict: Mutex<Option<QueueError>>,
    over: CancellationToken,
    /// Ids of the messages under way, and whether the broker has returned them.
    under_way: Mutex<HashMap<String, bool>>,
}

impl Session {
    pub(super) async fn open(link: &Link) -> Result<Self, QueueError> {
        let channel = link.channel().await?;
        let selecting = channel.confirm_select(ConfirmSelectOptions::default());
        within("asking for confirms", ANSWER_LIMIT, selecting).await?;
        Ok(Self {
            channel,
            connection: link.status(),
            verdict: Mutex::default(),
            over: CancellationToken::new(),
            under_way: Mutex::default(),
        })
    }

    /// Whether something can be published: it is open, and the broker reads from it.
    pub(super) fn usable(&self) -> bool {
        let open = self.connection.connected() && self.channel.status().connected();
        if !open {
            self.end(QueueError::Lost);
        }
        open && !self.connection.blocked()
    }

    /// Waits until the session is of no more use.
    pub(super) async fn until_over(&self) -> QueueError {
        let mut look = interval(LOOK_EVERY);
        while !self.over.is_cancelled() {
            tokio::select! {
                () = self.over.cancelled() => {}
                _ = look.tick() => drop(self.usable()),
            }
        }
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(QueueError::Lost)
    }

    /// Publishes a message whose id is in its `properties`, and waits for what becomes of it.
    pub(super) async fn publish(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), PublishError> {
        let id = message_id(&properties);
        let _listed = self.list(&id);
        match self.confirmed(exchange, routing_key, body, properties).await? {
            Confirmation::Nack(_) => Err(PublishError::Refused),
            Confirmation::Ack(returned) => {
                if let Some(returned) = returned {
                    self.note_return(&message_id(&returned.delivery.properties));
                }
                if self.was_returned(&id) { Err(PublishError::Unroutable) } else { Ok(()) }
            }
            // Only a channel without confirms says so.
            Confirmation::NotRequested => Err(PublishError::Unconfirmed),
        }
    }

    /// Ends the session for all who use it; the first reason stands.
    pub(super) fn end(&self, why: QueueError) {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.over.cancel();
    }

    async fn confirmed(
        &self,
        exchange: ShortString,
        routing_key: ShortString,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<Confirmation, PublishError> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        // Boxed: lapin's future alone would put kilobytes into that of every caller.
        let publishing = Box::pin(async {
            self.channel.basic_publish(exchange, routing_key, options, body, properties).await?.await
        });
        let confirming = within("publishing", CONFIRM_LIMIT, publishing);
        // lapin may leave a publish unanswered when its connection goes.
        let confirmed = self.over.run_until_cancelled(confirming).await.unwrap_or(Err(QueueError::Lost));
        confirmed.map_err(|error| {
            self.end(error);
            PublishError::Unconfirmed
        })
    }

    fn list(&self, id: &str) -> Listed<'_> {
        self.lock().insert(id.to_owned(), false);
        Listed { session: self, id: id.to_owned() }
    }

    fn note_return(&self, id: &str) {
        if let Some(returned) = self.lock().get_mut(id) {
            *returned = true;
        } else {
            warn!(message.id = id, "a message that was taken for published reached no queue");
        }
    }

    fn was_returned(&self, id: &str) -> bool {
        self.lock().get(id).copied().unwrap_or(false)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message's place among those under way, given up when it is dropped.
struct Listed<'a> {
    session: &'a Session,
    id: String,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.session.lock().remove(&self.id);
    }
}

fn message_id(properties: &BasicProperties) -> String {
    properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default()
}
