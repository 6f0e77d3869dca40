//! The roles: `scheduler`, `worker`, `log-writer`, `admin`, and `all` of them in one process.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    instance::{BEAT_HOLDS, Instance, Running},
    signal::signal,
    startup::{GUARD_HOLDS, check_keys, check_schema, guard_keys},
    tasks::Tasks,
};
use crate::{
    admin,
    config::{self, AdminArgs, AllArgs, PoolArgs, RefreshArgs, SchedulerArgs, WorkerArgs},
    connect_log::{self, Announcer, Feed, RELAY_HOLDS},
    crypto::Keyring,
    ebay::{ClientSettings, EbayClient},
    queue::Broker,
    refresh::{self, Handler, HandlerParts, Housekeeping, InFlight, Taking, scheduler::Scheduler},
    store::Store,
    version::version,
    vital::Vitals,
};

/// How long a stopping process waits for its last entries to be announced.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// A running process: what its roles share.
pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) broker: Broker,
    pub(crate) keyring: Arc<Keyring>,
    instance: Instance,
    /// Stops scheduler and worker.
    refreshing: CancellationToken,
    /// Stops what stores and shows their last entries.
    publishing: CancellationToken,
    announcer: Announcer,
    in_flight: InFlight,
    /// Whether the parts that run here do their work.
    vitals: Vitals,
    /// What runs here.
    roles: Vec<&'static str>,
    /// Whether this process takes work, where it runs a worker.
    taking: Option<Arc<Taking>>,
    refreshers: Tasks,
    publishers: Tasks,
    /// Goes on until the roles have stopped.
    heartbeat: Tasks,
    stopped: CancellationToken,
}

impl Process {
    /// Checks schema, keys and topology.
    pub(crate) async fn prepare(role: &'static str, pool: &PoolArgs) -> anyhow::Result<Self> {
        let instance = Instance::new(role);
        let store = config::store(&instance.id, pool.database_connections.into())?;
        let broker = config::broker(&instance.id)?;
        let keyring = Arc::new(config::keyring()?);
        check_schema(&store).await?;
        check_keys(&store, &keyring).await?;
        let announcer = Announcer::new(broker.publisher());
        Ok(Self {
            store,
            broker,
            keyring,
            instance,
            refreshing: CancellationToken::new(),
            publishing: CancellationToken::new(),
            announcer,
            in_flight: InFlight::default(),
            vitals: Vitals::default(),
            taking: None,
            refreshers: Tasks::default(),
            publishers: Tasks::default(),
            heartbeat: Tasks::default(),
            roles: Vec::new(),
            stopped: CancellationToken::new(),
        })
    }

    /// Begins to beat, once the roles run: a process that cannot run any is never shown as live.
    pub(crate) fn started(mut self) -> Self {
        let (instance, store, key_ids) = (self.instance.clone(), self.store.clone(), self.keyring.ids());
        tracing::info!(instance = instance.id, version = version(), keys = key_ids.join(","), "started");
        let running = Running {
            key_ids,
            roles: self.roles.clone(),
            in_flight: self.in_flight.clone(),
            taking: self.taking.clone(),
            vital: self.vitals.part("heartbeat", Some(BEAT_HOLDS)),
        };
        let (stopped, beating) = (self.stopped.clone(), store.clone());
        self.heartbeat.spawn("heartbeat", async move { instance.beat(&beating, running, stopped).await });
        let (keyring, stopped) = (Arc::clone(&self.keyring), self.stopped.clone());
        let vital = self.vitals.part("keys", Some(GUARD_HOLDS));
        self.heartbeat.spawn("keys", async move { guard_keys(&store, &keyring, vital, stopped).await });
        self
    }

    /// Starts every role; returns also the address of the HTTP API.
    pub(crate) async fn start_all(args: &AllArgs) -> anyhow::Result<(Self, SocketAddr)> {
        let mut process = Self::prepare("all", &args.pool).await?;
        let address = process.run_admin(&args.admin, &args.refresh).await?;
        process.run_worker(&args.worker, &args.refresh)?;
        process.run_log_writer();
        process.run_scheduler(&args.scheduler, &args.refresh);
        Ok((process.started(), address))
    }

