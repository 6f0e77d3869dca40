//! What every process does before anything else, and what the roles check before they start.

use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::{
    crypto::{CanaryError, Keyring, check_canary, make_canary},
    store::Store,
    vital::Vital,
};

/// Switches core dumps off (G4) and installs the one TLS provider.
pub(crate) fn harden() -> anyhow::Result<()> {
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)
        .context("switching core dumps off")?;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false).context("switching core dumps off")?;
    // A second installation finds the first, which is the same.
    drop(rustls::crypto::ring::default_provider().install_default());
    Ok(())
}

/// Refuses to run on another schema than this binary's.
pub(crate) async fn check_schema(store: &Store) -> anyhow::Result<()> {
    let schema = store.schema().await.context("database: cannot read which migrations were applied")?;
    Ok(schema.check()?)
}

/// Opens every key's canary, and makes the missing ones: a wrong key under a known id stops the
/// process here instead of breaking accounts.
pub(crate) async fn check_keys(store: &Store, keyring: &Keyring) -> anyhow::Result<()> {
    let ids = keyring.ids();
    // Put first and read afterwards: of two processes that start together with different keys under
    // one id, the second finds the first one's.
    for id in &ids {
        let canary = make_canary(keyring, id).context("making a canary")?;
        store.put_canary(id, &canary).await.context("database: cannot keep a key canary")?;
    }
    let stored = store.canaries_of(&ids).await.context("database: cannot read the key canaries")?;
    for (id, canary) in &stored {
        check_canary(keyring, id, canary)
            .with_context(|| format!("TOKEN_KEYS: key \"{id}\" must not be used"))?;
    }
    Ok(())
}

/// Time between two looks at the canaries.
const GUARD_EVERY: Duration = Duration::from_secs(5);

/// Longest time between two looks that succeed.
pub(crate) const GUARD_HOLDS: Duration = Duration::from_secs(30);

/// Checks the keys again and again, and ends where one of them is not the one that sealed its canary.
pub(crate) async fn guard_keys(store: &Store, keyring: &Keyring, vital: Vital, shutdown: CancellationToken) {
    let guarding = async {
        loop {
            tokio::time::sleep(GUARD_EVERY).await;
            let checked = check_keys(store, keyring).await;
            vital.note(&checked);
            let Err(error) = checked else { continue };
            if error.is::<CanaryError>() {
                tracing::error!(error = format!("{error:#}"), "a key must not be used");
                return;
            }
            tracing::debug!(error = format!("{error:#}"), "cannot check the keys");
        }
    };
    // Without an answer: the process stops anyway.
    let _: Option<()> = shutdown.run_until_cancelled(guarding).await;
}
