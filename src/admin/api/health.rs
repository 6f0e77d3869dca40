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
    admin::auth::authenticator::SignedIn,
    connect_log::Feed,
    queue::Broker,
    store::{QuotaUse, Store, StoreError},
    terminal::HealthReport,
};

/// For how long figures are shown again instead of asked for again.
const FRESH: Duration = Duration::from_secs(2);
/// From here on a tick, and an entry that waits to be stored, is late.
const LATE_SECS: f64 = 30.0;

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
    figures: Arc<Figures>,
}

/// What is asked of database and broker at once.
#[derive(Debug)]
pub(in crate::admin) struct Figures {
    /// Figures, queues and warnings.
    pub(in crate::admin) report: HealthReport,
    /// Calls by keyset.
    pub(in crate::admin) quota: Vec<QuotaUse>,
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
    live: bool,
    warnings: Vec<&'static str>,
}

impl FleetFigures {
    pub(in crate::admin) fn new(store: Store, broker: Broker, feed: Feed) -> Self {
        Self { store, broker, feed, cached: Arc::default() }
    }

    /// The figures, at most two seconds old. Who comes while they are asked for waits for the answer.
    pub(in crate::admin) async fn figures(&self) -> Result<Arc<Figures>, StoreError> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = cached.as_ref().filter(|cached| cached.at.elapsed() < FRESH) {
            return Ok(Arc::clone(&cached.figures));
        }
        let report = HealthReport::take(&self.store, &self.broker, None).await?;
        let quota = self.store.quota_use(None).await?;
        let figures = Arc::new(Figures { report, quota });
        *cached = Some(Cached { at: Instant::now(), figures: Arc::clone(&figures) });
        Ok(figures)
    }

    /// Whether live entries arrive from the broker.
    pub(in crate::admin) fn is_live(&self) -> bool {
        self.feed.is_live()
    }

    /// What `user` may see of it: a platform admin all, others what concerns their own orgs' entries.
    pub(in crate::admin) async fn seen_by(&self, user: &SignedIn) -> Result<Value, StoreError> {
        let figures = self.figures().await?;
        if user.is_platform_admin() {
            let mut all = json!(figures.report);
            all["live"] = self.is_live().into();
            return Ok(all);
        }
        let f = &figures.report.figures;
        let newest = self.store.newest_entry(user.orgs().as_deref()).await?;
        let mut view = ViewHealth {
            at: f.at,
            newest_entry_at: newest.map(|newest| newest.at),
            newest_entry_age_seconds: newest.map(|newest| newest.age_seconds),
            last_tick_at: f.last_tick_at,
            last_tick_age_seconds: f.last_tick_age_seconds,
            workers: f.workers,
            outbox_age_seconds: f.outbox_age_seconds,
            missing: f.missing,
            live: self.is_live(),
            warnings: Vec::new(),
        };
        view.warnings = view.find_warnings();
        Ok(json!(view))
    }
}

impl ViewHealth {
    /// The weightiest first.
    fn find_warnings(&self) -> Vec<&'static str> {
        let judged = [
            (self.missing != 0, "attempts are missing from the terminal: tell the operator"),
            (self.workers == 0, "no worker is live: nothing is refreshed"),
            (
                self.last_tick_age_seconds.is_none_or(|age| age > LATE_SECS),
                "the scheduler is late: accounts that are due wait",
            ),
            (
                self.outbox_age_seconds.is_some_and(|age| age > LATE_SECS),
                "entries wait to be stored: the newest may be missing here",
            ),
            (!self.live, "the live feed is interrupted: entries come a little later"),
        ];
        judged.into_iter().filter_map(|(holds, warning)| holds.then_some(warning)).collect()
    }
}
