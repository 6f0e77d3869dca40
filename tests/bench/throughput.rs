//! What one worker does per second: `eval "$(./deploy/local up --env)"; cargo bench --bench throughput`.
//!
//! Refreshes every account of a fresh database once, through the real broker and database, with one
//! process of each role and the fake eBay in this one, and prints refreshes per second from the
//! first claim to the last stored entry. Arguments: accounts (10,000), worker slots (256).

#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the tests use the rest")]
mod support;

use std::time::{Duration, Instant};

use support::stage::Stage;

#[tokio::main]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let accounts = numbers.first().copied().unwrap_or(10_000);
    let slots = numbers.get(1).copied().unwrap_or(256).to_string();
    let stage = Stage::set().await;
    stage.sql("update keysets set daily_quota = 10000000").await;
    eprintln!("making {accounts} accounts");
    stage.bulk(accounts).await;
    let target = accounts.to_string();
    let writer = stage.start(&["log-writer"]).await;
    writer.expect_log("started").await;
    let worker = stage
        .start_with(&["worker", "--slots", &slots, "--database-connections", "32"], &[("RUST_LOG", "warn")])
        .await;
    let scheduler = stage.start(&["scheduler", "--tick", "200ms", "--queue-target", &target]).await;
    scheduler.expect_log("started").await;
    let goal = i64::try_from(accounts).expect("a count");
    let mut began = None;
    let finished = loop {
        let health = stage.store.health(None).await.expect("the store answers");
        if began.is_none() && health.attempts > 0 {
            began = Some((Instant::now(), health.attempts));
        }
        if health.stored >= goal {
            break Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let (began, before) = began.expect("attempts were made");
    let seconds = finished.duration_since(began).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds' work")]
    let rate = (goal - before) as f64 / seconds;
    println!("throughput: {rate:.0}/s ({accounts} accounts, {slots} slots, {seconds:.1} s)");
    stage.finish().await;
    drop((writer, worker, scheduler));
}
