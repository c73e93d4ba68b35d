//! The one cryptography provider of the process.

/// Makes *ring* the provider of rustls, unless one is installed already. Called by everything that
/// builds an HTTPS client, so that no program can forget it.
pub fn install_provider() {
    // An error means that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
