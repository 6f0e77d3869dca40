//! Who this process is, and its heartbeat.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    domain::clock::Reading,
    error_chain::Chain,
    message::Runner,
    refresh::{InFlight, Taking},
    store::{Heartbeat, Store},
    version::{COMMIT, VERSION, version},
    vital::Vital,
};

/// A live process is heard of this often; it is missed after three times as long.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// From then on others take this process for silent.
pub(super) const BEAT_HOLDS: Duration = Duration::from_secs(15);
/// How long a stopping process tries to say that it stopped.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// What a process runs, as its heartbeats tell.
#[derive(Debug, Clone)]
pub(super) struct Running {
    /// Ids of the keys it holds.
    pub(super) key_ids: Vec<String>,
    /// Its roles.
    pub(super) roles: Vec<&'static str>,
    /// Attempts under way.
    pub(super) in_flight: InFlight,
    /// Whether its worker takes work, where it runs one.
    pub(super) taking: Option<Arc<Taking>>,
    /// Told of every heartbeat.
    pub(super) vital: Vital,
}

/// This process, as leases, entries and heartbeats name it.
#[derive(Debug, Clone)]
pub struct Instance {
    /// `<role>-<host>-<process id>-<four digits>`.
    pub id: String,
    /// `scheduler`, `worker`, `log-writer`, `admin` or `all`.
    pub role: &'static str,
    host: String,
}

impl Instance {
    /// Names this process in `role`.
    pub fn new(role: &'static str) -> Self {
        let host =
            nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()).unwrap_or_default();
        let (process, number) = (std::process::id(), rand::random::<u16>());
        Self { id: format!("{role}-{host}-{process}-{number:04x}"), role, host }
    }

    /// As leases and entries name it.
    pub fn runner(&self) -> Runner {
        Runner { instance: self.id.clone(), version: version() }
    }

    /// Says every five seconds that this process lives; at the end, that it stopped on purpose.
    pub(super) async fn beat(&self, store: &Store, running: Running, shutdown: CancellationToken) {
        let mut every = tokio::time::interval(BEAT_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut earlier: Option<Reading> = None;
        let beating = async {
            loop {
                every.tick().await;
                let asked = Instant::now();
                let said = store.beat(&self.heartbeat(&running)).await;
                running.vital.note(&said);
                match said {
                    Ok(said) => {
                        let reading = Reading { asked, took: asked.elapsed(), said };
                        if let Some(earlier) = earlier.replace(reading) {
                            self.compare(store, &earlier, &reading).await;
                        }
                    }
                    Err(error) => tracing::warn!(error = %Chain(&error), "heartbeat not written"),
                }
            }
        };
        let _: Option<()> = shutdown.run_until_cancelled(beating).await;
        // A database that is away must not hold up the end: the process is then told as silent.
        match tokio::time::timeout(FAREWELL_LIMIT, store.instance_stopped(&self.id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %Chain(&error), "stop not written"),
            Err(_) => tracing::warn!(
                "stop not written: the database is silent, and shows this process as live for some seconds more"
            ),
        }
    }

    fn heartbeat(&self, running: &Running) -> Heartbeat {
        let reason = running.taking.as_ref().map(|taking| taking.reason());
        Heartbeat {
            id: self.id.clone(),
            role: self.role,
            version: VERSION.into(),
            commit: COMMIT.into(),
            environment: serde_json::json!({ "host": self.host, "pid": std::process::id(), "roles": running.roles }),
            key_ids: running.key_ids.clone(),
            in_flight: running.in_flight.count(),
            takes_work: reason.as_ref().is_some_and(Option::is_none),
            note: reason.flatten(),
        }
    }

    /// Tells of a database's clock that jumped: leases are measured by it (G2).
    async fn compare(&self, store: &Store, earlier: &Reading, later: &Reading) {
        let Some(step) = later.step_since(earlier) else { return };
        let seconds = (step.num_milliseconds() + 500).div_euclid(1_000);
        tracing::error!(
            seconds,
            "the database's clock has stepped: calls of one account may have overlapped"
        );
        if let Err(error) = store.clock_stepped(&self.id, seconds).await {
            tracing::warn!(error = %Chain(&error), "the step is not written, so health does not tell it");
        }
    }
}
