//! A stage: the whole system on a database and a virtual host of its own, with the real binary's
//! processes for actors and the fake eBay for an audience.
//!
//! Time passes on the stage's clock only: [`Stage::advance`] moves SQL `clock()`, so hours cost nothing.

use std::{process::Stdio, time::Duration};

use token_refresh::{
    crypto::{Keyring, SealContext},
    domain::{
        account::{AccountId, AttemptId, Environment, KeysetId, OrgId, Role, UserId},
        credential::CredentialDigest,
        token::RefreshToken,
    },
    fake_ebay::{Behaviour, Call, FakeEbay},
    message::{Entry, RefreshMessage, Source},
    queue::Broker,
    refresh::{publish_refresh, request_refresh},
    store::{
        AccountStatus, EntryFilter, ImportOutcome, ImportToken, Membership, NewAccount, NewKeyset,
        PoolSettings, StatusFilter, Store,
    },
};
use tokio::{net::TcpListener, process::Command};
use tokio_util::sync::{CancellationToken, DropGuard};
use zeroize::Zeroizing;

pub(crate) use super::actor::Actor;
use super::{database::TestDatabase, eventually, in_time, vhost::TestVhost};

/// eBay's client id on every stage.
pub(crate) const CLIENT_ID: &str = "StageApp-PRD-0123456789ab-cdef0123";
/// Its secret.
pub(crate) const CLIENT_SECRET: &str = "PRD-stage-secret-4b7e-9f21-c0ffee";
/// Accounts of a stage belong to this environment unless told otherwise.
pub(crate) const ENVIRONMENT: Environment = Environment::Production;

/// One test's whole system.
pub(crate) struct Stage {
    pub(crate) database: TestDatabase,
    pub(crate) vhost: TestVhost,
    pub(crate) ebay: FakeEbay,
    pub(crate) store: Store,
    pub(crate) broker: Broker,
    pub(crate) keyring: Keyring,
    /// `TOKEN_KEYS` of every process.
    pub(crate) keys: String,
    pub(crate) org: OrgId,
    /// A platform admin's and an org's operator, whose id is not the org's.
    pub(crate) user: UserId,
    /// The bearer token.
    pub(crate) token: String,
    pub(crate) keyset: KeysetId,
    _fake: DropGuard,
}

impl Stage {
    /// Sets an empty stage: schema, topology, one org, one user, one keyset that calls the fake.
    pub(crate) async fn set() -> Self {
        let database = TestDatabase::migrated().await;
        let vhost = TestVhost::create().await;
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let ebay = FakeEbay::start(listener, 7, stop.clone()).await;
        ebay.add_application(CLIENT_ID, CLIENT_SECRET);
        let settings =
            PoolSettings { connections: 8, application_name: "it".into(), ..PoolSettings::default() };
        let store = Store::new(database.url(), &settings).expect("the test's address is good");
        let broker = Broker::new(vhost.url(), "it").expect("the test's address is good");
        let differences = broker.declare_topology().await.expect("the broker answers");
        assert!(differences.is_empty(), "{differences:?}");
        let keys = format!("k1:{}", Keyring::generate_key());
        let keyring = Keyring::parse(&keys).expect("a generated key is good");
        let org = store.put_org("stage").await.expect("an org");
        let token = format!("tr_{}", uuid::Uuid::now_v7().simple());
        let member = [Membership { org, role: Role::Admin }];
        let user = store.put_user("director", true, &member, sha256(&token), 1).await.expect("a user");
        let mut stage = Self {
            database,
            vhost,
            ebay,
            store,
            broker,
            keyring,
            keys,
            org,
            user,
            token,
            keyset: KeysetId::fresh(),
            _fake: stop.drop_guard(),
        };
        stage.keyset = stage.keyset(CLIENT_ID, CLIENT_SECRET, 50_000).await;
        stage
    }

    /// Adds a keyset that calls the fake and is lent to the stage's org.
    pub(crate) async fn keyset(&self, client_id: &str, secret: &str, daily_quota: i32) -> KeysetId {
        let id = KeysetId::fresh();
        let keyset = NewKeyset {
            id,
            environment: ENVIRONMENT,
            client_id: client_id.into(),
            client_secret: self.keyring.seal(&SealContext::client_secret(id, ENVIRONMENT), secret),
            daily_quota,
            api_url: Some(self.ebay.url()),
        };
        self.store.put_keyset(&keyset, &[self.org]).await.expect("a keyset");
        // Known to be good, so that a story's accounts are all refreshed at once.
        self.sql(&format!("update keyset_ledger set accepted_at = clock() where keyset_id = '{id}'")).await;
        id
    }

    /// Adds a healthy seller, at eBay and here, who is due at once (as `source=admin`).
    pub(crate) async fn seller(&self, username: &str) -> AccountId {
        let token = refresh_token(username, 1);
        self.ebay.add_seller(CLIENT_ID, username, token.expose());
        let account = self.account(username).await;
        self.import(account, &token).await;
        account
    }

