//! eBay's rules: failures with proof, keysets' breakers, and the quota as a budget, on the stage's clock.

mod breaker;
mod budget;
mod confirm;
mod due;

use std::time::Duration;

use chrono::{DateTime, Utc};
use token_refresh::domain::account::AccountId;

use crate::support::{
    eventually,
    stage::{Actor, Stage, refresh_token},
    until,
};

/// The crew for long stories: calls that hang are given up after a second, and the lease outlives the
/// steps in which time passes.
async fn patient_crew(stage: &Stage) -> [Actor; 3] {
    [stage.scheduler().await, patient_worker(stage).await, stage.log_writer().await]
}

/// The same for many accounts: on a slow machine steps of time must not overtake what is queued.
async fn unhurried_crew(stage: &Stage) -> [Actor; 3] {
    let scheduler = stage.start(&["scheduler", "--tick", "200ms", "--claim-within", "1h"]).await;
    scheduler.expect_log("started").await;
    [scheduler, patient_worker(stage).await, stage.log_writer().await]
}

async fn patient_worker(stage: &Stage) -> Actor {
    let worker = stage
        .start(&["worker", "--lease", "300s", "--call-timeout", "1s", "--retry-base", "10s", "--slots", "64"])
        .await;
    worker.expect_log("started").await;
    worker
}

/// Adds many due sellers at once.
async fn many(stage: &Stage, count: usize) -> Vec<AccountId> {
    stage.bulk(count).await
}

/// How long a step of time waits for what it sets off; what a broken eBay holds up takes longer.
const STEP_PATIENCE: Duration = Duration::from_secs(20);

/// Lets time pass in steps, `most` of them in all, until `done`; returns how much passed on the
/// stage's clock, which goes on during each step as well.
async fn pass_until(
    stage: &Stage,
    step: Duration,
    most: Duration,
    what: &str,
    done: impl AsyncFn() -> bool,
) -> Duration {
    let (began, mut passed) = (clock(stage).await, Duration::ZERO);
    while !done().await {
        assert!(passed < most, "{what}: not within {most:?}");
        stage.advance(step).await;
        passed += step;
        // The tick under way may have begun before the step, the one after it did not.
        expect_ticks(stage, 2).await;
        let under_way = "queued_attempt is not null or lease_attempt is not null";
        let settled = until(async || (count(stage, under_way).await == 0).then_some(()));
        drop(tokio::time::timeout(STEP_PATIENCE, settled).await);
    }
    (clock(stage).await - began).to_std().expect("time passes forwards")
}

/// Waits until the scheduler has ended so many ticks.
async fn expect_ticks(stage: &Stage, ticks: usize) {
    for _ in 0..ticks {
        let now = clock(stage).await;
        eventually("the scheduler ticks", || async {
            let health = stage.store.health(None).await.expect("the store answers");
            health.last_tick_at.filter(|at| *at > now)
        })
        .await;
    }
}

async fn clock(stage: &Stage) -> DateTime<Utc> {
    stage.store.clock().await.expect("the store answers")
}

async fn count(stage: &Stage, condition: &str) -> i64 {
    stage.value(&format!("select count(*) from refresh_state where {condition}")).await
}

/// Waits for a keyset's state.
async fn expect_keyset(stage: &Stage, expected: &str) {
    eventually(&format!("the keyset is {expected}"), || async {
        let now: String =
            stage.value(&format!("select state from keysets where id = '{}'", stage.keyset)).await;
        (now == expected).then_some(())
    })
    .await;
}

/// A token of another seller, to be imported.
fn other_token(username: &str) -> token_refresh::domain::token::RefreshToken {
    refresh_token(username, 2)
}
