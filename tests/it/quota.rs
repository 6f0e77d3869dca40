//! The daily quota is a cap that no number of workers overdraws (G10).

use std::time::Duration;

use token_refresh::{
    crypto::SealContext,
    domain::{
        account::{AccountId, KeysetId},
        class::{Class, NotRun, Sent},
    },
    store::{ImportToken, NewAccount},
};

use crate::support::{
    eventually,
    stage::{ENVIRONMENT, Stage, refresh_token},
};

/// eBay's client id of a keyset with few calls.
const SMALL: &str = "SmallApp-PRD-0123456789ab-cdef0123";
/// Its secret.
const SECRET: &str = "PRD-small-secret-1f2e-3d4c-decaff";

#[tokio::test]
async fn g10_a_spent_day_stops_all_workers_and_the_next_one_frees_them() {
    let stage = Stage::set().await;
    let keyset = small_keyset(&stage, 5).await;
    let mut accounts = Vec::new();
    for number in 0..20 {
        accounts.push(seller(&stage, keyset, &format!("seller_{number:02}")).await);
    }
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(stage.worker().await);
    }
    let _log_writer = stage.log_writer().await;
    let _scheduler = stage.scheduler().await;
    eventually("five are refreshed, and all others put off", || async {
        let waiting: i64 = stage
            .value("select count(*) from refresh_state where class = 'quota_exhausted' and queued_attempt is null")
            .await;
        (waiting == 15).then_some(())
    })
    .await;
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 5);
    assert_eq!(stage.entries().await.len(), 5, "what was put off is no attempt");

    let mut answered = 0;
    for account in &accounts[..4] {
        let entry = stage.entry(stage.debug(*account).await).await;
        assert_eq!((entry.class, entry.sent), (Class::NotRun, Sent::No));
        assert_eq!(entry.reason.as_deref(), Some(NotRun::Budget.as_str()));
        answered += 1;
    }
    let shown = stage.run(&["accounts", "list", "--failing"]).await.succeeded();
    assert_eq!(shown.out.matches("quota_exhausted: the keyset has begun all the calls").count(), 15);

    // Put off and due again within the day: still no call.
    stage.advance(Duration::from_secs(1_000)).await;
    eventually("put off again", || async {
        let waiting: i64 = stage
            .value("select count(*) from refresh_state where next_refresh_at > clock() and queued_attempt is null")
            .await;
        (waiting == 20).then_some(())
    })
    .await;
    assert_eq!(stage.ebay.calls().len(), 5);

    stage.advance(Duration::from_secs(25 * 3_600)).await;
    stage.expect_calls(|calls| calls.len() == 10).await;
    eventually("the second day is spent", || async {
        let health = stage.store.health(None).await.expect("the store answers");
        (health.stored == 10 + answered).then_some(())
    })
    .await;
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 10);
    assert_eq!(stage.ebay.violations(), []);
    stage.finish().await;
}

#[tokio::test]
async fn g10_what_was_not_sent_is_given_back() {
    let stage = Stage::set().await;
    let keyset = small_keyset(&stage, 2).await;
    let corrupt = seller(&stage, keyset, "corrupt").await;
    let healthy = seller(&stage, keyset, "healthy").await;
    for account in [corrupt, healthy] {
        stage.rest(account).await;
    }
    stage
        .sql(&format!(
            "update tokens set refresh_token = left(refresh_token, 200) where account_id = '{corrupt}'"
        ))
        .await;
    let _crew = stage.crew().await;
    for _ in 0..5 {
        let entry = stage.entry(stage.debug(corrupt).await).await;
        assert_eq!(entry.class, Class::DecryptFailed);
    }
    for expected in [Class::Refreshed, Class::Refreshed, Class::NotRun] {
        assert_eq!(stage.entry(stage.debug(healthy).await).await.class, expected);
    }
    assert_eq!(stage.ebay.calls().len(), 2);
    let used: i64 = stage
        .value(&format!("select sum(calls)::bigint from quota_usage where keyset_id = '{keyset}'"))
        .await;
    assert_eq!(used, 2);
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn g10_one_keysets_spent_day_is_no_others() {
    let stage = Stage::set().await;
    let keyset = small_keyset(&stage, 1).await;
    let poor = [seller(&stage, keyset, "poor_1").await, seller(&stage, keyset, "poor_2").await];
    let rich = stage.seller("rich").await;
    let _crew = stage.crew().await;
    stage.expect_entry(rich, |entry| entry.class == Class::Refreshed).await;
    eventually("one of two is put off", || async {
        let waiting: i64 =
            stage.value("select count(*) from refresh_state where class = 'quota_exhausted'").await;
        (waiting == 1).then_some(())
    })
    .await;
    let mut refused = 0;
    for account in poor {
        refused += usize::from(stage.entry(stage.debug(account).await).await.class == Class::NotRun);
    }
    assert_eq!(refused, 2);
    assert_eq!(stage.entry(stage.debug(rich).await).await.class, Class::Refreshed);
    stage.expect_settled().await;
    stage.finish().await;
}

async fn small_keyset(stage: &Stage, daily_quota: i32) -> KeysetId {
    stage.ebay.add_application(SMALL, SECRET);
    let keyset = stage.keyset(SMALL, SECRET, daily_quota).await;
    // One lane for all: the reserve for debug runs has tests of its own.
    stage.sql(&format!("update keysets set debug_reserve = 0 where id = '{keyset}'")).await;
    keyset
}

async fn seller(stage: &Stage, keyset: KeysetId, username: &str) -> AccountId {
    let token = refresh_token(username, 1);
    stage.ebay.add_seller(SMALL, username, token.expose());
    let new = NewAccount {
        org: stage.org,
        keyset,
        environment: ENVIRONMENT,
        username,
        ebay_user_id: None,
        house_name: None,
    };
    let (account, _) = stage.store.put_account(&new).await.expect("an account");
    let import = ImportToken {
        account,
        sealed: stage.keyring.seal(&SealContext::refresh_token(account, ENVIRONMENT), token.expose()),
        sha256: token.sha256(),
        refresh_expires_at: None,
        replace: false,
        by: "cli:it".into(),
    };
    stage.store.import_token(&import).await.expect("an import");
    account
}
