//! The roles as commands: `scheduler`, `worker`, `log-writer`, `admin`, and `all` of them in one process.

use std::process::ExitCode;

use clap::Args;

use crate::{
    config::{AdminArgs, AllArgs, PoolArgs, RefreshArgs, SchedulerArgs, WorkerArgs},
    process::roles::Process,
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

pub(super) async fn all(args: AllArgs) -> anyhow::Result<ExitCode> {
    let (process, _) = Process::start_all(&args).await?;
    process.until_signal().await
}