    pub(crate) fn run_scheduler(&mut self, args: &SchedulerArgs, refresh: &RefreshArgs) {
        let settings = args.settings();
        let scheduler = Scheduler {
            store: self.store.clone(),
            publisher: self.broker.publisher(),
            announcer: self.announcer.clone(),
            policy: refresh.policy(),
            vital: self.vitals.part("scheduler", Some(settings.tick_holds())),
            settings,
            runner: self.instance.runner(),
        };
        let housekeeping = Housekeeping {
            store: self.store.clone(),
            instance: scheduler.runner.instance.clone(),
            retention_days: args.retention_days,
            refresh_before: scheduler.policy.refresh_before,
        };
        let (shutdown, stop_housekeeping) = (self.refreshing.clone(), self.refreshing.clone());
        self.roles.push("scheduler");
        self.refreshers.spawn("scheduler", async move { scheduler.run(shutdown).await });
        self.refreshers.spawn("housekeeping", async move { housekeeping.run(stop_housekeeping).await });
    }

    pub(crate) fn run_worker(&mut self, args: &WorkerArgs, refresh: &RefreshArgs) -> anyhow::Result<()> {
        let taking = Arc::new(Taking::new(self.vitals.part("worker", None)));
        let handler = Handler::new(HandlerParts {
            store: self.store.clone(),
            keyring: Arc::clone(&self.keyring),
            ebay: EbayClient::new(&ClientSettings::default())?,
            announcer: self.announcer.clone(),
            policy: refresh.policy(),
            limits: args.limits()?,
            runner: self.instance.runner(),
            taking: Arc::clone(self.taking.insert(taking)),
            in_flight: self.in_flight.clone(),
        });
        let (broker, settings, shutdown) = (self.broker.clone(), args.settings(), self.refreshing.clone());
        self.roles.push("worker");
        self.refreshers.spawn("worker", async move {
            Box::pin(refresh::run(&broker, &handler, settings, shutdown)).await;
        });
        Ok(())
    }

    pub(crate) fn run_log_writer(&mut self) {
        let (broker, store, shutdown) = (self.broker.clone(), self.store.clone(), self.publishing.clone());
        let (writing, relaying) =
            (self.vitals.part("log-writer", None), self.vitals.part("relay", Some(RELAY_HOLDS)));
        self.roles.push("log-writer");
        self.publishers.spawn("log-writer", async move {
            tokio::join!(
                connect_log::write(&broker, &store, &writing, shutdown.clone()),
                connect_log::relay(&store, &relaying, shutdown.clone())
            );
        });
    }

    pub(crate) async fn run_admin(
        &mut self,
        args: &AdminArgs,
        refresh: &RefreshArgs,
    ) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind(args.listen).await.with_context(|| {
            format!("cannot listen on {}; choose another address with --listen", args.listen)
        })?;
        let feed = Feed::start(self.store.clone(), &self.broker, self.publishing.clone());
        let parts = admin::AdminParts {
            store: self.store.clone(),
            broker: self.broker.clone(),
            keyring: Arc::clone(&self.keyring),
            feed,
            lead: refresh.refresh_before,
            vitals: self.vitals.clone(),
        };
        let shutdown = self.publishing.clone();
        let address = listener.local_addr()?;
        tracing::info!(%address, "HTTP API");
        self.roles.push("admin");
        self.publishers.spawn("admin", async move { admin::serve(listener, parts, shutdown).await });
        Ok(address)
    }

    /// Runs until the process is asked to end, or until one of its roles ends unasked: then whoever
    /// supervises the process should start it anew.
    pub(crate) async fn until_signal(mut self) -> anyhow::Result<ExitCode> {
        let ended = tokio::select! {
            asked = signal() => {
                asked?;
                None
            }
            ended = self.refreshers.ended() => Some(ended),
            ended = self.publishers.ended() => Some(ended),
            ended = self.heartbeat.ended() => Some(ended),
        };
        let Some(ended) = ended else {
            tracing::info!("stopping: finishing what is under way");
            self.stop().await;
            return Ok(ExitCode::SUCCESS);
        };
        tracing::error!(
            role = ended.name,
            panicked = ended.panicked,
            "a role ended unasked; the process ends with it"
        );
        self.stop().await;
        Ok(ExitCode::FAILURE)
    }

    /// Stops scheduler and worker: finishes what is under way and announces its entries.
    pub(crate) async fn stop_refreshing(&mut self) {
        self.refreshing.cancel();
        self.refreshers.join().await;
        if tokio::time::timeout(FLUSH_LIMIT, self.announcer.flush()).await.is_err() {
            tracing::warn!("some entries were not announced; the relay will store them");
        }
    }

    /// Stops everything, those that tell after those that refresh, and says so in the heartbeat.
    pub(crate) async fn stop(mut self) {
        self.stop_refreshing().await;
        self.publishing.cancel();
        self.publishers.join().await;
        self.stopped.cancel();
        self.heartbeat.join().await;
        tracing::info!("stopped");
    }
}
