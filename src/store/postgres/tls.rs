//! TLS to the database: certificate and host name are always verified.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::address::BadDatabaseUrl;

/// Trusts the certificates in the file `root_certificate`; without one, the system's roots.
pub(super) fn verifying(root_certificate: Option<&str>) -> Result<ClientConfig, BadDatabaseUrl> {
    let mut roots = RootCertStore::empty();
    let refused = |error: &dyn std::fmt::Display| BadDatabaseUrl::RootCertificate(error.to_string());
    match root_certificate {
        Some(path) => {
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))? {
                let certificate = certificate.map_err(|error| refused(&error))?;
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BadDatabaseUrl::Pool(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
