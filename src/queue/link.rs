//! One connection to the broker, with a limit on everything that waits for it.
//!
//! lapin has no timeout anywhere, so every await of it goes through [`within`]. A connection that
//! does not answer is cut at its socket: lapin's own thread would wait for it for ever.

use std::{
    future::Future,
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsFd,
    sync::{Arc, OnceLock},
    time::Duration,
};

use lapin::{
    AsyncTcpStream, Channel, Connection, ConnectionProperties, ConnectionStatus, tcp::OwnedTLSConfig,
    uri::AMQPScheme,
};
use tokio::{net::lookup_host, time::timeout};

use super::{address::Address, error::QueueError};

/// How long the broker may take to answer a request on an open connection.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long taking leave may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// How often a connection that says nothing is looked at: lapin can lose one without an error.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Waits for `work` of lapin, at most `limit`. `what` names it in the error.
pub(super) async fn within<T>(
    what: &'static str,
    limit: Duration,
    work: impl Future<Output = lapin::Result<T>>,
) -> Result<T, QueueError> {
    match timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(QueueError::Broker { what, source: Box::new(source) }),
        Err(_) => Err(QueueError::Slow { what, limit }),
    }
}

/// How to reach the broker, and the name to appear under.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) address: Arc<Address>,
    pub(super) name: Arc<str>,
}

impl Dial {
    /// Opens a connection that the broker shows under this process's name and `purpose`.
    pub(super) async fn open(&self, purpose: &str) -> Result<Link, QueueError> {
        Link::open(&self.address, &format!("{} {purpose}", self.name)).await
    }
}

/// An open connection. Dropping it cuts it; [`close`](Self::close) takes leave first.
pub(super) struct Link {
    connection: Connection,
    _cutter: Cutter,
}

/// A second handle on a connection's socket, which cuts it when it is dropped.
#[derive(Default)]
struct Cutter(Arc<OnceLock<TcpStream>>);

impl Drop for Cutter {
    fn drop(&mut self) {
        if let Some(socket) = self.0.get() {
            // Fails where the socket is closed already, which is as good.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Link {
    async fn open(address: &Address, name: &str) -> Result<Self, QueueError> {
        let (host, port) = (address.uri.authority.host.as_str(), address.uri.authority.port);
        let resolving = async { Ok(lookup_host((host, port)).await?.collect::<Vec<_>>()) };
        let found = within("finding its address", address.dial_limit, resolving).await?;
        Self::open_first(address, &found, name).await
    }

    /// Connects to the first of `found` that answers; each has its own time.
    async fn open_first(address: &Address, found: &[SocketAddr], name: &str) -> Result<Self, QueueError> {
        let mut failed = QueueError::Lost;
        for at in found {
            match Self::open_at(address, *at, name).await {
                // What a broker refuses, its neighbours refuse too.
                Err(error) if error.refusal().is_none() => failed = error,
                opened => return opened,
            }
        }
        Err(failed)
    }

    async fn open_at(address: &Address, at: SocketAddr, name: &str) -> Result<Self, QueueError> {
        let runtime = lapin::runtime::default_runtime()
            .map_err(|source| QueueError::Broker { what: "starting", source: Box::new(source) })?;
        let cutter = Cutter::default();
        let socket = Arc::clone(&cutter.0);
        let dialled = address.clone();
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connecting = Connection::connector(
            address.uri.clone(),
            runtime,
            // Dialled here and not by lapin, which waits for ever for a silent host or TLS peer.
            async move |_, runtime| {
                let dialling = async {
                    let stream = AsyncTcpStream::connect(&runtime, vec![at]).await?;
                    if let AsyncTcpStream::Plain(plain) = &stream {
                        let handle = plain.get_ref().as_fd().try_clone_to_owned()?;
                        let _ = socket.set(TcpStream::from(handle));
                    }
                    let host = dialled.uri.authority.host.as_str();
                    match dialled.uri.scheme {
                        AMQPScheme::AMQP => Ok(stream),
                        AMQPScheme::AMQPS => stream.into_tls(host, OwnedTLSConfig::default().as_ref()).await,
                    }
                };
                let slow = |_| io::Error::from(io::ErrorKind::TimedOut);
                Ok(timeout(dialled.dial_limit, dialling).await.map_err(slow)??)
            },
            properties,
        );
        let limit = address.dial_limit + address.handshake_limit;
        let connection = within("connecting", limit, connecting).await?;
        Ok(Self { connection, _cutter: cutter })
    }

    /// A fresh channel.
    pub(super) async fn channel(&self) -> Result<Channel, QueueError> {
        within("opening a channel", ANSWER_LIMIT, self.connection.create_channel()).await
    }

    /// Whether lapin still holds it for open.
    pub(super) fn alive(&self) -> bool {
        self.connection.status().connected()
    }

    /// Its state, to be looked at from elsewhere.
    pub(super) fn status(&self) -> ConnectionStatus {
        self.connection.status().clone()
    }

    /// Takes leave of the broker if it answers soon, and cuts.
    pub(super) async fn close(self) {
        if self.alive() {
            let closing = self.connection.close(200, "OK".into());
            // Whatever came of it, the socket is cut when `self` is dropped.
            let _ = within("closing", CLOSE_LIMIT, closing).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::{
        io::AsyncReadExt,
        net::{TcpListener, TcpSocket},
    };

    use super::*;

    const WELCOME: &[u8] = b"AMQP\x00\x00\x09\x01";

    /// An address whose host drops whoever knocks, and what keeps it so.
    async fn silent() -> (SocketAddr, impl Sized) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let listener = socket.listen(0).expect("it listens");
        let address = listener.local_addr().expect("it is bound");
        let mut waiting = Vec::new();
        let brief = Duration::from_millis(200);
        // Until the queue of those who wait to be accepted is full.
        while let Ok(connected) = timeout(brief, tokio::net::TcpStream::connect(address)).await {
            waiting.push(connected.expect("it is taken into the queue"));
        }
        (address, (listener, waiting))
    }

    async fn expect_second_reached(first: SocketAddr, url: &str, limit: Duration) {
        let second = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let found = [first, second.local_addr().expect("it is bound")];
        let address = Address::parse(url).expect("an address");
        let began = Instant::now();
        let greeted = async {
            let (mut client, _) = second.accept().await.expect("a client");
            let mut greeting = [0; 8];
            client.read_exact(&mut greeting).await.expect("it speaks first");
            greeting
        };
        tokio::select! {
            greeting = timeout(limit, greeted) => assert_eq!(greeting.expect("it is reached in time"), *WELCOME),
            opened = Link::open_first(&address, &found, "it") => panic!("ended after {:?}: {:?}", began.elapsed(), opened.err()),
        }
    }

    #[tokio::test]
    async fn the_second_address_is_reached_where_the_first_is_silent() {
        let (address, _full) = silent().await;
        expect_second_reached(address, "amqp://broker", Duration::from_secs(5)).await;
        expect_second_reached(address, "amqp://broker?connection_timeout=300", Duration::from_secs(2)).await;
    }

    #[tokio::test]
    async fn the_second_address_is_reached_where_the_first_accepts_and_says_nothing() {
        let mute = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = mute.local_addr().expect("it is bound");
        expect_second_reached(address, "amqp://broker?connection_timeout=300", Duration::from_secs(2)).await;
    }
}
