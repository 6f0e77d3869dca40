//! The roles: `scheduler`, `worker`, `log-writer`, `admin`, and `all` of them in one process.

use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, atomic::AtomicI32},
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::startup::{check_keys, check_schema};
use crate::{
    admin,
    config::{self, AdminArgs, PoolArgs, RefreshArgs, SchedulerArgs, WorkerArgs},
    connect_log::{self, Announcer, Feed},
    crypto::Keyring,
    ebay::{ClientSettings, EbayClient},
    instance::Instance,
    queue::Broker,
    refresh::{self, Aside, Handler, HandlerParts},
    scheduler::Scheduler,
    store::Store,
};

#[derive(Debug, Args)]
pub(super) struct SchedulerCommand {
    #[command(flatten)]
    scheduler: SchedulerArgs,
    #[command(flatten)]
    refresh: RefreshArgs,
    #[command(flatten)]
    pool: PoolArgs,
}

#[derive(Debug, Args)]
pub(super) struct WorkerCommand {
    #[command(flatten)]
    worker: WorkerArgs,
    #[command(flatten)]
    refresh: RefreshArgs,
    #[command(flatten)]
    pool: PoolArgs,
}

#[derive(Debug, Args)]
pub(super) struct LogWriterCommand {
    #[command(flatten)]
    pool: PoolArgs,
}

#[derive(Debug, Args)]
pub(super) struct AdminCommand {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    refresh: RefreshArgs,
    #[command(flatten)]
    pool: PoolArgs,
}

/// Options of every role.
#[derive(Debug, Clone, Args)]
pub(super) struct AllCommand {
    #[command(flatten)]
    pub(super) scheduler: SchedulerArgs,
    #[command(flatten)]
    pub(super) worker: WorkerArgs,
    #[command(flatten)]
    pub(super) admin: AdminArgs,
    #[command(flatten)]
    pub(super) refresh: RefreshArgs,
    #[command(flatten)]
    pub(super) pool: PoolArgs,
}

pub(super) async fn scheduler(command: SchedulerCommand) -> anyhow::Result<ExitCode> {
    let mut process = Process::prepare("scheduler", &command.pool).await?;
    process.run_scheduler(&command.scheduler, &command.refresh);
    process.started().until_signal().await
}

pub(super) async fn worker(command: WorkerCommand) -> anyhow::Result<ExitCode> {
    let mut process = Process::prepare("worker", &command.pool).await?;
    process.run_worker(&command.worker, &command.refresh)?;
    process.started().until_signal().await
}

pub(super) async fn log_writer(command: LogWriterCommand) -> anyhow::Result<ExitCode> {
    let mut process = Process::prepare("log-writer", &command.pool).await?;
    process.run_log_writer();
    process.started().until_signal().await
}

pub(super) async fn admin(command: AdminCommand) -> anyhow::Result<ExitCode> {
    let mut process = Process::prepare("admin", &command.pool).await?;
    process.run_admin(&command.admin, &command.refresh).await?;
    process.started().until_signal().await
}

pub(super) async fn all(command: AllCommand) -> anyhow::Result<ExitCode> {
    let (process, _) = Process::start_all(&command).await?;
    process.until_signal().await
}

/// How long a stopping process waits for its last entries to be announced.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// A running process: what its roles share.
pub(super) struct Process {
    pub(super) store: Store,
    pub(super) broker: Broker,
    pub(super) keyring: Arc<Keyring>,
    instance: Instance,
    /// Stops scheduler and worker.
    refreshing: CancellationToken,
    /// Stops what stores and shows their last entries.
    telling: CancellationToken,
    announcer: Announcer,
    in_flight: Arc<AtomicI32>,
    aside: Aside,
    refreshers: JoinSet<()>,
    tellers: JoinSet<()>,
    /// Goes on until the roles have stopped.
    heart: JoinSet<()>,
    stopped: CancellationToken,
}

