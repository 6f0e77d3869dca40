//! What is due is one thing: the figure, the plot and the scheduler agree.

use std::time::Duration;

use token_refresh::domain::account::AccountId;

use crate::support::{
    eventually, let_pass,
    stage::{CLIENT_SECRET, Stage},
};

const SUSPENDED: &str = "Suspended-App-PRD-0123456789ab-cdef01";

#[tokio::test]
async fn accounts_that_cannot_run_are_due_nowhere() {
    let stage = Stage::set().await;
    let suspended = stage.keyset(SUSPENDED, CLIENT_SECRET, 50_000).await;
    stage.ebay.add_application(SUSPENDED, CLIENT_SECRET);
    stage.sql(&format!("update keysets set state = 'suspended' where id = '{suspended}'")).await;
    stage.seller_of(suspended, SUSPENDED, "behind_a_breaker").await;
    let due = stage.seller("due").await;
    stage.rested_seller("rested").await;
    for (name, change) in [
        ("paused", "update accounts set paused_at = clock()"),
        ("reconnect", "update refresh_state set standing = 'reconnect_required'"),
        ("blocked", "update refresh_state set standing = 'blocked'"),
        (
            "queued",
            "update refresh_state set queued_attempt = gen_random_uuid(), queued_until = clock() + interval '1 minute'",
        ),
    ] {
        let account = stage.seller(name).await;
        let id = if change.contains("accounts") { "id" } else { "account_id" };
        stage.sql(&format!("{change} where {id} = '{account}'")).await;
    }
    stage.store.sample_backlog().await.expect("the store answers");
    let plotted = stage.store.backlog(Duration::from_secs(600), Duration::from_secs(60)).await;
    let plotted: Vec<i32> = plotted.expect("the store answers").iter().map(|sample| sample.due).collect();
    assert_eq!(plotted, [1], "the plot");
    assert_eq!(stage.store.health(None).await.expect("the store answers").due_backlog, 1, "the figure");
    let taken = stage.store.take_due(10, Duration::from_secs(60)).await.expect("the store answers");
    assert_eq!(taken.iter().map(|taken| taken.account).collect::<Vec<AccountId>>(), [due], "the scheduler");
    stage.finish().await;
}

/// Rows of `refresh_state` that the sessions of this stage's database have read so far.
async fn rows_read(stage: &Stage) -> i64 {
    stage
        .value(
            "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'refresh_state'",
        )
        .await
}

#[tokio::test]
async fn a_look_reads_what_is_due_and_not_what_is_not() {
    let stage = Stage::set().await;
    let accounts = stage.bulk(3_000).await;
    stage.sql("update refresh_state set next_refresh_at = clock() + interval '1 hour'").await;
    stage.sql("vacuum analyze refresh_state").await;
    stage.make_due(accounts[7]).await;
    // Figures of a session reach the shared ones within a second or so of its statement.
    let before = settled(&stage).await;
    let taken = stage.store.take_due(1_000, Duration::from_secs(60)).await.expect("the store answers");
    assert_eq!(taken.len(), 1);
    let read = eventually("the look is counted", || async {
        Some(rows_read(&stage).await - before).filter(|read| *read > 0)
    })
    .await;
    assert!(read < 100, "{read} of 3,000 rows read");
    stage.finish().await;
}

/// The figure when it no longer grows.
async fn settled(stage: &Stage) -> i64 {
    let mut last = rows_read(stage).await;
    loop {
        let_pass(Duration::from_millis(2_500)).await;
        let now = rows_read(stage).await;
        if now == last {
            return now;
        }
        last = now;
    }
}
