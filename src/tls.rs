//! Whom this system trusts on encrypted connections, and how it encrypts them.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The certificate authorities that the system trusts; none where it has none installed.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // What cannot be read or parsed is left out: the others are as good without it.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// A client that verifies its peer's certificate and name against `roots`, and has none of its own.
/// It needs no process-wide provider.
pub fn verifying(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
