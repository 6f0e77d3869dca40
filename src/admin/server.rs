//! Connections: how many there may be, how long a silent one is borne, and how they end.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Connections at once; those on top wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take to send a request's head, and how long a kept connection may idle: longer
/// than the minute for which balancers keep theirs, else they send requests into closed ones.
const HEAD_WITHIN: Duration = Duration::from_secs(75);
/// Longest head.
const HEAD_MAX_BYTES: usize = 32 * 1024;
/// How long stopping waits for answers that are under way.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// Pause after the machine refused a connection (no file descriptors, no memory).
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Accepts connections until `shutdown`, then lets what is under way finish.
pub(super) async fn run(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
    let accepting = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (shutdown, cut) = (shutdown.clone(), cut.clone());
                    connections.spawn(connection(stream, router.clone(), slot, shutdown, cut));
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::warn!(error = %crate::error_chain::Chain(&error), "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(accepting).await;
    drop(listener);
    connections.close();
    if timeout(DRAIN_LIMIT, connections.wait()).await.is_err() {
        cut.cancel();
        connections.wait().await;
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    slot: OwnedSemaphorePermit,
    shutdown: CancellationToken,
    cut: CancellationToken,
) {
    // Events are small and wanted at once; where it cannot be set, they come a little later.
    drop(stream.set_nodelay(true));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_MAX_BYTES);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = serving => ended,
                () = cut.cancelled() => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %crate::error_chain::Chain(&error), "a connection ended badly");
    }
    drop(slot);
}

/// Whether only this one client is concerned.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