    /// Adds a healthy seller of another keyset, who is due at once.
    pub(crate) async fn seller_of(&self, keyset: KeysetId, client_id: &str, username: &str) -> AccountId {
        let token = refresh_token(username, 1);
        self.ebay.add_seller(client_id, username, token.expose());
        let new = NewAccount {
            org: self.org,
            keyset,
            environment: ENVIRONMENT,
            username,
            ebay_user_id: None,
            house_name: None,
        };
        let (account, _) = self.store.put_account(&new).await.expect("an account");
        self.import(account, &token).await;
        account
    }

    /// Adds a seller who is not due for two hours.
    pub(crate) async fn rested_seller(&self, username: &str) -> AccountId {
        let account = self.seller(username).await;
        self.rest(account).await;
        account
    }

    /// Adds a seller with a behaviour, who is due at once.
    pub(crate) async fn seller_who(&self, username: &str, behaviour: Behaviour) -> AccountId {
        let token = refresh_token(username, 1);
        self.ebay.add_seller(CLIENT_ID, username, token.expose());
        assert!(self.ebay.set_behaviour(username, behaviour));
        let account = self.account(username).await;
        self.import(account, &token).await;
        account
    }

    /// Adds an account's row without a token.
    pub(crate) async fn account(&self, username: &str) -> AccountId {
        let new = NewAccount {
            org: self.org,
            keyset: self.keyset,
            environment: ENVIRONMENT,
            username,
            ebay_user_id: None,
            house_name: Some("House"),
        };
        self.store.put_account(&new).await.expect("an account").0
    }

