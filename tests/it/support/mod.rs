//! What the tests stand on: the servers, a database and a virtual host per test, and a proxy that
//! breaks connections.

use std::sync::Once;
use std::thread;
use std::time::Duration;

pub(crate) mod actor;
pub(crate) mod browser;
pub(crate) mod cli;
pub(crate) mod database;
pub(crate) mod files;
pub(crate) mod nginx;
pub(crate) mod private_broker;
pub(crate) mod private_postgres;
pub(crate) mod project;
pub(crate) mod proxy;
pub(crate) mod secrets;
pub(crate) mod servers;
pub(crate) mod stage;
pub(crate) mod unprivileged;
pub(crate) mod vhost;

/// How long a test waits for anything before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Pause between two looks at something that cannot be waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Looks until `look` finds something, and returns it. Panics with `what` when [`PATIENCE`] is over.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, look: impl FnMut() -> F) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// Looks until `look` finds something, and returns it. Panics with `what` when `patience` is over.
pub(crate) async fn eventually_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    look: impl FnMut() -> F,
) -> T {
    let Ok(found) = tokio::time::timeout(patience, until(look)).await else {
        panic!("{what}: not within {patience:?}")
    };
    found
}

/// Looks until `holds`. Panics with `what` when [`PATIENCE`] is over.
pub(crate) async fn come_true(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    in_time(what, waiting).await;
}

/// Looks until `look` finds something, without a limit of its own.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Lets real time pass: as long as a fault lasts, or as long as something is watched not to happen.
/// What can be waited for is waited for instead.
pub(crate) async fn let_pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Awaits `future`, but not for ever. Panics with `what` when [`PATIENCE`] is over.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(value) = tokio::time::timeout(PATIENCE, future).await else {
        panic!("{what}: not within {PATIENCE:?}")
    };
    value
}

/// Installs the process's TLS provider, which reqwest wants even where it speaks plain HTTP.
pub(crate) fn install_tls_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error says that the code under test installed the same one first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Runs `cleaning` to its end from a `drop`: on a thread and a runtime of its own, since the test's
/// own may be panicking, and not for ever.
fn clean_up(cleaning: impl Future<Output = ()> + Send + 'static) {
    let cleaner = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(in_time("cleaning up", cleaning));
    });
    // A panic in there must not become a second one in a test that panics.
    drop(cleaner.join());
}
