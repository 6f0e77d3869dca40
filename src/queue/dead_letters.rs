//! Dead letters as a person deals with them: look, send back to where they died, or throw away.
//!
//! A quorum queue has no way to look without taking, so a look takes letters without settling them and
//! gives them back by closing its channel. While it lasts (milliseconds), others see the queue empty.

use lapin::{
    BasicProperties, Channel,
    message::{BasicGetMessage, Delivery},
    options::BasicGetOptions,
    types::FieldTable,
};
use sha2::{Digest, Sha256};

use super::{
    broker::Broker,
    bury::{REASON, SOURCE_QUEUE},
    error::{PublishError, QueueError},
    incoming::{TRACEPARENT, header, text},
    link::{ANSWER_LIMIT, within},
    names,
    settle::ack,
};

/// Longest part of a letter's body that is shown, in bytes.
const SHOWN_BYTES: usize = 4_096;

/// A letter that nobody could handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names the letter in its queue, from its id and its body.
    pub key: String,
    /// The `message_id` property.
    pub message_id: Option<String>,
    /// The `type` property.
    pub message_type: Option<String>,
    /// Why it died, as far as that is known.
    pub reason: Option<String>,
    /// The queue in which it died.
    pub source_queue: Option<String>,
    /// How long its body is.
    pub body_bytes: usize,
    /// The beginning of its body.
    pub body: String,
}

/// What becomes of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A copy goes to the queue in which they died.
    Redrive,
    /// They are forgotten.
    Discard,
}

/// Why letters could not be dealt with.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// There is no such queue of dead letters.
    #[error("no queue of dead letters has this name")]
    UnknownQueue,
    /// Where a letter came from is not known, so it can only be discarded.
    #[error("where the letter came from is not known")]
    NoWayBack,
    /// The broker does not do it.
    #[error("the broker does not answer")]
    Broker(#[from] QueueError),
    /// The letter's way back is closed; the letter stays.
    #[error("the letter could not be sent back")]
    Publish(#[from] PublishError),
}

impl Broker {
    /// The first letters of `queue`, at most `limit`. They stay where they are.
    pub async fn dead_letters(&self, queue: &str, limit: usize) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let queue = known(queue)?;
        let link = self.dial.open("dead letters").await?;
        let channel = link.channel().await?;
        let mut letters = Vec::new();
        while letters.len() < limit {
            let Some(delivery) = next(&channel, queue).await? else { break };
            letters.push(DeadLetter::of(queue, &delivery));
        }
        link.close().await;
        Ok(letters)
    }

    /// Sends back or discards the letter of `queue` with this key, or all that lie there; answers how
    /// many. A letter is forgotten only after the broker has its copy.
    pub async fn settle_dead_letters(
        &self,
        queue: &str,
        key: Option<&str>,
        fate: Fate,
        limit: usize,
    ) -> Result<usize, DeadLetterError> {
        let queue = known(queue)?;
        let link = self.dial.open("dead letters").await?;
        let channel = link.channel().await?;
        let (mut seen, mut settled) = (0, 0);
        while seen < limit {
            let Some(delivery) = next(&channel, queue).await? else { break };
            seen += 1;
            if key.is_some_and(|key| key != key_of(&delivery)) {
                continue;
            }
            if fate == Fate::Redrive {
                self.send_back(queue, &delivery).await?;
            }
            ack(&delivery, false).await?;
            settled += 1;
            if key.is_some() {
                break;
            }
        }
        link.close().await;
        Ok(settled)
    }

    async fn send_back(&self, queue: &str, delivery: &Delivery) -> Result<(), DeadLetterError> {
        let (exchange, routing_key) = way_back(queue, delivery).ok_or(DeadLetterError::NoWayBack)?;
        let mut properties = BasicProperties::default();
        let mut headers = FieldTable::default();
        if let Some(traceparent) = header(delivery, TRACEPARENT) {
            headers.insert(TRACEPARENT.into(), traceparent.clone());
        }
        properties = properties.with_headers(headers);
        if let Some(id) = delivery.properties.message_id() {
            properties = properties.with_message_id(id.clone());
        }
        if let Some(kind) = delivery.properties.kind() {
            properties = properties.with_type(kind.clone());
        }
        Ok(self.publisher.send(&exchange, &routing_key, &delivery.data, properties).await?)
    }
}

impl DeadLetter {
    fn of(queue: &str, delivery: &Delivery) -> Self {
        let properties = &delivery.properties;
        let shown = &delivery.data[..delivery.data.len().min(SHOWN_BYTES)];
        Self {
            key: key_of(delivery),
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            message_type: properties.kind().as_ref().map(ToString::to_string),
            reason: reason(queue, delivery),
            source_queue: way_back(queue, delivery).map(|(_, queue)| queue),
            body_bytes: delivery.data.len(),
            body: String::from_utf8_lossy(shown).into_owned(),
        }
    }
}

fn known(queue: &str) -> Result<&'static str, DeadLetterError> {
    names::DEAD.into_iter().find(|name| *name == queue).ok_or(DeadLetterError::UnknownQueue)
}

async fn next(channel: &Channel, queue: &str) -> Result<Option<Delivery>, QueueError> {
    let getting = channel.basic_get(queue.into(), BasicGetOptions { no_ack: false });
    let got = within("taking a dead letter", ANSWER_LIMIT, getting).await?;
    Ok(got.map(|BasicGetMessage { delivery, .. }| delivery))
}

fn key_of(delivery: &Delivery) -> String {
    let mut digest = Sha256::new();
    if let Some(id) = delivery.properties.message_id() {
        digest.update(id.as_str());
    }
    digest.update([0]);
    digest.update(&delivery.data);
    digest.finalize()[..12].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Ours, or what the broker says where it dead-lettered the message itself.
fn reason(queue: &str, delivery: &Delivery) -> Option<String> {
    if queue == names::UNROUTABLE {
        let (exchange, key) = (delivery.exchange.as_str(), delivery.routing_key.as_str());
        return Some(format!("no queue is bound for exchange \"{exchange}\", routing key \"{key}\""));
    }
    let own = header(delivery, REASON).and_then(text);
    let brokers = || match header(delivery, "x-first-death-reason").and_then(text)?.as_str() {
        "delivery_limit" => Some("the delivery limit was reached: every worker failed over it".to_owned()),
        other => Some(other.to_owned()),
    };
    own.or_else(brokers)
}

/// Exchange and routing key that lead to where the letter died.
fn way_back(queue: &str, delivery: &Delivery) -> Option<(String, String)> {
    if queue == names::UNROUTABLE {
        let exchange = delivery.exchange.as_str();
        let ours = exchange == names::REFRESH || exchange == names::CONNECT_LOG;
        return ours.then(|| (exchange.to_owned(), delivery.routing_key.to_string()));
    }
    let said = header(delivery, SOURCE_QUEUE).and_then(text);
    let source = said.or_else(|| queue.strip_suffix(".dead").map(str::to_owned))?;
    let ours =
        [names::REFRESH_DUE, names::REFRESH_DEBUG, names::CONNECT_LOG_STORE].contains(&source.as_str());
    // The nameless exchange leads to the queue itself, so nobody else gets the letter again.
    ours.then(|| (String::new(), source))
}
