//! The tests' own support against the real servers.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use token_refresh::store::{PoolSettings, SchemaMismatch, Store, migrate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::support::database::{TestDatabase, admin, drop_stale, find_or_make_template};
use crate::support::proxy::{Direction, Proxy};
use crate::support::servers::servers;
use crate::support::vhost::TestVhost;
use crate::support::{eventually, in_time};

/// Long enough for a byte to cross loopback many times, so that its absence means something.
const SILENCE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_database_is_made_and_dropped() {
    let database = TestDatabase::create().await;
    let client = database.connect().await;
    let row = client.query_one("select current_database()", &[]).await.expect("a query");
    let name: String = row.get(0);
    assert_eq!(name, database.name());

    drop(database);
    assert!(!database_exists(&name).await, "a connection that is open does not keep it");
}

#[tokio::test]
async fn a_panicking_test_drops_its_database_and_virtual_host() {
    let panicked = tokio::spawn(async {
        let database = TestDatabase::create().await;
        let vhost = TestVhost::create().await;
        std::panic::panic_any((database.name().to_owned(), vhost.name().to_owned()));
    })
    .await
    .expect_err("it panics");
    let names = panicked.into_panic().downcast::<(String, String)>().expect("the names were thrown");
    assert!(!database_exists(&names.0).await);
    assert!(!vhost_exists(&names.1).await);
}

#[tokio::test]
async fn a_template_is_migrated_once_and_its_copies_are_apart() {
    let migrations = AtomicU32::new(0);
    let migrate = async |url: String| {
        migrations.fetch_add(1, Ordering::Relaxed);
        let (client, connection) =
            tokio_postgres::connect(&url, NoTls).await.expect("the template's database");
        let connection = tokio::spawn(connection);
        client.batch_execute("create table ledger as select 'first' as line").await.expect("SQL");
        drop(client);
        connection.await.expect("no panic").expect("a clean end");
    };
    let digest = random_digits();
    let (template, same) =
        tokio::join!(find_or_make_template(&digest, migrate), find_or_make_template(&digest, migrate));
    assert_eq!((template.as_str(), migrations.load(Ordering::Relaxed)), (same.as_str(), 1));

    let one = TestDatabase::create_from(Some(&template)).await;
    let other = TestDatabase::create_from(Some(&template)).await;
    let writer = one.connect().await;
    writer.execute("insert into ledger values ('second')", &[]).await.expect("SQL");
    let reader = other.connect().await;
    let lines = reader.query("select line from ledger", &[]).await.expect("SQL");
    assert_eq!(lines.len(), 1, "a copy has the template's row and nobody else's");

    admin().await.batch_execute(&format!("drop database {template} with (force)")).await.expect("SQL");
}

#[tokio::test]
async fn a_migrated_database_has_the_schema_of_this_crate() {
    let (one, other) = tokio::join!(TestDatabase::migrated(), TestDatabase::migrated());
    for database in [one, other] {
        let store = Store::new(database.url(), &PoolSettings::default()).expect("an address");
        store.schema().await.expect("the database answers").check().expect("the schema of this crate");
    }
}

#[tokio::test]
async fn a_schema_of_another_set_of_migrations_is_refused_by_name() {
    for differs in ["name = 'orgs'", "checksum = '1'"] {
        let database = TestDatabase::migrated().await;
        let client = database.connect().await;
        let change = format!("update refinery_schema_history set {differs} where version = 2");
        assert_eq!(client.execute(&change, &[]).await.expect("SQL"), 1);
        let tables = async || {
            let count = "select count(*) from information_schema.tables where table_schema = 'public'";
            client.query_one(count, &[]).await.expect("SQL").get::<_, i64>(0)
        };
        let before = tables().await;
        let store = Store::new(database.url(), &PoolSettings::default()).expect("an address");
        let told = migrate(&store).await.expect_err("another set").to_string();
        assert!(told.contains("an earlier, unreleased set") && told.contains("made anew"), "{told}");
        let mismatch = store.schema().await.expect("the database answers").check();
        assert!(matches!(mismatch, Err(SchemaMismatch::OtherSet { version: 2, .. })), "{mismatch:?}");
        assert_eq!(tables().await, before);
    }
}

#[tokio::test]
async fn databases_of_killed_runs_are_swept() {
    // The time of this UUIDv7 is the year 2020.
    let killed = format!("it_016f5e66e8007000{}", random_digits());
    admin().await.batch_execute(&format!("create database {killed}")).await.expect("SQL");
    drop_stale().await;
    assert!(!database_exists(&killed).await);
}

