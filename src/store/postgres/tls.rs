//! TLS to the database: certificate and host name are always verified.

use std::fmt::Display;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::address::BadDatabaseUrl;
use crate::tls;

/// Trusts the certificates in the file `root_certificate`; without one, what the system trusts.
pub(super) fn verifying(root_certificate: Option<&str>) -> Result<ClientConfig, BadDatabaseUrl> {
    let roots = match root_certificate {
        Some(path) => roots_of(path)?,
        None => tls::system_roots(),
    };
    tls::verifying(roots).map_err(|error| BadDatabaseUrl::Pool(error.to_string()))
}

fn roots_of(path: &str) -> Result<RootCertStore, BadDatabaseUrl> {
    let refused = |error: &dyn Display| BadDatabaseUrl::RootCertificate(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))? {
        let certificate = certificate.map_err(|error| refused(&error))?;
        roots.add(certificate).map_err(|error| refused(&error))?;
    }
    Ok(roots)
}
