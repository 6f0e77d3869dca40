//! eBay's rules: failures with proof, keysets' gates, and the quota as a budget, on the stage's clock.

mod budget;
mod gate;
mod proof;

use std::time::Duration;

use token_refresh::account::AccountId;

use crate::support::{
    eventually,
    stage::{Actor, Stage, refresh_token},
};

/// The crew for long stories: calls that hang are given up after a second, and the lease outlives the
/// steps in which time passes.
async fn patient_crew(stage: &Stage) -> [Actor; 3] {
    let worker = stage
        .start(&["worker", "--lease", "300s", "--call-timeout", "1s", "--retry-base", "10s", "--slots", "64"])
        .await;
    worker.expect_log("started").await;
    [stage.scheduler().await, worker, stage.log_writer().await]
}

/// Adds many due sellers at once.
async fn many(stage: &Stage, count: usize) -> Vec<AccountId> {
    stage.bulk(count).await
}

/// Lets time pass in steps until `done`; returns how much passed.
async fn pass_until(
    stage: &Stage,
    step: Duration,
    most: Duration,
    what: &str,
    done: impl AsyncFn() -> bool,
) -> Duration {
    let mut passed = Duration::ZERO;
    while !done().await {
        assert!(passed < most, "{what}: not within {most:?}");
        stage.advance(step).await;
        passed += step;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    passed
}

async fn count(stage: &Stage, condition: &str) -> i64 {
    stage.value(&format!("select count(*) from refresh_state where {condition}")).await
}

/// Waits for a keyset's gate.
async fn expect_gate(stage: &Stage, expected: &str) {
    eventually(&format!("the gate is {expected}"), || async {
        let now: String =
            stage.value(&format!("select state from keysets where id = '{}'", stage.keyset)).await;
        (now == expected).then_some(())
    })
    .await;
}

/// A token of another seller, to be imported.
fn other_token(username: &str) -> token_refresh::token::RefreshToken {
    refresh_token(username, 2)
}
