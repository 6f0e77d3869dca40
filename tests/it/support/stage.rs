//! A stage: the whole system on a database and a virtual host of its own, with the real binary's
//! processes for actors and the fake eBay for an audience.
//!
//! Time passes on the stage's clock only: [`Stage::advance`] moves SQL `clock()`, so hours cost nothing.
//! Every story ends with [`Stage::finish`], which holds what must be true after any of them.

use std::time::Duration;

use token_refresh::{
    crypto::Keyring,
    domain::{
        account::{Environment, KeysetId, OrgId, Role, UserId},
        credential::CredentialDigest,
    },
    fake_ebay::FakeEbay,
    queue::Broker,
    store::{Membership, PoolSettings, Store},
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::finish::Ending;
pub(crate) use self::{
    finish::{DEAD, MustFinish},
    sellers::refresh_token,
};
pub(crate) use super::actor::Actor;
use super::{database::TestDatabase, in_time, vhost::TestVhost};

mod cast;
mod finish;
mod sellers;
mod waits;

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
    pub(super) ending: Ending,
    _fake: DropGuard,
}

impl Stage {
    /// Sets an empty stage: schema, topology, one org, one user, one keyset that calls the fake.
    pub(crate) async fn set() -> Self {
        Self::on(TestDatabase::migrated().await, TestVhost::create().await).await
    }

    /// The same on servers of the story's own.
    pub(crate) async fn on(database: TestDatabase, vhost: TestVhost) -> Self {
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
            ending: Ending::default(),
            _fake: stop.drop_guard(),
        };
        stage.keyset = stage.keyset(CLIENT_ID, CLIENT_SECRET, 50_000).await;
        stage
    }

    /// Runs statements on the stage's database.
    pub(crate) async fn sql(&self, statements: &str) {
        let client = self.database.connect().await;
        in_time("a statement of the test", client.batch_execute(statements))
            .await
            .expect("the statement is good");
    }

    /// One value of one row.
    pub(crate) async fn value<T>(&self, query: &str) -> T
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let client = self.database.connect().await;
        in_time("a query of the test", client.query_one(query, &[])).await.expect("the query is good").get(0)
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

    /// Lets time pass.
    pub(crate) async fn advance(&self, time: Duration) {
        self.sql(&format!(
            "insert into clock_shift (shift) values (interval '{0} seconds')
             on conflict (one) do update set shift = clock_shift.shift + interval '{0} seconds'",
            time.as_secs_f64()
        ))
        .await;
    }
}

/// A bearer token as it is stored.
pub(crate) fn sha256(token: &str) -> CredentialDigest {
    CredentialDigest::of(token)
}
