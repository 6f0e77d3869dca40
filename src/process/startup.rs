//! What every process does before anything else, and what the roles check before they start.

use anyhow::Context;

use crate::{
    crypto::{Keyring, check_canary, make_canary},
    store::Store,
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
    let stored = store.canaries_of(&ids).await.context("database: cannot read the key canaries")?;
    for (id, canary) in &stored {
        check_canary(keyring, id, canary)
            .with_context(|| format!("TOKEN_KEYS: key \"{id}\" must not be used"))?;
    }
    for id in ids.iter().filter(|id| !stored.iter().any(|(stored, _)| stored == *id)) {
        let canary = make_canary(keyring, id).context("making a canary")?;
        store.put_canary(id, &canary).await.context("database: cannot keep a key canary")?;
    }
    Ok(())
}
