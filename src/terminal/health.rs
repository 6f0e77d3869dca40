//! The health of the whole in words: "no entries" must never look like "entries we cannot see".

use std::{fmt::Write, time::Duration};

use serde::Serialize;

use crate::{
    domain::account::OrgId,
    queue::{Broker, QueueStatus, names},
    store::{Health, Store, StoreError},
};

/// A queue's load.
#[derive(Debug, Clone, Serialize)]
pub struct QueueDepth {
    /// The queue.
    pub name: String,
    /// Messages ready.
    pub messages: u32,
    /// Consumers.
    pub consumers: u32,
}

impl From<QueueStatus> for QueueDepth {
    fn from(status: QueueStatus) -> Self {
        Self { name: status.name, messages: status.messages, consumers: status.consumers }
    }
}

/// Figures, queues, and what is wrong in order of weight.
#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    /// The figures.
    #[serde(flatten)]
    pub figures: Health,
    /// The queues; none if the broker does not answer.
    pub queues: Option<Vec<QueueDepth>>,
    /// What is wrong, the weightiest first; empty if all is well.
    pub warnings: Vec<String>,
}

/// A scheduler that has not ticked for this long is late.
const TICK_LATE_SECS: f64 = 30.0;
/// An entry that waits this long in the outbox is late.
const OUTBOX_LATE_SECS: f64 = 15.0;
/// How long a report waits for a broker that does not answer.
const BROKER_WITHIN: Duration = Duration::from_secs(3);

impl HealthReport {
    /// Asks database and broker.
    pub async fn take(store: &Store, broker: &Broker, orgs: Option<&[OrgId]>) -> Result<Self, StoreError> {
        let asking = tokio::time::timeout(BROKER_WITHIN, broker.queue_status());
        let (figures, queues) = tokio::join!(store.health(orgs), asking);
        let figures = figures?;
        let queues = queues
            .ok()
            .and_then(Result::ok)
            .map(|queues| queues.into_iter().map(QueueDepth::from).collect::<Vec<_>>());
        let warnings = warnings(&figures, queues.as_deref());
        Ok(Self { figures, queues, warnings })
    }

    /// The report as a few lines.
    pub fn to_text(&self) -> String {
        let f = &self.figures;
        let mut text = format!(
            "newest entry {} · scheduler ticked {} · {} worker(s) · due backlog {} · outbox {}\n\
             attempts {} = stored {} + outbox {} + in flight {} (missing {})\n",
            age(f.newest_entry_age_seconds),
            age(f.last_tick_age_seconds),
            f.workers,
            f.due_backlog,
            f.outbox,
            f.attempts,
            f.stored,
            f.outbox,
            f.in_flight,
            f.missing
        );
        if let Some(queues) = &self.queues {
            let depths: Vec<String> = queues.iter().map(|q| format!("{} {}", q.name, q.messages)).collect();
            let _ = writeln!(text, "queues: {}", depths.join(" · "));
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "! {warning}");
        }
        text
    }
}

fn age(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.0} s ago"))
}

fn warnings(f: &Health, queues: Option<&[QueueDepth]>) -> Vec<String> {
    let mut warnings = Vec::new();
    if f.missing != 0 {
        warnings.push(format!("{} attempt(s) without an entry: look at the log-writer's log", f.missing));
    }
    for keyset in &f.tripped_breakers {
        warnings.push(format!("keyset {keyset}; its accounts wait, a probe asks again"));
    }
    warnings.extend(f.aside.iter().cloned());
    if f.workers == 0 {
        warnings.push("no worker is live: start `token-refresh worker`".into());
    }
    if f.schedulers == 0 {
        warnings.push("no scheduler is live: start `token-refresh scheduler`".into());
    } else if f.last_tick_age_seconds.is_none_or(|age| age > TICK_LATE_SECS) {
        warnings.push(format!("the scheduler last finished a tick {}", age(f.last_tick_age_seconds)));
    }
    if f.log_writers == 0 {
        warnings.push(
            "no log-writer is live: start `token-refresh log-writer`; entries wait in the outbox".into(),
        );
    } else if f.outbox_age_seconds.is_some_and(|age| age > OUTBOX_LATE_SECS) {
        warnings.push(format!("entries wait to be stored since {}", age(f.outbox_age_seconds)));
    }
    match queues {
        None => warnings.push("the broker does not answer: check AMQP_URL and RabbitMQ".into()),
        Some(queues) => {
            for queue in
                queues.iter().filter(|queue| names::DEAD.contains(&queue.name.as_str()) && queue.messages > 0)
            {
                warnings.push(format!("{} dead letter(s) in {}", queue.messages, queue.name));
            }
        }
    }
    if f.versions.len() > 1 {
        warnings.push(format!("several versions run side by side: {}", f.versions.join(", ")));
    }
    warnings
}
