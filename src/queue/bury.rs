//! Letters that nobody could handle, with the reason why.

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};

use super::{
    error::PublishError,
    incoming::{TRACEPARENT, header},
    names::DEAD_LETTER,
    publisher::Publisher,
};
use crate::domain::screen::one_line;

/// The header that says why a letter died.
pub const REASON: &str = "x-reason";
/// The header that says in which queue it died.
pub const SOURCE_QUEUE: &str = "x-source-queue";
/// Longest reason that is kept, in characters.
const REASON_CHARS: usize = 500;

/// A reason fit for header and log: one line, bounded.
pub(super) fn fit(reason: &str) -> String {
    one_line(reason, REASON_CHARS)
}

/// Publishes a copy of `delivery`, which died in `queue` of `reason`, to that queue's dead letters.
///
/// A copy, because the broker's own dead-lettering cannot say why. Of the headers only the trace
/// context goes along: what others put there may be too long for one more.
pub(super) async fn bury(
    publisher: &Publisher,
    queue: &str,
    delivery: &Delivery,
    reason: &str,
) -> Result<(), PublishError> {
    let mut headers = FieldTable::default();
    headers.insert(REASON.into(), AMQPValue::LongString(reason.into()));
    headers.insert(SOURCE_QUEUE.into(), AMQPValue::LongString(queue.into()));
    if let Some(traceparent) = header(delivery, TRACEPARENT) {
        headers.insert(TRACEPARENT.into(), traceparent.clone());
    }
    let mut properties = BasicProperties::default().with_headers(headers);
    if let Some(id) = delivery.properties.message_id() {
        properties = properties.with_message_id(id.clone());
    }
    if let Some(kind) = delivery.properties.kind() {
        properties = properties.with_type(kind.clone());
    }
    publisher.send(DEAD_LETTER, queue, &delivery.data, properties).await
}
