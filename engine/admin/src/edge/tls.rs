//! Certificate and key of the API. They are read when the engine starts, where a mistake ends it with a message
//! that names the file, and again when somebody says so; a mistake then changes nothing, for an engine that
//! serves with the certificate of yesterday is better than one that serves nobody.
//!
//! Connections that are open keep what they were opened with.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Most certificates of a chain: the longest in use have five; a file of more is a bundle of roots by mistake.
const MAX_CHAIN: usize = 16;

/// Why files are no certificate and key.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as what it should hold.
    #[error("{what} {}: {cause}", .path.display())]
    File {
        /// `tls.certificate` or `tls.key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// They do not belong together, or are of a kind that is not known.
    #[error("tls.certificate {} and tls.key {} cannot be used: {cause}", .certificate.display(), .key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

/// Certificate and key in use.
#[derive(Clone)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<Mutex<Current>>,
}

struct Current {
    /// What the files held.
    bytes: [Vec<u8>; 2],
    config: Arc<ServerConfig>,
}

impl std::fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Tls");
        shown
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its key; both PEM.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let current = Arc::new(Mutex::new(Current::load(&certificate, &key)?));
        Ok(Self {
            certificate,
            key,
            current,
        })
    }

    /// Reads them again; gives whether they have changed. After an error the old ones stay in use.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let new = Current::load(&self.certificate, &self.key)?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let has_changed = new.bytes != current.bytes;
        if has_changed {
            *current = new;
        }
        Ok(has_changed)
    }

    /// The handshake.
    pub(super) async fn accept<I>(&self, io: I) -> std::io::Result<TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let config = {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            current.config.clone()
        };
        TlsAcceptor::from(config).accept(io).await
    }
}

impl Current {
    fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let certificate_pem = read("tls.certificate", certificate)?;
        let key_pem = read("tls.key", key)?;
        let wrong = |what, path: &Path, cause: String| TlsError::File {
            what,
            path: path.to_owned(),
            cause,
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate_pem)
            .take(MAX_CHAIN + 1)
            .collect();
        let chain = chain.map_err(|cause| wrong("tls.certificate", certificate, cause.to_string()))?;
        if chain.is_empty() || chain.len() > MAX_CHAIN {
            let cause = format!(
                "it holds {} certificates; it should hold a server's own in PEM, then those that vouch for it",
                chain.len()
            );
            return Err(wrong("tls.certificate", certificate, cause));
        }
        let secret = PrivateKeyDer::from_pem_slice(&key_pem)
            .map_err(|cause| wrong("tls.key", key, format!("it holds no private key in PEM: {cause}")))?;
        let unusable = |cause: rustls::Error| TlsError::Pair {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            cause: cause.to_string(),
        };
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, secret)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            bytes: [certificate_pem, key_pem],
            config: Arc::new(config),
        })
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::File {
        what,
        path: path.to_owned(),
        cause: cause.to_string(),
    })
}
