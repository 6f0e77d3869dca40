//! The health of the whole, as much of it as a user may see, asked for once however many look.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    admin::{auth::authenticator::SignedIn, tone::Tone},
    connect_log::Feed,
    domain::{
        account::Status,
        health::{self, Accounts, Count, Finding, Weight},
    },
    queue::Broker,
    store::{QuotaUse, StatusCount, Store, StoreError},
    terminal::{HealthReport, keysets},
};

/// For how long figures are shown again instead of asked for again.
const FRESH: Duration = Duration::from_secs(2);

/// Figures about the fleet, cached for a moment. Cheap to clone.
#[derive(Clone)]
pub(in crate::admin) struct FleetFigures {
    store: Store,
    broker: Broker,
    feed: Feed,
    cached: Arc<Mutex<Option<Cached>>>,
}

/// Figures, and when they were asked for.
struct Cached {
    at: Instant,
    report: Arc<HealthReport>,
}

/// How far a user can trust what is shown, with nothing of others' orgs.
#[derive(Debug, Serialize)]
struct ViewHealth {
    at: DateTime<Utc>,
    newest_entry_at: Option<DateTime<Utc>>,
    newest_entry_age_seconds: Option<f64>,
    last_tick_at: Option<DateTime<Utc>>,
    last_tick_age_seconds: Option<f64>,
    workers: i64,
    outbox_age_seconds: Option<f64>,
    missing: i64,
}

/// What a user may see of the whole, and what that is judged by.
pub(in crate::admin) struct Seen {
    at: DateTime<Utc>,
    shown: Value,
    figures: health::Figures,
}

impl FleetFigures {
    pub(in crate::admin) fn new(store: Store, broker: Broker, feed: Feed) -> Self {
        Self { store, broker, feed, cached: Arc::default() }
    }

    /// The figures, at most two seconds old. Who comes while they are asked for waits for the answer.
    pub(in crate::admin) async fn report(&self) -> Result<Arc<HealthReport>, StoreError> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = cached.as_ref().filter(|cached| cached.at.elapsed() < FRESH) {
            return Ok(Arc::clone(&cached.report));
        }
        let report = Arc::new(HealthReport::take(&self.store, &self.broker, None).await?);
        *cached = Some(Cached { at: Instant::now(), report: Arc::clone(&report) });
        Ok(report)
    }

    /// Whether live entries arrive from the broker.
    pub(in crate::admin) fn is_live(&self) -> bool {
        self.feed.is_live()
    }

    /// What `user` may see of it: a platform admin all, others what concerns their own orgs' entries.
    pub(in crate::admin) async fn seen_by(&self, user: &SignedIn) -> Result<Seen, StoreError> {
        let report = self.report().await?;
        let f = &report.figures;
        let mut figures = health::Figures { feed_interrupted: !self.is_live(), ..report.judged_by() };
        let mut shown = if user.is_platform_admin() {
            json!(*report)
        } else {
            figures = health::Figures {
                accounts: Accounts::default(),
                processes: None,
                broker: health::Broker::NotAsked,
                keysets: Vec::new(),
                ..figures
            };
            let newest = self.store.newest_entry(user.orgs().as_deref()).await?;
            json!(ViewHealth {
                at: f.at,
                newest_entry_at: newest.map(|newest| newest.at),
                newest_entry_age_seconds: newest.map(|newest| newest.age_seconds),
                last_tick_at: f.last_tick_at,
                last_tick_age_seconds: f.last_tick_age_seconds,
                workers: f.workers,
                outbox_age_seconds: f.outbox_age_seconds,
                missing: f.missing,
            })
        };
        shown["live"] = self.is_live().into();
        Ok(Seen { at: f.at, shown, figures })
    }
}

impl Seen {
    /// Takes in the accounts that the user sees.
    pub(in crate::admin) fn with_accounts(mut self, statuses: &[StatusCount]) -> Self {
        (self.figures.accounts, self.figures.count) = accounts(statuses, self.at);
        self
    }

    /// Takes in the keysets that the user sees.
    pub(in crate::admin) fn with_keysets(mut self, quota: &[QuotaUse]) -> Self {
        self.figures.keysets = keysets(quota);
        self
    }

    /// What is shown, with what is wrong in it.
    pub(in crate::admin) fn judged(mut self) -> Value {
        let findings = health::judge(&self.figures);
        let worst = findings.first().map_or(Weight::Note, |finding| finding.weight);
        let silencing = findings.iter().filter(|finding| finding.kind.explains_silence());
        let warnings: Vec<&str> = silencing.map(|finding| finding.text.as_str()).collect();
        self.shown["warnings"] = json!(warnings);
        self.shown["headline"] = health::headline(&self.figures, &findings).into();
        self.shown["tone"] = json!(if worst == Weight::Note { Tone::Ok } else { Tone::of_weight(worst) });
        self.shown["findings"] = findings.iter().map(with_tone).collect();
        self.shown
    }
}

fn with_tone(finding: &Finding) -> Value {
    let mut value = json!(finding);
    value["tone"] = json!(Tone::of_weight(finding.weight));
    value
}

/// Accounts by what they want, and how many there are.
fn accounts(statuses: &[StatusCount], at: DateTime<Utc>) -> (Accounts, Option<Count>) {
    let of = |status: Status| statuses.iter().filter(move |count| count.status == status.as_str());
    let number = |status| of(status).map(|count| count.accounts).sum::<i64>();
    let valid = || [Status::Ok, Status::ExpiringSoon].into_iter().flat_map(of);
    let connected = statuses.iter().filter(|count| count.status != Status::ReconnectRequired.as_str());
    let overdue = statuses.iter().map(|count| count.overdue).sum();
    let accounts = Accounts {
        overdue,
        expired: number(Status::Expired) - overdue,
        blocked: number(Status::Blocked),
        reconnect_required: number(Status::ReconnectRequired),
        ending: connected.map(|count| count.ending).sum(),
        failing: valid().map(|count| count.failing).sum(),
    };
    let last_success = statuses.iter().filter_map(|count| count.last_success_at).max();
    let count = Count {
        all: statuses.iter().map(|count| count.accounts).sum(),
        paused: number(Status::Paused),
        last_success_age: last_success.map(|last| (at - last).to_std().unwrap_or_default()),
    };
    (accounts, Some(count))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn each_account_is_counted_under_one_heading() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(10);
        let row = |status: Status, accounts, failing, overdue| StatusCount {
            status: status.to_string(),
            accounts,
            failing,
            next_refresh_at: None,
            last_success_at: Some(at - TimeDelta::seconds(accounts)),
            ending: 1,
            overdue,
        };
        let rows = [
            row(Status::Ok, 10, 2, 0),
            row(Status::ExpiringSoon, 20, 1, 0),
            row(Status::Expired, 5, 5, 3),
            row(Status::ReconnectRequired, 7, 7, 0),
            row(Status::Paused, 4, 4, 0),
        ];
        let (accounts, count) = accounts(&rows, at);
        let expected =
            Accounts { overdue: 3, expired: 2, blocked: 0, reconnect_required: 7, ending: 4, failing: 3 };
        assert_eq!(accounts, expected);
        let last_success_age = Some(Duration::from_secs(4));
        assert_eq!(count, Some(Count { all: 46, paused: 4, last_success_age }));
    }
}
