//! The HTTP API and the admin page: what people read and ask for.
//!
//! Every answer about accounts and entries is filtered by the orgs of the user that the bearer token
//! or session stands for (G9): what that user may not see is answered like what does not exist. Errors are problem
//! documents (RFC 9457) that say what to do. Nothing here refreshes anything: a person's press is
//! stored and published, and a worker runs it.

mod api;
mod auth;
mod layers;
mod lead;
mod page;
mod problem;
mod router;
mod server;
mod state;
mod tone;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::state::AdminParts;

/// Serves the API on `listener` until `shutdown`; then ends streams, finishes what is under way
/// within a limit, and returns.
pub async fn serve(listener: TcpListener, parts: AdminParts, shutdown: CancellationToken) {
    let router = router::router(parts, shutdown.clone());
    server::run(listener, router, shutdown).await;
}
