//! Rows that somebody holds for long: a person's session, a process that hangs.

use std::time::Duration;

use token_refresh::{
    domain::{account::AccountId, class::Class},
    fake_ebay::Behaviour,
    message::Source,
};

use super::{expect_all_refreshed, make_all_due, rested_sellers};
use crate::support::{
    eventually, eventually_within,
    stage::{Actor, Stage},
};

/// Well below the limit of a statement, for which a press that waited with the others would hang.
const SOON: Duration = Duration::from_secs(9);

/// Holds an account's state until the client is dropped.
async fn hold(stage: &Stage, account: AccountId) -> tokio_postgres::Client {
    stage.lock(&format!("select from refresh_state where account_id = '{account}' for update")).await
}

/// Waits until `count` accounts succeeded, and no more, for which no statement waited to its limit.
async fn expect_refreshed_at_once(stage: &Stage, worker: &Actor, count: i64) {
    eventually("all accounts but the held one are refreshed", || async {
        let refreshed = "select count(*) from refresh_state where last_success_at is not null";
        (stage.value::<i64>(refreshed).await == count).then_some(())
    })
    .await;
    for hung in ["cannot claim", "cannot write the result yet"] {
        assert!(!worker.output().contains(hung), "{hung}: {}", worker.output());
    }
}

#[tokio::test]
async fn g6_an_account_that_somebody_holds_does_not_hold_up_the_claims_of_others() {
    const ACCOUNTS: usize = 60;
    let stage = Stage::set().await;
    let accounts = stage.bulk(ACCOUNTS).await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    eventually("all are published", || async {
        let queued = "select count(*) from refresh_state where queued_attempt is not null";
        (stage.value::<i64>(queued).await == 60).then_some(())
    })
    .await;
    let row = hold(&stage, accounts[17]).await;
    let worker = stage.worker().await;

    expect_refreshed_at_once(&stage, &worker, 59).await;

    drop(row);
    expect_all_refreshed(&stage, &accounts, 1).await;
    stage.finish().await;
}

#[tokio::test]
async fn g6_an_account_that_somebody_holds_keeps_its_result_and_the_others_theirs() {
    const ACCOUNTS: usize = 20;
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(Behaviour::Hold));
    let accounts = stage.bulk(ACCOUNTS).await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let worker = stage.start(&["worker", "--lease", "60s", "--call-timeout", "30s"]).await;
    worker.expect_log("started").await;
    stage.expect_in_flight(ACCOUNTS).await;
    let row = hold(&stage, accounts[7]).await;
    stage.ebay.set_everywhere(None);
    stage.ebay.release_all();

    expect_refreshed_at_once(&stage, &worker, 19).await;

    drop(row);
    expect_all_refreshed(&stage, &accounts, 1).await;
    assert_eq!(stage.ebay.calls().len(), ACCOUNTS, "no result was lost");
    stage.finish().await;
}

#[tokio::test]
async fn a_press_is_answered_while_the_due_accounts_of_another_keyset_hang() {
    const OTHER: &str = "OtherApp-PRD-0123456789ab-cdef0123";
    const SECRET: &str = "PRD-other-secret-4b7e-9f21-c0ffee";
    let stage = Stage::set().await;
    stage.ebay.add_application(OTHER, SECRET);
    let other = stage.keyset(OTHER, SECRET, 50_000).await;
    let pressed = stage.seller_of(other, OTHER, "pressed").await;
    stage.rest(pressed).await;
    let due = rested_sellers(&stage, "due", 10).await;
    let _crew = stage.crew().await;
    let ledger = format!("select from keyset_ledger where keyset_id = '{}' for update", stage.keyset);
    let ledger = stage.lock(&ledger).await;
    // One account after the other, so that each lane gets a slice that hangs.
    for (number, account) in due.iter().enumerate() {
        make_all_due(&stage, &[*account]).await;
        eventually("it is published, or hangs", || async {
            let queued = "select count(*) from refresh_state where queued_attempt is not null";
            (stage.value::<i64>(queued).await > i64::try_from(number).expect("few")).then_some(())
        })
        .await;
    }
    eventually("both lanes hang", || async {
        let hanging = "select count(*) from pg_stat_activity where datname = current_database()
            and wait_event_type = 'Lock' and query like '/* lock_ledger */%'";
        (stage.value::<i64>(hanging).await == 2).then_some(())
    })
    .await;

    let attempt = stage.debug(pressed).await;
    let entry = eventually_within(SOON, "the press is answered", || async {
        stage.store.entry_of(pressed, attempt).await.expect("the store answers")
    })
    .await;
    assert_eq!((entry.source, entry.class), (Source::Debug, Class::Refreshed), "{entry:?}");
    let called = stage.ebay.calls().len();
    assert_eq!(called, 1, "the others hang");

    drop(ledger);
    expect_all_refreshed(&stage, &due, 1).await;
    stage.finish().await;
}
