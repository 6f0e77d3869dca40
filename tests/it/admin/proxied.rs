//! Behind a proxy that knows nothing of us, and behind a balancer that keeps connections.

use std::time::{Duration, Instant};

use token_refresh::domain::account::{Environment, Role};
use token_refresh::domain::class::Class;
use token_refresh::message::Source;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Stage, client};
use crate::support::nginx::Nginx;
use crate::support::{in_time, let_pass};

/// Longer than a balancer keeps an idle connection: AWS's and nginx's do for a minute.
const BALANCERS_IDLE: Duration = Duration::from_secs(62);
/// A proxy that collects an answer gives it on after many more seconds.
const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_stream_comes_at_once_through_an_nginx_with_nothing_but_proxy_pass() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let nginx = Nginx::before(stage.server.address, "/", "").await;
    let url = format!("{}/api/admin/ebay/tokens/terminal-logs/stream", nginx.url());
    let began = Instant::now();
    let mut stream = client().get(url).bearer_auth(&user.token).send().await.expect("nginx answers");
    assert_eq!(stream.status(), 200);
    let mut read = String::new();
    read_until(&mut stream, &mut read, "event: live").await;
    assert!(began.elapsed() < AT_ONCE, "the beginning came after {:?}", began.elapsed());
    let kept = Instant::now();
    let entry = stage.stored(&account, Source::Debug, Class::Refreshed, None).await;
    read_until(&mut stream, &mut read, &entry.id.to_string()).await;
    assert!(kept.elapsed() < AT_ONCE, "the entry came after {:?}", kept.elapsed());
    drop(stream);
    stage.finish().await;
}

async fn read_until(stream: &mut reqwest::Response, read: &mut String, text: &str) {
    while !read.contains(text) {
        let chunk = in_time(text, stream.chunk()).await.expect("a stream").expect("it goes on");
        read.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
}

#[tokio::test]
async fn a_kept_connection_may_idle_longer_than_a_balancer_keeps_it() {
    let stage = Stage::start().await;
    let mut connection = TcpStream::connect(stage.server.address).await.expect("it listens");
    for idle in [BALANCERS_IDLE, Duration::ZERO] {
        connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it is open");
        let mut answer = [0; 512];
        let read = in_time("an answer", connection.read(&mut answer)).await.expect("it is open");
        assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
        let_pass(idle).await;
    }
    drop(connection);
    stage.finish().await;
}
