//! Brings the topology to the broker and says where the broker's differs.
//!
//! A piece that exists with other arguments is used as it is: it may hold messages, and only an
//! operator can decide to delete it. The broker's own words (reply 406) say what differs.

use std::{fmt, future::Future};

use lapin::{
    Channel,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};

use super::{
    error::QueueError,
    link::{ANSWER_LIMIT, Link, within},
    topology::{AmqpExchange, Binding, Queue, TOPOLOGY},
};

/// A piece of the topology that is not at the broker as the definitions say. `Display` is a sentence
/// for an operator, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The piece: `queue "refresh.due"`.
    pub piece: String,
    /// How it differs.
    pub kind: DifferenceKind,
    /// The broker's own words; empty for a missing piece.
    pub broker_says: String,
}

/// How a piece of the topology differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceKind {
    /// It is not there.
    Missing,
    /// It exists with other arguments.
    Differs,
    /// The user may not declare it, so nothing is known of it.
    Forbidden,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { piece, kind, broker_says } = self;
        match kind {
            DifferenceKind::Missing => write!(f, "{piece} is missing at the broker; `migrate` declares it"),
            DifferenceKind::Differs => write!(
                f,
                "{piece} differs from queues/definitions.json and is used as it is; drain it, delete it and run `migrate` ({broker_says})"
            ),
            DifferenceKind::Forbidden => write!(
                f,
                "{piece} may not be declared by this user; grant it configure, write and read permission ({broker_says})"
            ),
        }
    }
}

/// What is to be done about a piece that is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Declare,
    Report,
}

/// Compares the broker with the definitions; declares what is missing, or reports it.
pub(super) async fn reconcile(link: &Link, missing: Missing) -> Result<Vec<Difference>, QueueError> {
    let mut survey = Survey { link, channel: link.channel().await?, differences: Vec::new() };
    for exchange in &TOPOLOGY.exchanges {
        let piece = format!("exchange \"{}\"", exchange.name);
        let found = missing == Missing::Declare || {
            let seen = declare_exchange(&survey.channel, exchange, true).await;
            survey.take(&piece, seen).await?
        };
        if found {
            let declared = declare_exchange(&survey.channel, exchange, false).await;
            survey.take(&piece, declared).await?;
        }
    }
    for queue in &TOPOLOGY.queues {
        let piece = format!("queue \"{}\"", queue.name);
        let found = missing == Missing::Declare || {
            let seen = declare_queue(&survey.channel, queue, true).await;
            survey.take(&piece, seen).await?
        };
        if found {
            let declared = declare_queue(&survey.channel, queue, false).await;
            survey.take(&piece, declared).await?;
        }
        // AMQP cannot ask for a binding, so only `Declare` sees to them.
        let bindings = TOPOLOGY.bindings.iter().filter(|binding| binding.destination == queue.name);
        for binding in bindings.filter(|_| missing == Missing::Declare) {
            let piece = format!("binding of \"{}\" to \"{}\"", binding.destination, binding.source);
            let bound = bind(&survey.channel, binding).await;
            survey.take(&piece, bound).await?;
        }
    }
    Ok(survey.differences)
}

struct Survey<'a> {
    link: &'a Link,
    channel: Channel,
    differences: Vec<Difference>,
}

impl Survey<'_> {
    /// Whether the broker accepted. A refusal becomes a difference, and closes the channel.
    async fn take(&mut self, piece: &str, answer: Result<(), QueueError>) -> Result<bool, QueueError> {
        let Err(error) = answer else { return Ok(true) };
        let (kind, broker_says) = match error.refusal() {
            Some((404, _)) => (DifferenceKind::Missing, String::new()),
            Some((403, says)) => (DifferenceKind::Forbidden, says.to_owned()),
            Some((406, says)) => (DifferenceKind::Differs, says.to_owned()),
            _ => return Err(error),
        };
        self.differences.push(Difference { piece: piece.to_owned(), kind, broker_says });
        self.channel = self.link.channel().await?;
        Ok(false)
    }
}

fn declare_exchange(
    channel: &Channel,
    exchange: &'static AmqpExchange,
    passive: bool,
) -> impl Future<Output = Result<(), QueueError>> {
    let options = ExchangeDeclareOptions {
        passive,
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        internal: exchange.internal,
        nowait: false,
    };
    let name = exchange.name.as_str().into();
    let declaring = channel.exchange_declare(name, exchange.kind(), options, exchange.arguments());
    within("declaring an exchange", ANSWER_LIMIT, declaring)
}

async fn declare_queue(channel: &Channel, queue: &Queue, passive: bool) -> Result<(), QueueError> {
    let options = QueueDeclareOptions {
        passive,
        durable: queue.durable,
        exclusive: false,
        auto_delete: queue.auto_delete,
        nowait: false,
    };
    let declaring = channel.queue_declare(queue.name.as_str().into(), options, queue.arguments());
    within("declaring a queue", ANSWER_LIMIT, declaring).await.map(drop)
}

async fn bind(channel: &Channel, binding: &Binding) -> Result<(), QueueError> {
    let (queue, exchange) = (binding.destination.as_str().into(), binding.source.as_str().into());
    let key = binding.routing_key.as_str().into();
    let binding =
        channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), FieldTable::default());
    within("binding a queue", ANSWER_LIMIT, binding).await
}
