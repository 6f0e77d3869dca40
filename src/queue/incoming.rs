//! What a handler is given.

use std::fmt;

use lapin::{message::Delivery, types::AMQPValue};

/// The header in which a publisher's trace context travels (W3C Trace Context).
pub(super) const TRACEPARENT: &str = "traceparent";
/// The header in which a quorum queue counts earlier deliveries.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// One message as a handler sees it. `Debug` does not print the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The body, as published.
    pub body: Vec<u8>,
    /// The `message_id` property.
    pub message_id: Option<String>,
    /// The `type` property: message and version.
    pub message_type: Option<String>,
    /// The key under which it was published.
    pub routing_key: String,
    /// Whether it may have been delivered before.
    pub redelivered: bool,
    /// How often it was delivered before, as far as the queue counts; 0 for the first time.
    pub earlier_deliveries: u32,
    /// The publisher's trace context.
    pub traceparent: Option<String>,
}

impl Incoming {
    pub(super) fn of(delivery: &Delivery) -> Self {
        let properties = &delivery.properties;
        Self {
            body: delivery.data.clone(),
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            message_type: properties.kind().as_ref().map(ToString::to_string),
            routing_key: delivery.routing_key.to_string(),
            redelivered: delivery.redelivered,
            earlier_deliveries: Self::earlier_deliveries(delivery),
            traceparent: header(delivery, TRACEPARENT).and_then(text),
        }
    }

    /// How often `delivery` was delivered before, as far as its queue counts.
    pub(super) fn earlier_deliveries(delivery: &Delivery) -> u32 {
        header(delivery, DELIVERY_COUNT).and_then(count).unwrap_or(0)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("message_id", &self.message_id)
            .field("message_type", &self.message_type)
            .field("routing_key", &self.routing_key)
            .field("redelivered", &self.redelivered)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The header `name` of `delivery`.
pub(super) fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a AMQPValue> {
    delivery.properties.headers().as_ref()?.inner().get(name)
}

/// A header's text.
pub(super) fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn count(value: &AMQPValue) -> Option<u32> {
    match value {
        AMQPValue::LongLongInt(count) => u32::try_from(*count).ok(),
        AMQPValue::LongInt(count) => u32::try_from(*count).ok(),
        AMQPValue::LongUInt(count) => Some(*count),
        AMQPValue::ShortShortInt(count) => u32::try_from(*count).ok(),
        AMQPValue::ShortInt(count) => u32::try_from(*count).ok(),
        AMQPValue::ShortShortUInt(count) => Some((*count).into()),
        AMQPValue::ShortUInt(count) => Some((*count).into()),
        _ => None,
    }
}
