//! A TCP proxy between our processes and a server, which cuts, holds, delays and refuses.
//!
//! It runs in the runtime of the test that starts it and ends with its value.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// Which bytes are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Those that a client sends.
    ToServer,
    /// Those that the server answers.
    ToClient,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mode {
    refuses: bool,
    holds_to_server: bool,
    holds_to_client: bool,
    delay: Duration,
    /// Raised by each cut: a connection that began under a lower one ends.
    cuts: u64,
    /// Connections with a lower number are held in both directions.
    holds_below: u64,
}

impl Mode {
    fn holds(self, direction: Direction, number: u64) -> bool {
        number < self.holds_below
            || match direction {
                Direction::ToServer => self.holds_to_server,
                Direction::ToClient => self.holds_to_client,
            }
    }
}

/// A proxy on loopback in front of one server.
pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    listens: watch::Receiver<bool>,
    /// Connections so far; the next one gets this number.
    accepted: Arc<AtomicU64>,
    /// Connections that have not ended.
    standing: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and connects every client to `upstream` (`host:port`).
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (mode, watching) = watch::channel(Mode::default());
        let (listening, listens) = watch::channel(true);
        let accepted = Arc::new(AtomicU64::new(0));
        let (stand, standing) = watch::channel(0);
        let entrance = Entrance {
            upstream: upstream.to_owned(),
            mode: watching,
            listening,
            accepted: Arc::clone(&accepted),
            stand,
        };
        let accepting = tokio::spawn(entrance.accept(listener));
        Self { address, mode, listens, accepted, standing, accepting }
    }

    /// Starts a proxy in front of the server of `url`, and returns the URL that leads through it.
    pub(crate) async fn before(url: &str) -> (Self, String) {
        let mut url = Url::parse(url).expect("a server's address is a URL");
        let host = url.host_str().expect("a server's URL names a host");
        let port = url.port_or_known_default().expect("a server's URL names a port");
        let proxy = Self::start(&format!("{host}:{port}")).await;
        url.set_host(Some(&proxy.address.ip().to_string())).expect("the URL has a host");
        url.set_port(Some(proxy.address.port())).expect("the URL has a port");
        (proxy, url.into())
    }

    /// Where clients connect.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    /// How many of them have not ended.
    pub(crate) fn standing(&self) -> usize {
        *self.standing.borrow()
    }

    /// Resets all connections; the next ones are served.
    pub(crate) fn cut(&self) {
        self.mode.send_modify(|mode| mode.cuts += 1);
    }

    /// Holds all bytes of both directions, as a network does that drops every packet.
    pub(crate) fn stall(&self) {
        self.stall_one(Direction::ToServer);
        self.stall_one(Direction::ToClient);
    }

    /// Holds the bytes of one direction.
    pub(crate) fn stall_one(&self, direction: Direction) {
        self.hold(direction, true);
    }

    /// Holds all bytes of the connections that stand; those that follow are served.
    pub(crate) fn stall_standing(&self) {
        self.mode.send_modify(|mode| mode.holds_below = self.accepted.load(Ordering::SeqCst));
    }

    /// Lets through what is held, in its order, and all that follows.
    pub(crate) fn resume(&self) {
        self.mode.send_modify(|mode| mode.holds_below = 0);
        self.hold(Direction::ToServer, false);
        self.hold(Direction::ToClient, false);
    }

    fn hold(&self, direction: Direction, holds: bool) {
        self.mode.send_modify(|mode| match direction {
            Direction::ToServer => mode.holds_to_server = holds,
            Direction::ToClient => mode.holds_to_client = holds,
        });
    }

    /// Makes clients find no listener, or one again. Connections that stand are left alone:
    /// [`Self::cut`] ends them.
    pub(crate) async fn refuse(&self, refuses: bool) {
        self.mode.send_modify(|mode| mode.refuses = refuses);
        let done = self.listens.clone().wait_for(|listens| *listens != refuses).await.is_ok();
        assert!(done, "the proxy still runs");
    }

    /// Delays every byte of both directions by `delay`, without narrowing the line.
    pub(crate) fn delay(&self, delay: Duration) {
        self.mode.send_modify(|mode| mode.delay = delay);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The proxy's own end of what a test tells it and reads of it.
struct Entrance {
    upstream: String,
    mode: watch::Receiver<Mode>,
    listening: watch::Sender<bool>,
    accepted: Arc<AtomicU64>,
    stand: watch::Sender<usize>,
}

impl Entrance {
    async fn accept(mut self, listener: TcpListener) {
        let address = listener.local_addr().expect("a bound socket has an address");
        let mut connections = JoinSet::new();
        let mut listener = Some(listener);
        loop {
            if self.mode.borrow_and_update().refuses {
                listener = None;
            } else if listener.is_none() {
                listener = Some(TcpListener::bind(address).await.expect("nobody else took the port"));
            }
            self.listening.send_replace(listener.is_some());
            self.stand.send_replace(connections.len());
            tokio::select! {
                client = accept_one(listener.as_ref()) => {
                    // A client that is gone before it is accepted is not the proxy's failure.
                    if let Ok(client) = client {
                        let number = self.accepted.fetch_add(1, Ordering::SeqCst);
                        connections.spawn(serve(number, client, self.upstream.clone(), self.mode.clone()));
                    }
                }
                changed = self.mode.changed() => if changed.is_err() { return },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn accept_one(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// Carries one connection until both sides are done, one of them fails, or it is cut. Only the first
/// is a clean end; the others are a reset to both sides.
async fn serve(number: u64, mut client: TcpStream, upstream: String, mut mode: watch::Receiver<Mode>) {
    let cuts = mode.borrow().cuts;
    let Ok(mut server) = TcpStream::connect(&upstream).await else { return };
    // Small pieces leave at once; without it the proxy only is slower.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = carry(Direction::ToServer, number, from_client, to_server, mode.clone());
        let back = carry(Direction::ToClient, number, from_server, to_client, mode.clone());
        tokio::select! {
            carried = async { tokio::try_join!(there, back) } => carried.is_ok(),
            _ = mode.wait_for(|mode| mode.cuts != cuts) => false,
        }
    };
    if !ended {
        // A side that is gone already needs no reset.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Carries one direction: a reader stamps each piece with the instant it is due, a writer waits for it.
async fn carry(
    direction: Direction,
    number: u64,
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let (sender, mut pieces) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let delays = mode.clone();
    let reading = async move {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let due = Instant::now() + delays.borrow().delay;
            // The writer ends first only by an error, which `try_join` returns.
            let _ = sender.send((due, buffer[..read].to_vec()));
        }
    };
    let writing = async {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            let_through(&mut mode, direction, number).await;
            to.write_all(&piece).await?;
        }
        // The end of a stream is held like its bytes.
        let_through(&mut mode, direction, number).await;
        to.shutdown().await
    };
    tokio::try_join!(reading, writing).map(|_: ((), ())| ())
}

async fn let_through(mode: &mut watch::Receiver<Mode>, direction: Direction, number: u64) {
    // The mode's owner is gone only when the whole proxy is.
    let _ = mode.wait_for(|mode| !mode.holds(direction, number)).await;
}