#[tokio::test]
async fn raw_messages_are_published_counted_read_and_purged() {
    let vhost = TestVhost::create().await;
    let channel = quorum_queue(&vhost, "box").await;
    let properties = BasicProperties::default().with_message_id("m1".into()).with_type("raw".into());
    vhost.publish("", "box", b"{\"not\": json", properties).await;
    vhost.publish("", "box", b"second", BasicProperties::default()).await;
    vhost.expect_depth("box", 2).await;

    let seen = vhost.peek("box", 1).await;
    assert_eq!((seen.len(), seen[0].payload.as_str(), seen[0].redelivered), (1, "{\"not\": json", false));
    assert_eq!((seen[0].exchange.as_str(), seen[0].routing_key.as_str()), ("", "box"));
    assert_eq!(
        (&seen[0].properties["message_id"], &seen[0].properties["type"]),
        (&"m1".into(), &"raw".into())
    );
    vhost.expect_depth("box", 2).await;

    let taken = vhost.take("box", 1).await;
    assert_eq!((taken[0].payload.as_str(), taken[0].redelivered), ("{\"not\": json", true));
    vhost.expect_depth("box", 1).await;
    vhost.purge("box").await;
    vhost.expect_depth("box", 0).await;
    drop(channel);
}

#[tokio::test]
async fn queues_are_listed_with_what_waits_and_what_is_held() {
    let vhost = TestVhost::create().await;
    let channel = quorum_queue(&vhost, "box").await;
    quorum_queue(&vhost, "another").await;
    vhost.publish("", "box", b"one", BasicProperties::default()).await;
    vhost.publish("", "box", b"two", BasicProperties::default()).await;
    let held =
        channel.basic_get("box".into(), lapin::options::BasicGetOptions::default()).await.expect("a message");
    assert!(held.is_some());
    let listed = eventually("the broker's statistics show one held and one waiting message", || async {
        let queues = vhost.queues().await;
        let settled =
            queues.iter().any(|queue| queue.messages_ready == 1 && queue.messages_unacknowledged == 1);
        settled.then_some(queues)
    })
    .await;
    assert_eq!(listed.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["another", "box"]);
}

#[tokio::test]
async fn connections_to_a_virtual_host_are_closed() {
    let vhost = TestVhost::create().await;
    let connection = vhost.connect().await;
    eventually("the broker's statistics know the connection", || async {
        (vhost.close_connections().await == 1).then_some(())
    })
    .await;
    eventually("the client sees the end", || async { (!connection.status().connected()).then_some(()) })
        .await;
    drop(vhost.connect().await);
}

#[tokio::test]
async fn a_proxy_carries_queries_and_amqp() {
    let database = TestDatabase::create().await;
    let (_database_proxy, url) = Proxy::before(database.url()).await;
    let (client, connection) =
        tokio_postgres::connect(&url, NoTls).await.expect("PostgreSQL through the proxy");
    tokio::spawn(connection);
    // Many times the proxy's buffer, in one answer.
    let row = client.query_one("select repeat('x', 5000000)", &[]).await.expect("a query");
    assert_eq!(row.get::<_, String>(0).len(), 5_000_000);

    let vhost = TestVhost::create().await;
    let (_vhost_proxy, url) = Proxy::before(vhost.url()).await;
    let through = lapin::Connection::connect(&url, lapin::ConnectionProperties::default());
    let connection = in_time("AMQP through the proxy", through).await.expect("RabbitMQ through the proxy");
    connection.create_channel().await.expect("a channel");
}

#[tokio::test]
async fn a_cut_resets_what_stands_and_serves_what_follows() {
    let proxy = Proxy::start(&echo_server().await).await;
    let mut standing = TcpStream::connect(proxy.addr()).await.expect("the proxy listens");
    assert_eq!(echo(&mut standing, b"a").await, b"a");
    proxy.cut();
    let error = in_time("the reset", standing.read_u8()).await.expect_err("the connection ends");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);

    let mut next = TcpStream::connect(proxy.addr()).await.expect("the proxy listens");
    assert_eq!(echo(&mut next, b"b").await, b"b");
}

