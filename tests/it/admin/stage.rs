//! An API in this process, with users, accounts and entries.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use token_refresh::admin::{self, AdminParts};
use token_refresh::connect_log::Feed;
use token_refresh::crypto::{Keyring, SealContext};
use token_refresh::domain::account::{AccountId, AttemptId, Environment, KeysetId, OrgId, Role, UserId};
use token_refresh::domain::class::Class;
use token_refresh::domain::credential::CredentialDigest;
use token_refresh::message::{Draft, Entry, Runner, Source, Subject};
use token_refresh::queue::Broker;
use token_refresh::store::{EntryRow, ImportToken, Membership, NewAccount, NewKeyset, PoolSettings, Store};
use token_refresh::vital::Vitals;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::database::TestDatabase;
use crate::support::stage::{DEAD, MustFinish};
use crate::support::vhost::TestVhost;
use crate::support::{PATIENCE, in_time, install_tls_provider};

/// A refresh token that belongs to nobody.
pub(super) const REFRESH_TOKEN: &str = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8yOjE5RkRDQ0VEQkQ";

/// A database, a virtual host, and an API over them.
pub(super) struct Stage {
    pub(super) store: Store,
    pub(super) broker: Broker,
    pub(super) server: Server,
    keyring: Arc<Keyring>,
    keysets: [(Environment, KeysetId); 2],
    /// Entries that no attempt made.
    made_up: Mutex<HashSet<AttemptId>>,
    leases: i64,
    must: MustFinish,
    // Last, so that they outlive what is connected to them.
    pub(super) database: TestDatabase,
    pub(super) vhost: TestVhost,
}

/// One process's API.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// A user and its bearer token.
pub(super) struct User {
    pub(super) id: UserId,
    pub(super) token: String,
}

impl Stage {
    /// A stage whose API reaches both servers directly.
    pub(super) async fn start() -> Self {
        let (database, vhost) = tokio::join!(TestDatabase::migrated(), TestVhost::create());
        let (database_url, amqp_url) = (database.url().to_owned(), vhost.url().to_owned());
        Self::start_through(database, &database_url, vhost, &amqp_url).await
    }

    /// A stage whose API reaches the servers at the addresses given, which may lead through proxies.
    pub(super) async fn start_through(
        database: TestDatabase,
        database_url: &str,
        vhost: TestVhost,
        amqp_url: &str,
    ) -> Self {
        install_tls_provider();
        let direct = Store::new(database.url(), &PoolSettings::default()).expect("the test's address");
        let topology = Broker::new(vhost.url(), "topology").expect("the test's address");
        assert!(topology.declare_topology().await.expect("an empty virtual host").is_empty());
        let keyring = Keyring::parse(&format!("k1:{}", Keyring::generate_key())).expect("one good key");
        let mut keysets = Vec::new();
        for environment in [Environment::Production, Environment::Sandbox] {
            keysets.push((environment, put_keyset(&direct, &keyring, environment).await));
        }
        let store = Store::new(database_url, &PoolSettings::default()).expect("the test's address");
        let broker = Broker::new(amqp_url, "api").expect("the test's address");
        let keyring = Arc::new(keyring);
        let server = serve(&store, &broker, &keyring).await;
        let keysets = keysets.try_into().expect("two keysets");
        let (made_up, leases, must) = (Mutex::default(), 0, MustFinish::default());
        Self { store, broker, server, keyring, keysets, made_up, leases, must, database, vhost }
    }

    /// The story leaves so many attempts under way.
    pub(super) fn expect_leases(&mut self, count: i64) {
        self.leases = count;
    }

    /// Ends the story: the API stops, no message is dead, and every attempt is accounted for (G1).
    pub(super) async fn finish(mut self) {
        self.must.finishes();
        self.server.stop().await;
        for queue in DEAD {
            assert_eq!(self.vhost.depth(queue).await, 0, "dead letters in {queue}");
        }
        let direct = Store::new(self.database.url(), &PoolSettings::default()).expect("the test's address");
        let health = direct.health(None).await.expect("the store answers");
        let made_up = self.made_up.into_inner().expect("nobody panicked").len();
        let made_up = i64::try_from(made_up).expect("few");
        assert_eq!((health.missing, health.in_flight), (-made_up, self.leases), "{health:?}");
    }

    /// Stops the API, as a process's end would, and starts another one.
    pub(super) async fn restart(&mut self) {
        let next = serve(&self.store, &self.broker, &self.keyring).await;
        std::mem::replace(&mut self.server, next).stop().await;
    }

    pub(super) async fn org(&self, name: &str) -> OrgId {
        let org = self.store.put_org(name).await.expect("an org");
        for (_, keyset) in self.keysets {
            self.store.lend_keyset(keyset, org).await.expect("a keyset is lent");
        }
        org
    }

    pub(super) async fn user(&self, name: &str, memberships: &[(OrgId, Role)]) -> User {
        self.any_user(name, false, memberships).await
    }

    pub(super) async fn platform_admin(&self) -> User {
        self.any_user("root", true, &[]).await
    }

    async fn any_user(&self, name: &str, platform_admin: bool, memberships: &[(OrgId, Role)]) -> User {
        let token = format!("tr_{name}_{}", AttemptId::fresh());
        let memberships: Vec<Membership> =
            memberships.iter().map(|(org, role)| Membership { org: *org, role: *role }).collect();
        let digest = CredentialDigest::of(&token);
        let id = self.store.put_user(name, platform_admin, &memberships, digest, 1).await.expect("a user");
        User { id, token }
    }

