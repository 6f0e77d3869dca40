//! What a story waits for, and what it looks at.

use std::time::Duration;

use token_refresh::{
    domain::account::{AccountId, AttemptId},
    fake_ebay::Call,
    message::Entry,
    store::{AccountStatus, EntryFilter, StatusFilter},
};

use super::Stage;
use crate::support::{eventually, in_time};

impl Stage {
    /// The entry of an attempt of whatever account, stored or still in the outbox.
    pub(crate) async fn entry_of(&self, attempt: AttemptId) -> Option<Entry> {
        const ACCOUNT: &str = "select account_id from connect_log_outbox where id = $1
            union all select account_id from connect_logs where id = $1";
        let client = self.database.connect().await;
        let rows = client.query(ACCOUNT, &[&attempt.0]).await.expect("the query is good");
        let account = AccountId(rows.first()?.get(0));
        self.store.entry_of(account, attempt).await.expect("the store answers")
    }

    /// Waits for the stored entry of an attempt.
    pub(crate) async fn entry(&self, attempt: AttemptId) -> Entry {
        eventually("the attempt's entry is stored", || async {
            self.entry_of(attempt).await.filter(|entry| entry.position.is_some())
        })
        .await
    }

    /// All stored entries, oldest first.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let (mut entries, mut position) = (Vec::new(), 0);
        loop {
            let page = self
                .store
                .entries_after(&EntryFilter::default(), position, 1_000)
                .await
                .expect("the store answers");
            let Some(last) = page.last() else { return entries };
            position = last.position.expect("a stored entry has a position");
            entries.extend(page);
        }
    }

    /// An account's state as everyone sees it.
    pub(crate) async fn status(&self, account: AccountId) -> AccountStatus {
        let filter = StatusFilter { account: Some(account), ..StatusFilter::default() };
        let lead = Duration::from_secs(600);
        let rows = self.store.account_status(&filter, lead, 1).await.expect("the store answers");
        rows.into_iter().next().expect("the account has a token")
    }

    /// Waits until eBay's calls so far fulfil `holds`.
    pub(crate) async fn expect_calls(&self, holds: impl Fn(&[Call]) -> bool) {
        in_time("the calls that eBay should see", self.ebay.until_calls(holds)).await;
    }

    /// Waits until eBay holds `count` calls.
    pub(crate) async fn expect_in_flight(&self, count: usize) {
        in_time("calls in flight", self.ebay.until_in_flight(count)).await;
    }

    /// Waits until eBay answers no call.
    pub(crate) async fn expect_idle(&self) {
        in_time("eBay at rest", self.ebay.until_idle()).await;
    }

    /// Waits for an account's newest stored entry that `fits`.
    pub(crate) async fn expect_entry(&self, account: AccountId, fits: impl Fn(&Entry) -> bool) -> Entry {
        let filter = EntryFilter { account: Some(account), ..EntryFilter::default() };
        eventually("an entry that fits", || async {
            let entries = self.store.history(&filter, None, 100).await.expect("the store answers");
            entries.into_iter().find(|entry| fits(entry))
        })
        .await
    }

    /// Waits until nothing is under way or on its way, and checks that no attempt lacks its entry (G1).
    pub(crate) async fn expect_settled(&self) {
        eventually("every attempt has its stored entry", || async {
            let health = self.store.health(None).await.expect("the store answers");
            (health.outbox == 0 && health.in_flight == 0).then_some(health)
        })
        .await;
        let health = self.store.health(None).await.expect("the store answers");
        assert_eq!(health.missing, 0, "{health:?}");
        let entries = self.entries().await;
        assert_eq!(i64::try_from(entries.len()).expect("few"), health.stored, "each entry is stored once");
    }

    /// Waits until some process waits for a lock in the statement that is named `name`.
    pub(crate) async fn expect_waiting(&self, name: &str) {
        self.expect_waiting_in(&format!("/* {name} */")).await;
    }

    /// Waits until some process waits for a lock in a statement that begins with `beginning`.
    pub(crate) async fn expect_waiting_in(&self, beginning: &str) {
        let what = format!("a statement that begins with {beginning} waits for a lock");
        eventually(&what, || async {
            self.waiting().await.iter().any(|query| query.starts_with(beginning)).then_some(())
        })
        .await;
    }

    /// Waits until no statement waits for a lock.
    pub(crate) async fn expect_nobody_waits(&self) {
        eventually("no statement waits for a lock", || async {
            self.waiting().await.is_empty().then_some(())
        })
        .await;
    }

    /// The statements that wait for a lock.
    async fn waiting(&self) -> Vec<String> {
        let query = "select array(select query from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock')";
        self.value(query).await
    }
}