impl Process {
    /// Checks schema, keys and topology.
    async fn prepare(role: &'static str, pool: &PoolArgs) -> anyhow::Result<Self> {
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
            telling: CancellationToken::new(),
            announcer,
            in_flight: Arc::new(AtomicI32::new(0)),
            aside: Aside::default(),
            refreshers: JoinSet::new(),
            tellers: JoinSet::new(),
            heart: JoinSet::new(),
            stopped: CancellationToken::new(),
        })
    }

    /// Begins to beat, once the roles run: a process that cannot run any is never shown as live.
    fn started(mut self) -> Self {
        let (instance, store, key_ids) = (self.instance.clone(), self.store.clone(), self.keyring.ids());
        let (in_flight, aside, stopped) =
            (Arc::clone(&self.in_flight), self.aside.clone(), self.stopped.clone());
        tracing::info!(
            instance = instance.id,
            version = super::version(),
            keys = key_ids.join(","),
            "started"
        );
        self.heart.spawn(async move { instance.beat(&store, key_ids, in_flight, aside, stopped).await });
        self
    }

    /// Starts every role; answers also with the address of the HTTP API.
    pub(super) async fn start_all(command: &AllCommand) -> anyhow::Result<(Self, SocketAddr)> {
        let mut process = Self::prepare("all", &command.pool).await?;
        let address = process.run_admin(&command.admin, &command.refresh).await?;
        process.run_worker(&command.worker, &command.refresh)?;
        process.run_log_writer();
        process.run_scheduler(&command.scheduler, &command.refresh);
        Ok((process.started(), address))
    }

    fn run_scheduler(&mut self, args: &SchedulerArgs, refresh: &RefreshArgs) {
        let scheduler = Scheduler {
            store: self.store.clone(),
            publisher: self.broker.publisher(),
            announcer: self.announcer.clone(),
            policy: refresh.policy(),
            settings: args.settings(),
            runner: self.instance.runner(),
        };
        let shutdown = self.refreshing.clone();
        self.refreshers.spawn(async move { scheduler.run(shutdown).await });
    }

    fn run_worker(&mut self, args: &WorkerArgs, refresh: &RefreshArgs) -> anyhow::Result<()> {
        let handler = Handler::new(HandlerParts {
            store: self.store.clone(),
            keyring: Arc::clone(&self.keyring),
            ebay: EbayClient::new(&ClientSettings::default())?,
            announcer: self.announcer.clone(),
            policy: refresh.policy(),
            limits: args.limits()?,
            runner: self.instance.runner(),
            aside: self.aside.clone(),
            in_flight: Arc::clone(&self.in_flight),
        });
        let (broker, settings, shutdown) = (self.broker.clone(), args.settings(), self.refreshing.clone());
        self.refreshers
            .spawn(async move { Box::pin(refresh::run(&broker, &handler, settings, shutdown)).await });
        Ok(())
    }

    fn run_log_writer(&mut self) {
        let (broker, store, shutdown) = (self.broker.clone(), self.store.clone(), self.telling.clone());
        self.tellers.spawn(async move {
            tokio::join!(
                connect_log::write(&broker, &store, shutdown.clone()),
                connect_log::relay(&store, shutdown.clone())
            );
        });
    }

    async fn run_admin(&mut self, args: &AdminArgs, refresh: &RefreshArgs) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind(args.listen).await.with_context(|| {
            format!("cannot listen on {}; choose another address with --listen", args.listen)
        })?;
        let feed = Feed::start(self.store.clone(), &self.broker, self.telling.clone());
        let parts = admin::AdminParts {
            store: self.store.clone(),
            broker: self.broker.clone(),
            keyring: Arc::clone(&self.keyring),
            feed,
            lead: refresh.refresh_before,
        };
        let shutdown = self.telling.clone();
        let address = listener.local_addr()?;
        tracing::info!(%address, "HTTP API");
        self.tellers.spawn(async move { admin::serve(listener, parts, shutdown).await });
        Ok(address)
    }

    async fn until_signal(self) -> anyhow::Result<ExitCode> {
        signal().await?;
        tracing::info!("stopping: finishing what is under way");
        self.stop().await;
        Ok(ExitCode::SUCCESS)
    }

    /// Stops scheduler and worker: finishes what is under way and announces its entries.
    pub(super) async fn stop_refreshing(&mut self) {
        self.refreshing.cancel();
        join(&mut self.refreshers).await;
        if tokio::time::timeout(FLUSH_LIMIT, self.announcer.flush()).await.is_err() {
            tracing::warn!("some entries were not announced; the relay will store them");
        }
    }

    /// Stops everything, those that tell after those that refresh, and says so in the heartbeat.
    pub(super) async fn stop(mut self) {
        self.stop_refreshing().await;
        self.telling.cancel();
        join(&mut self.tellers).await;
        self.stopped.cancel();
        join(&mut self.heart).await;
        tracing::info!("stopped");
    }
}

async fn join(roles: &mut JoinSet<()>) {
    while let Some(ended) = roles.join_next().await {
        if let Err(error) = ended {
            tracing::error!(error = %crate::logging::Chain(&error), "a role ended badly");
        }
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub(super) async fn signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
