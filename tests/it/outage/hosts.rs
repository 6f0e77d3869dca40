//! Of several hosts, the first that serves is taken.

use std::time::{Duration, Instant};

use reqwest::Url;
use token_refresh::store::{PoolSettings, Store};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{database::TestDatabase, proxy::Proxy};

/// The test's database, with `first` (`host:port`) before its own host.
fn behind(first: &str, database: &TestDatabase, query: &str) -> Store {
    let url = Url::parse(database.url()).expect("the test's address is a URL");
    let own = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(5432));
    let both = database.url().replacen(&own, &format!("{first},{own}"), 1);
    Store::new(&format!("{both}?{query}"), &PoolSettings::default()).expect("the test's address")
}

async fn expect_served(store: &Store, limit: Duration) {
    let began = Instant::now();
    store.ping().await.expect("the second host serves");
    assert!(began.elapsed() < limit, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_host_that_accepts_and_says_nothing_is_passed_over_in_seconds() {
    let database = TestDatabase::migrated().await;
    let (proxy, _) = Proxy::before(database.url()).await;
    proxy.stall();
    let first = proxy.addr().to_string();
    expect_served(&behind(&first, &database, ""), Duration::from_secs(5)).await;
    expect_served(&behind(&first, &database, "connect_timeout=1"), Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_host_that_drops_who_knocks_is_passed_over_in_seconds() {
    let database = TestDatabase::migrated().await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let listener = socket.listen(0).expect("it listens");
    let first = listener.local_addr().expect("it is bound");
    let mut waiting = Vec::new();
    // Until the queue of those who wait to be accepted is full.
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(first)).await
    {
        waiting.push(connected.expect("it is taken into the queue"));
    }
    expect_served(&behind(&first.to_string(), &database, ""), Duration::from_secs(5)).await;
    expect_served(&behind(&first.to_string(), &database, "connect_timeout=1"), Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_silent_host_alone_is_told_of_by_name_and_in_time() {
    let database = TestDatabase::migrated().await;
    let (proxy, url) = Proxy::before(database.url()).await;
    proxy.stall();
    let store =
        Store::new(&format!("{url}?connect_timeout=1"), &PoolSettings::default()).expect("an address");
    let began = Instant::now();
    let error = store.ping().await.expect_err("nobody answers");
    assert!(error.is_transient() && began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let told = std::error::Error::source(&error).expect("a reason").to_string();
    assert_eq!(told, format!("{} did not answer within 1s", proxy.addr()));
}

#[tokio::test]
async fn a_host_that_cannot_write_does_not_serve() {
    let (standby, primary) = (TestDatabase::migrated().await, TestDatabase::migrated().await);
    let change = format!("alter database {} set default_transaction_read_only = on", standby.name());
    standby.connect().await.batch_execute(&change).await.expect("SQL");
    let store = Store::new(standby.url(), &PoolSettings::default()).expect("the test's address");
    let error = store.ping().await.expect_err("it cannot write");
    assert!(error.is_transient(), "{error:?}");
    let any = format!("{}?target_session_attrs=any", standby.url());
    let store = Store::new(&any, &PoolSettings::default()).expect("the test's address");
    store.ping().await.expect("the URL says that it does");
    let store = Store::new(primary.url(), &PoolSettings::default()).expect("the test's address");
    store.ping().await.expect("it writes");
}
