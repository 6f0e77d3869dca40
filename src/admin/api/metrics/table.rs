//! The figures, each declared once: its name, its help, and where it is taken from.

use std::{fmt, time::Duration};

use prometheus_client::{
    encoding::{EncodeGaugeValue, EncodeMetric, GaugeValueEncoder, MetricEncoder, NoLabelSet},
    metrics::{MetricType, exemplar::Exemplar},
    registry::Registry,
};

use crate::{
    domain::{breaker::KeysetState, budget::Forecast, health::Kind},
    store::QuotaUse,
    terminal::{HealthReport, QueueDepth},
};

/// What there is to show.
pub(super) struct Known<'a> {
    /// None while the database is away.
    pub(super) report: Option<&'a HealthReport>,
    pub(super) feed_is_live: bool,
    /// How long before its end an access token is refreshed.
    pub(super) lead: Duration,
}

/// Adds all that is known.
pub(super) fn register(registry: &mut Registry, known: &Known<'_>) {
    let mut add = |name: &str, help: &str, kind: MetricType, values: Values| {
        if !values.is_empty() {
            registry.register(name, help, Series { kind, values });
        }
    };
    let database_up = one(known.report.is_some());
    add("database_up", "Whether the database answers", MetricType::Gauge, database_up);
    let feed_live = one(known.feed_is_live);
    add("feed_live", "Whether live entries arrive at this process", MetricType::Gauge, feed_live);
    let Some(report) = known.report else { return };
    for (name, help, take) in COUNTERS {
        add(name, help, MetricType::Counter, take(report));
    }
    for (name, help, take) in GAUGES {
        add(name, help, MetricType::Gauge, take(report));
    }
    for (name, help, take) in OF_KEYSETS {
        let values = report.quota.iter().filter_map(|used| {
            let labels =
                vec![("environment", used.environment.clone()), ("client_id", used.client_id.clone())];
            Some((labels, take(used, &used.forecast(known.lead))?))
        });
        add(name, help, MetricType::Gauge, values.collect());
    }
    for (name, help, take) in OF_QUEUES {
        let queues = report.queues.iter().flatten();
        let values = queues.map(|queue| (vec![("queue", queue.name.clone())], take(queue)));
        add(name, help, MetricType::Gauge, values.collect());
    }
}

