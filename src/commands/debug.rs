//! `debug ACCOUNT`: a debug run, from press to entry.

use std::process::ExitCode;

use clap::Args;

use super::{selector::AccountArgs, wait::request_and_wait};
use crate::{message::Source, terminal::Layout};

#[derive(Debug, Args)]
pub(super) struct Debug {
    #[command(flatten)]
    account: AccountArgs,
    /// Print the entry as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: Debug) -> anyhow::Result<ExitCode> {
    let layout = if command.json { Layout::Json } else { Layout::Full };
    request_and_wait(&command.account, Source::Debug, layout).await
}
