//! TLS to a database: every certificate that is shown is verified.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::DatabaseError;
use crate::runtime::tls::install_provider;

/// A connector that trusts the authorities of a file, or those that the system trusts.
pub(super) fn connector(
    authorities: Option<&Path>,
    place: &str,
) -> Result<MakeRustlsConnect, DatabaseError> {
    install_provider();
    let builder = ClientConfig::builder();
    let builder = match authorities {
        Some(file) => builder.with_root_certificates(read(file)?),
        None => builder
            .with_platform_verifier()
            .map_err(|error| DatabaseError::Tls {
                place: place.to_owned(),
                reason: error.to_string(),
            })?,
    };
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}

fn read(file: &Path) -> Result<RootCertStore, DatabaseError> {
    let refused = |reason: String| DatabaseError::Authorities {
        file: file.display().to_string(),
        reason,
    };
    let bytes = fs_err::read(file).map_err(|error| refused(error.to_string()))?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| store.add(certificate).map_err(|error| error.to_string()));
        added.map_err(refused)?;
    }
    if store.is_empty() {
        return Err(refused("it holds no certificate".to_owned()));
    }
    Ok(store)
}
