//! How full the queues are, and what doctor wants to know of the broker.

use lapin::{options::QueueDeclareOptions, types::FieldTable};

use super::{
    declare::Difference,
    error::QueueError,
    link::{ANSWER_LIMIT, Link, within},
    topology::TOPOLOGY,
};

/// One queue of the topology, as the broker has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStatus {
    /// Its name.
    pub name: String,
    /// Whether it is at the broker at all.
    pub exists: bool,
    /// Messages that wait; not those that a consumer has and has not settled.
    pub messages: u32,
    /// Its consumers.
    pub consumers: u32,
}

/// What the broker is, and how it differs from the definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerReport {
    /// Where it is, without credentials.
    pub address: String,
    /// Product and version, as the broker tells them.
    pub server: Option<String>,
    /// What is missing or different. Bindings cannot be asked for; declaring sees to them.
    pub differences: Vec<Difference>,
}

/// Asks for every queue of the topology, in its order.
pub(super) async fn queues(link: &Link) -> Result<Vec<QueueStatus>, QueueError> {
    let mut channel = link.channel().await?;
    let mut queues = Vec::with_capacity(TOPOLOGY.queues.len());
    for queue in &TOPOLOGY.queues {
        let name = queue.name.clone();
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asking = channel.queue_declare(name.as_str().into(), options, FieldTable::default());
        match within("asking for a queue", ANSWER_LIMIT, asking).await {
            Ok(found) => queues.push(QueueStatus {
                name,
                exists: true,
                messages: found.message_count(),
                consumers: found.consumer_count(),
            }),
            Err(error) if matches!(error.refusal(), Some((404, _))) => {
                queues.push(QueueStatus { name, exists: false, messages: 0, consumers: 0 });
                // The refusal closed the channel.
                channel = link.channel().await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(queues)
}
