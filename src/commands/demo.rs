//! `demo`: the whole on sample accounts, and at its end a check that nothing was lost.

mod check;
mod sample;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::{Args, Parser};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{
    check::{LiveIds, check},
    sample::Sample,
};
use super::{terminal::follow, users::login_link};
use crate::{
    config,
    config::AllArgs,
    fake_ebay::FakeEbay,
    message::Source,
    process::{roles::Process, signal::signal},
    refresh::request_refresh,
    store::{self, EntryFilter},
    terminal::Layout,
};

/// Show everything on sample accounts, healthy and broken, against a fake eBay.
///
/// Runs all roles and a fake eBay with sample accounts, healthy and broken, and shows the live
/// terminal. Wants an empty database: DATABASE_URL, AMQP_URL and TOKEN_KEYS as always, or
/// `./deploy/local demo`, which makes them.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Stop after this long, check that calls, live entries and stored entries are the same, and
    /// print a summary. Fails if they are not.
    #[arg(long = "for", value_parser = crate::config::value::duration, value_name = "DURATION")]
    duration: Option<Duration>,
    /// Address of the HTTP API; the default takes any free port.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: String,
    /// How much of each entry: full, line or json.
    #[arg(long, default_value = "line")]
    layout: Layout,
}

/// All roles with their defaults, but livelier: a tick a second, tokens that last 20 seconds.
#[derive(Debug, Parser)]
struct Lively {
    #[command(flatten)]
    all: AllArgs,
}

const REFRESH_BEFORE: &str = "285s";
/// How long the printed link may be used.
const LINK_LIFE: Duration = Duration::from_secs(3_600);
/// How long the demo's last entries may take to be stored.
const SETTLE: Duration = Duration::from_secs(30);

pub(super) async fn run(demo: Demo) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh demo", 8)?;
    let broker = config::broker("token-refresh demo")?;
    store::migrate(&store).await.context("database")?;
    if !store.list_orgs().await?.is_empty() {
        anyhow::bail!(
            "the demo wants an empty database, and this one has orgs; `./deploy/local demo` makes one"
        );
    }
    broker.declare_topology().await.context("broker")?;
    let stop = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the fake eBay")?;
    let fake = FakeEbay::start(listener, 1, stop.clone()).await;
    let live = LiveIds::listen(&broker, stop.clone()).await?;
    let sample = Sample::make(&store, &config::keyring()?, &fake).await?;
    let options = ["demo", "--tick", "1s", "--refresh-before", REFRESH_BEFORE, "--listen", &demo.listen];
    let options = Lively::try_parse_from(options).context("the demo's options")?.all;
    let (mut process, address) = Process::start_all(&options).await?;
    let link = login_link(&store, sample::USER, &format!("http://{address}"), LINK_LIFE).await?;
    eprintln!("admin page {}", link.context("the demo's user")?);
    eprintln!("           (signs in once, within the hour; then http://{address}/ with the token)");
    eprintln!("HTTP API   http://{address}");
    eprintln!("token      {}", sample.token);
    eprintln!(
        "try        curl -s -H 'Authorization: Bearer {}' 'http://{address}/api/admin/ebay/tokens/terminal-logs?limit=3'",
        sample.token
    );
    eprintln!("accounts   {}", sample.names());
    eprintln!(
        "stop       {}\n",
        demo.duration.map_or_else(|| "Ctrl-C".into(), |d| format!("by itself after {d:?}"))
    );
    first_tick(&store).await?;
    let ended = stop.child_token();
    let showing = tokio::spawn({
        let (store, broker, ended) = (store.clone(), broker.clone(), ended.clone());
        async move { follow(&store, &broker, EntryFilter::default(), 20, demo.layout, &ended).await }
    });
    request_refresh(&store, broker.publisher(), sample.debugged, Source::Debug, "cli:demo").await?;
    let interrupted = wait(demo.duration).await?;
    eprintln!("\nstopping");
    process.stop_refreshing().await;
    settle(&store).await?;
    ended.cancel();
    showing.await.context("the terminal")??;
    let verdict = check(&store, &fake, &live).await?;
    process.stop().await;
    stop.cancel();
    print!("{verdict}");
    // A demo that a person ends has shown what it should; one with a time of its own is a test.
    Ok(if verdict.holds() || interrupted && demo.duration.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Waits for the end; returns whether a person brought it about.
async fn wait(duration: Option<Duration>) -> anyhow::Result<bool> {
    match duration {
        None => signal().await.map(|()| true),
        Some(duration) => tokio::select! {
            ended = signal() => ended.map(|()| true),
            () = tokio::time::sleep(duration) => Ok(false),
        },
    }
}

/// Waits until the scheduler has ticked, so that the terminal begins with a picture that is whole.
async fn first_tick(store: &store::Store) -> anyhow::Result<()> {
    let started = Instant::now();
    while store.health(None).await?.last_tick_at.is_none() && started.elapsed() < SETTLE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Waits until every entry is stored.
async fn settle(store: &store::Store) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let health = store.health(None).await?;
        if health.outbox == 0 && health.in_flight == 0 || started.elapsed() > SETTLE {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