#[tokio::test]
async fn a_stall_holds_bytes_and_loses_none() {
    let proxy = Proxy::start(&echo_server().await).await;
    let mut client = TcpStream::connect(proxy.addr()).await.expect("the proxy listens");
    assert_eq!(echo(&mut client, b"a").await, b"a");
    for stall in [Proxy::stall as fn(&Proxy), |proxy| proxy.stall_one(Direction::ToClient)] {
        stall(&proxy);
        client.write_all(b"held").await.expect("the proxy takes bytes");
        let mut answer = [0; 4];
        let silent = tokio::time::timeout(SILENCE, client.read_exact(&mut answer)).await;
        assert!(silent.is_err(), "nothing comes through");
        proxy.resume();
        in_time("the held bytes", client.read_exact(&mut answer)).await.expect("they come");
        assert_eq!(&answer, b"held");
    }

    proxy.stall();
    proxy.cut();
    in_time("the reset of a stalled connection", client.read_u8()).await.expect_err("a cut ends it");
}

#[tokio::test]
async fn a_refusing_proxy_has_no_listener() {
    let proxy = Proxy::start(&echo_server().await).await;
    let mut standing = TcpStream::connect(proxy.addr()).await.expect("the proxy listens");
    assert_eq!(echo(&mut standing, b"a").await, b"a");
    proxy.refuse(true).await;
    let refused = TcpStream::connect(proxy.addr()).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(echo(&mut standing, b"b").await, b"b", "what stands is left alone");

    proxy.refuse(false).await;
    let mut next = TcpStream::connect(proxy.addr()).await.expect("the proxy listens again");
    assert_eq!(echo(&mut next, b"c").await, b"c");
}

#[tokio::test]
async fn a_delay_is_latency_and_no_bottleneck() {
    let proxy = Proxy::start(&echo_server().await).await;
    let mut client = TcpStream::connect(proxy.addr()).await.expect("the proxy listens");
    let delay = Duration::from_millis(100);
    proxy.delay(delay);
    let began = Instant::now();
    let many = vec![7; 300_000];
    assert!(echo(&mut client, &many).await == many);
    let took = began.elapsed();
    assert!(took >= 2 * delay, "each way takes the delay, but it took {took:?}");
    assert!(took < 20 * delay, "pieces wait beside each other, but it took {took:?}");
}

#[tokio::test]
async fn an_end_and_an_unreachable_server_are_passed_on() {
    let proxy = Proxy::start(&echo_server().await).await;
    let mut client = TcpStream::connect(proxy.addr()).await.expect("the proxy listens");
    client.write_all(b"last").await.expect("the proxy takes bytes");
    client.shutdown().await.expect("an open connection");
    let mut answer = Vec::new();
    in_time("the end", client.read_to_end(&mut answer)).await.expect("a clean end");
    assert_eq!(answer, b"last");

    let free =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port").local_addr().expect("bound");
    let proxy = Proxy::start(&free.to_string()).await;
    let mut client = TcpStream::connect(proxy.addr()).await.expect("the proxy listens");
    in_time("the end", client.read_u8()).await.expect_err("nobody is behind the proxy");
}

/// A durable quorum queue, and the channel it was declared on.
async fn quorum_queue(vhost: &TestVhost, name: &str) -> Channel {
    let channel = vhost.connect().await.create_channel().await.expect("a channel");
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), durable, arguments).await.expect("a queue");
    channel
}

/// A server that answers with what it is sent.
async fn echo_server() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                // A reset ends the copy with an error, which is what a cut is for.
                drop(tokio::io::copy(&mut from, &mut to).await);
                drop(to.shutdown().await);
            });
        }
    });
    address.to_string()
}

/// Sends `bytes` and reads as many back.
async fn echo(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    let (mut from, mut to) = stream.split();
    let mut answer = vec![0; bytes.len()];
    let exchange = async { tokio::try_join!(to.write_all(bytes), from.read_exact(&mut answer)) };
    in_time("an echo", exchange).await.expect("an open connection");
    answer
}

/// Sixteen hexadecimal digits that no other run has.
fn random_digits() -> String {
    Uuid::now_v7().simple().to_string()[16..].to_owned()
}

async fn database_exists(name: &str) -> bool {
    let found = admin().await.query_opt("select from pg_database where datname = $1", &[&name]).await;
    found.expect("pg_database can be read").is_some()
}

async fn vhost_exists(name: &str) -> bool {
    let (base, _) = servers().await.amqp.rsplit_once('/').expect("AMQP_URL names a virtual host");
    let url = format!("{base}/{name}");
    let connecting = lapin::Connection::connect(&url, lapin::ConnectionProperties::default());
    in_time("an answer of the broker", connecting).await.is_ok()
}