    /// Adds many healthy sellers at once, all due (as `source=scheduled`).
    pub(crate) async fn bulk(&self, count: usize) -> Vec<AccountId> {
        let client = self.database.connect().await;
        let (mut ids, mut names, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..count {
            let (id, name) = (AccountId::fresh(), format!("seller{number}"));
            let token = refresh_token(&name, 1);
            self.ebay.add_seller(CLIENT_ID, &name, token.expose());
            tokens.push(self.keyring.seal(&SealContext::refresh_token(id, ENVIRONMENT), token.expose()));
            ids.push(id.0);
            names.push(name);
        }
        let put_accounts = "insert into accounts (id, org_id, keyset_id, environment, username)
            select id, $1, $2, 'production', name from unnest($3::uuid[], $4::text[]) a (id, name)";
        client.execute(put_accounts, &[&self.org.0, &self.keyset.0, &ids, &names]).await.expect("accounts");
        let put_tokens =
            "insert into tokens (account_id, refresh_token) select * from unnest($1::uuid[], $2::text[])";
        client.execute(put_tokens, &[&ids, &tokens]).await.expect("tokens");
        client
            .execute("insert into refresh_state (account_id) select unnest($1::uuid[])", &[&ids])
            .await
            .expect("states");
        client.batch_execute("analyze").await.expect("analyze");
        ids.into_iter().map(AccountId).collect()
    }

    /// Gives an account a token, as an import does.
    pub(crate) async fn import(&self, account: AccountId, token: &RefreshToken) -> ImportOutcome {
        let import = ImportToken {
            account,
            sealed: self.keyring.seal(&SealContext::refresh_token(account, ENVIRONMENT), token.expose()),
            sha256: token.sha256(),
            refresh_expires_at: None,
            replace: false,
            by: "cli:it".into(),
        };
        self.store.import_token(&import).await.expect("an import")
    }

    /// Lets an account be due in two hours.
    pub(crate) async fn rest(&self, account: AccountId) {
        self.sql(&format!(
            "update refresh_state set next_refresh_at = clock() + interval '2 hours', due_source = 'scheduled',
             due_triggered_by = null, queued_attempt = null, queued_until = null where account_id = '{account}'"
        ))
        .await;
    }

    /// Makes an account due at once, as `source=scheduled`.
    pub(crate) async fn make_due(&self, account: AccountId) {
        self.store.make_due(&[account], Source::Scheduled, None).await.expect("the store answers");
    }

    /// Presses "Refresh (debug)": the request is stored and published.
    pub(crate) async fn debug(&self, account: AccountId) -> AttemptId {
        let (publisher, by) = (self.broker.publisher(), self.user.to_string());
        let request = request_refresh(&self.store, publisher, account, Source::Debug, &by).await;
        let request = request.expect("a request");
        let attempt = request.attempt;
        request.published().await.expect("the broker takes it");
        attempt
    }

    /// Publishes a message as the scheduler and the admin do.
    pub(crate) async fn publish(&self, message: &RefreshMessage) {
        publish_refresh(&self.broker.publisher(), message).await.expect("the broker takes it");
    }

    /// Starts a process of the real binary: a role, or any command, with short leases where a role
    /// has them. It is killed with the value.
    pub(crate) async fn start(&self, arguments: &[&str]) -> Actor {
        self.start_with(arguments, &[]).await
    }

    /// Starts a process with more, or other, environment: proxies stand before servers this way.
    #[expect(clippy::unused_async, reason = "it spawns, so it must be called inside a runtime")]
    pub(crate) async fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Actor {
        let mut command = Command::new(env!("CARGO_BIN_EXE_token-refresh"));
        command
            .args(arguments)
            .env("DATABASE_URL", self.database.url())
            .env("AMQP_URL", self.vhost.url())
            .env("TOKEN_KEYS", &self.keys)
            .env("LOG_FORMAT", "json")
            .env("RUST_LOG", "info")
            .env("ADMIN_LISTEN", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Actor::enter(command.spawn().expect("the binary is built"), arguments)
    }

    /// A worker with a short lease and call.
    pub(crate) async fn worker(&self) -> Actor {
        let worker =
            self.start(&["worker", "--lease", "6s", "--call-timeout", "3s", "--retry-base", "1s"]).await;
        worker.expect_log("started").await;
        worker
    }

    /// A scheduler that ticks five times a second.
    pub(crate) async fn scheduler(&self) -> Actor {
        let scheduler = self
            .start(&["scheduler", "--tick", "200ms", "--claim-within", "10s", "--retry-base", "1s"])
            .await;
        scheduler.expect_log("started").await;
        scheduler
    }

    /// A log-writer.
    pub(crate) async fn log_writer(&self) -> Actor {
        let writer = self.start(&["log-writer"]).await;
        writer.expect_log("started").await;
        writer
    }

    /// Scheduler, worker and log-writer, as most tests want them.
    pub(crate) async fn crew(&self) -> [Actor; 3] {
        [self.scheduler().await, self.worker().await, self.log_writer().await]
    }

    /// Waits for the stored entry of an attempt.
    pub(crate) async fn entry(&self, attempt: AttemptId) -> Entry {
        eventually("the attempt's entry is stored", || async {
            let entry = self.store.entry_of(attempt).await.expect("the store answers");
            entry.filter(|entry| entry.position.is_some())
        })
        .await
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

    /// An account's state as everyone sees it.
    pub(crate) async fn status(&self, account: AccountId) -> AccountStatus {
        let filter = StatusFilter { account: Some(account), ..StatusFilter::default() };
        let lead = Duration::from_secs(600);
        let rows = self.store.account_status(&filter, lead, 1).await.expect("the store answers");
        rows.into_iter().next().expect("the account has a token")
    }

    /// Lets time pass.
    pub(crate) async fn advance(&self, time: Duration) {
        self.sql(&format!(
            "insert into clock_shift (shift) values (interval '{0} seconds')
             on conflict (one) do update set shift = clock_shift.shift + interval '{0} seconds'",
            time.as_secs_f64()
        ))
        .await;
    }

    /// Runs statements on the stage's database.
    pub(crate) async fn sql(&self, statements: &str) {
        let client = self.database.connect().await;
        in_time("a statement of the test", client.batch_execute(statements))
            .await
            .expect("the statement is good");
    }

    /// A worker like [`Self::worker`], with more, or other, environment.
    pub(crate) async fn worker_with(&self, environment: &[(&str, &str)]) -> Actor {
        let arguments = ["worker", "--lease", "6s", "--call-timeout", "3s", "--retry-base", "1s"];
        let worker = self.start_with(&arguments, environment).await;
        worker.expect_log("started").await;
        worker
    }

    /// Runs `statements` in a transaction that stays open, with all its locks, until the client is
    /// dropped.
    pub(crate) async fn lock(&self, statements: &str) -> tokio_postgres::Client {
        let client = self.database.connect().await;
        let statements = format!("begin; {statements}");
        in_time("a lock of the test", client.batch_execute(&statements))
            .await
            .expect("the statement is good");
        client
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

    /// Stops taking up work: what is under way ends, and nothing more begins.
    pub(crate) async fn pause_everybody(&self) {
        self.sql("update accounts set paused_at = clock()").await;
    }

    /// One value of one row.
    pub(crate) async fn value<T>(&self, query: &str) -> T
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let client = self.database.connect().await;
        in_time("a query of the test", client.query_one(query, &[])).await.expect("the query is good").get(0)
    }
}

/// A refresh token that belongs to `username`, different for each `number`.
pub(crate) fn refresh_token(username: &str, number: u32) -> RefreshToken {
    let text = format!("v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8{}{username}{number:04}==", "Qk9PVA".repeat(50));
    RefreshToken::checked(Zeroizing::new(text)).expect("the stage's tokens are well-formed")
}

/// A bearer token as it is stored.
pub(crate) fn sha256(token: &str) -> CredentialDigest {
    CredentialDigest::of(token)
}