type Labels = Vec<(&'static str, String)>;
type Values = Vec<(Labels, Number)>;
type Row = (&'static str, &'static str, fn(&HealthReport) -> Values);

const COUNTERS: [Row; 2] = [
    ("attempts", "Attempts ever accepted", |report| one(report.figures.attempts)),
    ("stored", "Entries ever stored", |report| one(report.figures.stored)),
];

const GAUGES: [Row; 17] = [
    ("broker_up", "Whether the broker answers", |report| one(report.queues.is_some())),
    ("missing", "Attempts without an entry: anything but 0 is a fault", |report| one(report.figures.missing)),
    ("outbox", "Entries that are decided and not yet stored", |report| one(report.figures.outbox)),
    ("outbox_age_seconds", "How long the oldest of them waits", |report| {
        one(report.figures.outbox_age_seconds.unwrap_or(0.0))
    }),
    ("in_flight", "Attempts under way", |report| one(report.figures.in_flight)),
    ("due_backlog", "Accounts that are due and not published", |report| one(report.figures.due_backlog)),
    ("workers", "Live workers", |report| one(report.figures.workers)),
    ("schedulers", "Live schedulers", |report| one(report.figures.schedulers)),
    ("log_writers", "Live log-writers", |report| one(report.figures.log_writers)),
    ("versions", "Different versions among live processes", |report| {
        one(i64::try_from(report.figures.versions.len()).unwrap_or(i64::MAX))
    }),
    ("last_tick_age_seconds", "Time since a scheduler last finished a tick", |report| {
        report.figures.last_tick_age_seconds.map(one).unwrap_or_default()
    }),
    ("newest_entry_age_seconds", "Time since the newest entry was made", |report| {
        report.figures.newest_entry_age_seconds.map(one).unwrap_or_default()
    }),
    ("accounts_overdue", "Accounts without a valid token that could have been refreshed", |report| {
        one(report.figures.overdue)
    }),
    ("accounts_reconnect_required", "Accounts whose sellers must connect again", |report| {
        one(report.figures.reconnect_required)
    }),
    ("accounts_blocked", "Accounts that something of ours keeps from being refreshed", |report| {
        one(report.figures.blocked)
    }),
    ("processes_silent", "Processes that fell silent within the hour without stopping", |report| {
        one(report.figures.silent)
    }),
    ("findings", "What doctor and the page find wrong, by kind; 0 is well", findings),
];

type RowOfKeyset = (&'static str, &'static str, fn(&QuotaUse, &Forecast) -> Option<Number>);

const OF_KEYSETS: [RowOfKeyset; 6] = [
    ("quota_calls", "Calls that each keyset began in the last 24 hours", |used, _| Some(used.calls.into())),
    ("quota_left", "Scheduled calls that each keyset may begin", |_, ahead| Some(ahead.left.into())),
    ("keyset_ready", "Whether each keyset's accounts may call eBay", |used, _| {
        Some((used.state == KeysetState::Ready).into())
    }),
    ("keyset_capacity", "Accounts that each keyset can keep always fresh", |_, ahead| {
        Some(ahead.capacity.into())
    }),
    ("quota_exhausted_in_seconds", "Time until a keyset's calls are spent at this pace", |_, ahead| {
        ahead.exhausted_in_seconds.map(Number::from)
    }),
    ("accounts_demoted", "Accounts that the quota keeps from being always fresh", |used, _| {
        Some(used.demoted.into())
    }),
];

type RowOfQueue = (&'static str, &'static str, fn(&QueueDepth) -> Number);

const OF_QUEUES: [RowOfQueue; 2] = [
    ("queue_messages", "Messages that wait in each queue", |queue| i64::from(queue.messages).into()),
    ("queue_consumers", "Consumers of each queue", |queue| i64::from(queue.consumers).into()),
];

/// Every kind, found or not, so that an alert sees it end.
fn findings(report: &HealthReport) -> Values {
    let found = report.findings();
    let value = |kind: &Kind| {
        let labels = vec![("kind", kind.to_string()), ("weight", kind.weight().to_string())];
        let number = found.iter().filter(|finding| finding.kind == *kind).count();
        (labels, Number::Whole(i64::try_from(number).unwrap_or(i64::MAX)))
    };
    Kind::ALL.iter().map(value).collect()
}

/// A figure that stands alone.
fn one(value: impl Into<Number>) -> Values {
    vec![(Labels::new(), value.into())]
}

/// A value: counts are shown whole.
#[derive(Debug, Clone, Copy)]
enum Number {
    Whole(i64),
    Seconds(f64),
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Whole(value)
    }
}

impl From<bool> for Number {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Seconds(value)
    }
}

impl EncodeGaugeValue for Number {
    fn encode(&self, encoder: &mut GaugeValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.encode(encoder),
            Self::Seconds(value) => value.encode(encoder),
        }
    }
}

/// One name's values, read elsewhere.
#[derive(Debug)]
struct Series {
    kind: MetricType,
    values: Values,
}

impl EncodeMetric for Series {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, value) in &self.values {
            let mut member = encoder.encode_family(labels)?;
            match (self.kind, value) {
                (MetricType::Counter, Number::Whole(count)) => {
                    member.encode_counter(&count.unsigned_abs(), None::<&Exemplar<NoLabelSet, f64>>)?;
                }
                _ => member.encode_gauge(value)?,
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text::encode;

    use super::*;

    #[test]
    fn a_label_cannot_break_out() {
        let mut registry = Registry::default();
        let values = vec![(vec![("queue", "a\"b\\c\nd".to_owned())], Number::Whole(1))];
        registry.register("q", "Help", Series { kind: MetricType::Gauge, values });
        let mut text = String::new();
        encode(&mut text, &registry).expect("text");
        assert!(text.ends_with("q{queue=\"a\\\"b\\\\c\\nd\"} 1\n"), "{text}");
    }
}
