//! A database's clock that jumps.

use std::time::Duration;

use crate::support::{eventually, let_pass, stage::Stage};

/// Puts a clock that can be set before the server's own.
const CLOCK: &str = "create table step (by interval not null);
    insert into step values ('0');
    create function clock_timestamp() returns timestamptz language sql volatile parallel safe as
        'select pg_catalog.clock_timestamp() + (select by from public.step)'";

#[tokio::test]
async fn g2_a_clock_that_jumps_is_told_and_hours_that_pass_are_not() {
    let mut stage = Stage::set().await;
    stage.expect_errors("the database's clock has stepped");
    stage.sql(CLOCK).await;
    let name = stage.database.name().to_owned();
    stage.sql(&format!("alter database {name} set search_path = public, pg_catalog")).await;
    let crew = stage.crew().await;
    eventually("the scheduler has ticked", || async {
        let health = stage.store.health(None).await.expect("the store answers");
        health.last_tick_at.map(|_| ())
    })
    .await;
    // The stage's clock is not the server's. Two heartbeats of everybody follow.
    stage.advance(Duration::from_secs(3_600)).await;
    let_pass(Duration::from_secs(11)).await;
    let well = stage.run(&["doctor"]).await.succeeded();
    assert!(!well.out.contains("clock"), "{}", well.out);

    stage.sql("update step set by = '40 seconds'").await;
    for process in &crew {
        process.expect_log("the database's clock has stepped").await;
    }
    let ran = eventually("health tells it", || async {
        let ran = stage.run(&["doctor"]).await;
        ran.out.contains("jumped").then_some(ran)
    })
    .await;
    ran.succeeded().prints("warn  health: The database's clock jumped ahead by ");
    stage.finish().await;
}
