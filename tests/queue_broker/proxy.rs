//! A way to the broker that can fall silent.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::stage::setting;

/// A way to the broker that can fall silent: nothing is cut, nothing comes through.
pub(super) struct Proxy {
    pub(super) port: u16,
    pub(super) stalled: tokio::sync::watch::Sender<bool>,
    pub(super) connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub(super) async fn to_broker() -> Self {
        let url = setting("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672");
        let rest = url.split("://").nth(1).expect("a URL");
        let authority = rest.split(['/', '?']).next().expect("a first part");
        let host = authority.rsplit('@').next().expect("a host").to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (stalled, watched) = tokio::sync::watch::channel(false);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (host, watched) = (host.clone(), watched.clone());
                tokio::spawn(async move {
                    let server = tokio::net::TcpStream::connect(host).await.expect("the broker listens");
                    let ((from_client, to_client), (from_server, to_server)) =
                        (client.into_split(), server.into_split());
                    tokio::join!(
                        pump(from_client, to_server, watched.clone()),
                        pump(from_server, to_client, watched)
                    );
                });
            }
        });
        Self { port, stalled, connections }
    }

    pub(super) fn url(&self, user: &str, vhost: &str) -> String {
        format!("amqp://{user}@127.0.0.1:{}/{vhost}?heartbeat=1&connection_timeout=500", self.port)
    }

    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub(super) async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut stalled: tokio::sync::watch::Receiver<bool>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if stalled.wait_for(|stalled| !stalled).await.is_err()
            || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
}
