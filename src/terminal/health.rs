//! The health of the whole in words: "no entries" must never look like "entries we cannot see".

use std::{fmt::Write, time::Duration};

use serde::Serialize;

use super::text::printable;
use crate::{
    domain::{
        account::OrgId,
        health::{
            Accounts, Broker as BrokerFigures, ClockStep, Figures, Finding, Keyset, Processes, Weight, judge,
        },
    },
    queue::{Broker, QueueStatus, names},
    store::{Health, QuotaUse, Store, StoreError},
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

/// What is asked of database and broker to judge the whole.
#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    /// The figures.
    #[serde(flatten)]
    pub figures: Health,
    /// The queues; none if the broker does not answer.
    pub queues: Option<Vec<QueueDepth>>,
    /// Calls by keyset.
    #[serde(skip)]
    pub quota: Vec<QuotaUse>,
}

/// How long a report waits for a broker that does not answer.
const BROKER_WITHIN: Duration = Duration::from_secs(3);

impl HealthReport {
    /// Asks database and broker.
    pub async fn take(store: &Store, broker: &Broker, orgs: Option<&[OrgId]>) -> Result<Self, StoreError> {
        let asking = tokio::time::timeout(BROKER_WITHIN, broker.queue_status());
        let (figures, quota, queues) = tokio::join!(store.health(orgs), store.quota_use(None), asking);
        let queues = queues
            .ok()
            .and_then(Result::ok)
            .map(|queues| queues.into_iter().map(QueueDepth::from).collect::<Vec<_>>());
        Ok(Self { figures: figures?, queues, quota: quota? })
    }

    /// What the whole is judged by.
    pub fn judged_by(&self) -> Figures {
        let f = &self.figures;
        let dead = |queue: &&QueueDepth| names::DEAD.contains(&queue.name.as_str());
        Figures {
            accounts: Accounts {
                overdue: f.overdue,
                expired: f.expired,
                blocked: f.blocked,
                reconnect_required: f.reconnect_required,
                ..Accounts::default()
            },
            count: None,
            workers: f.workers,
            processes: Some(Processes {
                schedulers: f.schedulers,
                log_writers: f.log_writers,
                not_taking: f.not_taking.clone(),
                versions: f.versions.clone(),
                key_sets: f.key_sets,
                silent: f.silent,
                clock_step: f.clock_step_seconds.map(|seconds| ClockStep {
                    seconds,
                    age: span(f.clock_step_age_seconds).unwrap_or_default(),
                }),
            }),
            tick_age: span(f.last_tick_age_seconds),
            outbox_age: span(f.outbox_age_seconds),
            missing: f.missing,
            broker: self.queues.as_ref().map_or(BrokerFigures::Away, |queues| {
                let dead = queues.iter().filter(dead);
                BrokerFigures::Answers(dead.map(|queue| (queue.name.clone(), queue.messages)).collect())
            }),
            feed_interrupted: false,
            keysets: keysets(&self.quota),
        }
    }

    /// What is wrong, the weightiest first.
    pub fn findings(&self) -> Vec<Finding> {
        judge(&self.judged_by())
    }

    /// The figures in a line or three.
    pub fn figures_text(&self) -> String {
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
        text
    }

    /// The figures, and a line for each thing that is wrong.
    pub fn to_text(&self) -> String {
        let mut text = self.figures_text();
        for Finding { weight, text: what, remedy, .. } in self.findings() {
            let mark = if weight == Weight::Note { '·' } else { '!' };
            let _ = writeln!(text, "{mark} {} → {remedy}", printable(&what, false));
        }
        text
    }
}

/// Keysets as they are judged.
pub fn keysets(quota: &[QuotaUse]) -> Vec<Keyset> {
    let keyset = |used: &QuotaUse| Keyset {
        name: format!("{} ({})", used.client_id, used.environment),
        state: used.state,
        reason: used.state_reason.clone().filter(|reason| !reason.is_empty()),
        calls: used.calls,
        daily_quota: used.daily_quota,
        exhausted_in: used.exhausted_in(),
        demoted: used.demoted,
    };
    quota.iter().map(keyset).collect()
}

/// Seconds of the database as a span; a clock that was set back counts as none passed.
fn span(seconds: Option<f64>) -> Option<Duration> {
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

fn age(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.0} s ago"))
}