    /// An account with a token.
    pub(super) async fn account(&self, org: OrgId, environment: Environment, username: &str) -> Subject {
        let subject = self.account_without_token(org, environment, username).await;
        let context = SealContext::refresh_token(subject.account_id, environment);
        let token = ImportToken {
            account: subject.account_id,
            sealed: self.keyring.seal(&context, REFRESH_TOKEN),
            sha256: Sha256::digest(REFRESH_TOKEN).into(),
            refresh_expires_at: None,
            replace: false,
            by: "cli:test".into(),
        };
        self.store.import_token(&token).await.expect("a token");
        subject
    }

    pub(super) async fn account_without_token(
        &self,
        org: OrgId,
        environment: Environment,
        username: &str,
    ) -> Subject {
        let (_, keyset) =
            *self.keysets.iter().find(|(of, _)| *of == environment).expect("one keyset per environment");
        let account =
            NewAccount { org, keyset, environment, username, ebay_user_id: None, house_name: Some("House") };
        let (account_id, _) = self.store.put_account(&account).await.expect("an account");
        Subject {
            account_id,
            org_id: org,
            environment,
            username: username.to_owned(),
            house_name: Some("House".into()),
        }
    }

    /// An entry that is neither stored nor announced.
    pub(super) async fn entry(&self, of: &Subject, source: Source, class: Class, by: Option<&str>) -> Entry {
        let runner = Runner { instance: "worker-test".into(), version: "0.0.0".into() };
        let mut draft = Draft::without_exchange(AttemptId::fresh(), of, source, class, &runner);
        draft.entry_mut().triggered_by = by.map(str::to_owned);
        draft.stamp(self.store.clock().await.expect("the database's time"))
    }

    /// Stores entries the way a finish and the log-writer do: through the outbox.
    pub(super) async fn keep(&self, entries: &[Entry]) {
        let client = self.database.connect().await;
        let insert = "insert into connect_log_outbox
            (id, created_at, org_id, account_id, environment, action, source, class, body)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        for row in entries.iter().map(EntryRow::from) {
            let (environment, action, source) = (&row.environment, &row.action, &row.source);
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
                &row.id,
                &row.created_at,
                &row.org_id,
                &row.account_id,
                environment,
                action,
                source,
                &row.class,
                &row.body,
            ];
            client.execute(insert, &params).await.expect("a good entry");
        }
        let ids: Vec<AttemptId> = entries.iter().map(|entry| entry.id).collect();
        self.made_up.lock().expect("nobody panicked").extend(&ids);
        self.store.store_entries(&ids).await.expect("good entries are stored");
    }

    /// A stored entry.
    pub(super) async fn stored(&self, of: &Subject, source: Source, class: Class, by: Option<&str>) -> Entry {
        let entry = self.entry(of, source, class, by).await;
        self.keep(std::slice::from_ref(&entry)).await;
        entry
    }

    pub(super) async fn get(&self, user: &User, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(&user.token)).await
    }

    pub(super) async fn post(&self, user: &User, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).bearer_auth(&user.token).json(body)).await
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("http://{}{path}", self.server.address))
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the API answers");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.expect("a whole answer") }
    }
}

impl Server {
    /// Stops it and insists that it ends.
    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        in_time("the end of the API", self.serving).await.expect("no panic");
    }
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Insists on a status, and returns the body.
    pub(super) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Insists on a problem document of this status, and returns its detail.
    pub(super) fn expect_problem(&self, status: u16) -> String {
        let problem = self.expect(status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem["detail"].as_str().expect("looked at above").to_owned()
    }

    /// The ids of the entries of a page, newest first.
    pub(super) fn entry_ids(&self) -> Vec<String> {
        let page = self.expect(200);
        let entries = page["entries"].as_array().expect("entries");
        entries.iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
    }
}

/// Paths in which an account stands.
pub(super) fn account_path(account: AccountId, last: &str) -> String {
    format!("/api/admin/ebay/tokens/{account}/{last}")
}

pub(super) fn client() -> Client {
    Client::builder().read_timeout(PATIENCE * 2).no_proxy().build().expect("the TLS provider is installed")
}

async fn serve(store: &Store, broker: &Broker, keyring: &Arc<Keyring>) -> Server {
    let shutdown = CancellationToken::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let parts = AdminParts {
        store: store.clone(),
        broker: broker.clone(),
        keyring: Arc::clone(keyring),
        feed: Feed::start(store.clone(), broker, shutdown.clone()),
        lead: Duration::from_secs(600),
        vitals: Vitals::default(),
    };
    let serving = tokio::spawn(admin::serve(listener, parts, shutdown.clone()));
    Server { address, shutdown, serving }
}

async fn put_keyset(store: &Store, keyring: &Keyring, environment: Environment) -> KeysetId {
    let id = KeysetId::fresh();
    let keyset = NewKeyset {
        id,
        environment,
        client_id: format!("App-{environment}"),
        client_secret: keyring.seal(&SealContext::client_secret(id, environment), "the-client-secret"),
        daily_quota: 1_000,
        api_url: None,
    };
    store.put_keyset(&keyset, &[]).await.expect("a keyset");
    id
}
