//! TLS: certificate and key from PEM files, replaced while the server runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Protocols offered to clients, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where the server's identity lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate and those that vouch for it, in PEM, the server's own first.
    pub certificates: PathBuf,
    /// Its private key, in PEM: PKCS #8, PKCS #1 or SEC 1, without a passphrase.
    pub key: PathBuf,
}

/// Why an identity cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(
        "cannot read {path}: {source}; --tls-cert and --tls-key name files that the server may read"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is no PEM.
    #[error("{path} is not PEM as TLS needs it: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: pem::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {wanted}; it should have a section BEGIN {section}")]
    Absent {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// How that begins.
        section: &'static str,
    },
    /// Each file is good, but not with the other.
    #[error(
        "the key in {key} does not belong to the first certificate in {certificates}; name the two that were made together"
    )]
    KeyMismatch {
        /// The certificate's file.
        certificates: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate or the key is of no kind that TLS could use.
    #[error(
        "cannot use {certificates} with {key}: {source}; TLS takes keys of RSA, ECDSA and Ed25519"
    )]
    Unusable {
        /// The certificate's file.
        certificates: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
}

/// The server's identity.
pub(crate) struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads and checks the files.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let config = ArcSwap::new(load(&files)?);
        Ok(Self { files, config })
    }

    /// Reads the files again, for connections to come. After an error the old identity goes on.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        self.config.store(load(&self.files)?);
        Ok(())
    }

    /// Shakes hands with a client.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.config.load_full())
            .accept(stream)
            .await
    }
}

/// Whether the client chose HTTP/2.
pub(super) fn chose_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(PROTOCOLS[0])
}

fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let TlsFiles { certificates, key } = files;
    let malformed = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Malformed { path, source }
    };
    let chain = CertificateDer::pem_slice_iter(&read(certificates)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(malformed(certificates))?;
    if chain.is_empty() {
        return Err(TlsError::Absent {
            path: certificates.clone(),
            wanted: "certificate",
            section: "CERTIFICATE",
        });
    }
    let private = match PrivateKeyDer::from_pem_slice(&read(key)?) {
        Ok(private) => private,
        Err(pem::Error::NoItemsFound) => {
            return Err(TlsError::Absent {
                path: key.clone(),
                wanted: "private key",
                section: "PRIVATE KEY",
            });
        }
        Err(error) => return Err(malformed(key)(error)),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        });
    match config {
        Ok(mut config) => {
            config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
            Ok(Arc::new(config))
        }
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::KeyMismatch {
                certificates: certificates.clone(),
                key: key.clone(),
            })
        }
        Err(source) => Err(TlsError::Unusable {
            certificates: certificates.clone(),
            key: key.clone(),
            source,
        }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MOST_BYTES), &mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// No chain of certificates is longer; whatever is, is another file.
const MOST_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(certificates: &str, key: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificates: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        for (path, text) in [(&files.certificates, certificates), (&files.key, key)] {
            if !text.is_empty() {
                fs_err::write(path, text).unwrap();
            }
        }
        let Err(error) = Tls::open(files) else {
            return "usable".to_owned();
        };
        error
            .to_string()
            .replace(&*folder.path().to_string_lossy(), "")
    }

    #[test]
    fn each_fault_of_the_files_is_named() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let other_key = other.signing_key.serialize_pem();
        let broken = cert.replacen("MI", "!!", 1);
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(message(&cert, &key), "usable");
        assert_eq!(
            message(&format!("{cert}{}", other.cert.pem()), &key),
            "usable"
        );
        for (certificates, key, expected) in [
            ("", &*key, "cannot read /cert.pem: "),
            (&*cert, "", "cannot read /key.pem: "),
            (&*key, &*key, "/cert.pem holds no certificate; "),
            (&*cert, &*cert, "/key.pem holds no private key; "),
            (&*broken, &*key, "/cert.pem is not PEM"),
            (
                no_certificate,
                &*key,
                "cannot use /cert.pem with /key.pem: ",
            ),
            (&*cert, &*other_key, "the key in /key.pem does not belong"),
        ] {
            let message = message(certificates, key);
            assert!(message.starts_with(expected), "{message}");
        }
    }
}
