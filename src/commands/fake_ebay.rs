//! `fake-ebay`: a stand-in for eBay's token endpoint, to be tried and tested against.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    fake_ebay::{Behaviour, Chaos, FakeEbay},
    process::signal::signal,
};

/// Run a stand-in for eBay's token endpoint.
///
/// Speaks eBay's wire format, keeps state per seller, and fails on command. Loopback only: it
/// answers anybody with tokens. `keysets add --api-url` sends a keyset's calls to it.
///
/// Over HTTP: POST /_fake/applications {"client_id", "client_secret"}; POST /_fake/sellers
/// {"client_id", "username", "refresh_token"}; POST /_fake/behaviour {"username", "behaviour"};
/// GET /_fake/calls; GET /_fake/sellers. A behaviour is a name such as healthy, revoked,
/// `rate_limited:30`, hang, cut, `slow:500`, or several with counts: `cut*2,healthy`.
#[derive(Debug, Args)]
pub(super) struct FakeEbayCommand {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Random choices follow from it, so that a run can be repeated.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds that an access token lives; eBay's live 7,200.
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u32>,
    /// What happens to every call, for example `unavailable_503`.
    #[arg(long, value_name = "BEHAVIOUR")]
    everywhere: Option<Behaviour>,
    /// A random mixture with weights, for example `healthy=90,cut=5,hang=5`.
    #[arg(long, value_name = "MIXTURE")]
    random: Option<Chaos>,
}

pub(super) async fn run(command: FakeEbayCommand) -> anyhow::Result<ExitCode> {
    if !command.listen.ip().is_loopback() {
        anyhow::bail!(
            "{} is not this machine: the fake answers anybody, so it listens on loopback only",
            command.listen
        );
    }
    let listener = TcpListener::bind(command.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another address with --listen", command.listen)
    })?;
    let shutdown = CancellationToken::new();
    let fake = FakeEbay::start(listener, command.seed, shutdown.clone()).await;
    fake.set_expires_in(command.expires_in);
    fake.set_everywhere(command.everywhere);
    fake.set_random(command.random);
    println!("{}", fake.url());
    signal().await?;
    shutdown.cancel();
    let calls = fake.calls();
    let answered = calls.iter().filter(|call| call.answered).count();
    eprintln!("{} call(s), {answered} answered, {} violation(s)", calls.len(), fake.violations().len());
    Ok(ExitCode::SUCCESS)
}
