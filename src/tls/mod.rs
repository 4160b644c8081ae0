//! One TLS stack, set up in one place: rustls on aws-lc, version 1.2 or later.
//!
//! Receives PEM files and returns configurations. Errors name files and never hold key material.

mod local_ca;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;

pub use local_ca::{LocalCa, LocalCaError};

/// Why files cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("cannot read certificates from `{path}`: {reason}")]
    Certificates { path: String, reason: String },
    #[error("`{0}` holds no certificate")]
    NoCertificate(String),
    #[error("cannot read the private key `{path}`: {reason}")]
    Key { path: String, reason: pem::Error },
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("the system trusts no certificates; set `upstream.ca` or `SSL_CERT_FILE`")]
    NoRoots,
}

/// The certificates of a PEM file, in its order.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let name = || path.display().to_string();
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error: pem::Error| TlsError::Certificates { path: name(), reason: error.to_string() })?;
    if chain.is_empty() { Err(TlsError::NoCertificate(name())) } else { Ok(chain) }
}

/// A listener's side: a chain and its key, HTTP/2 and HTTP/1.1 by ALPN, no client certificates, no early data.
pub fn server_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|reason| TlsError::Key { path: key.display().to_string(), reason })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// When the first certificate of a PEM file ends; `None` when that cannot be read.
pub fn expiry(certificate: &Path) -> Result<Option<SystemTime>, TlsError> {
    let chain = certificates(certificate)?;
    let Some(Ok((_, leaf))) = chain.first().map(|der| x509_parser::parse_x509_certificate(der)) else {
        return Ok(None);
    };
    let seconds = u64::try_from(leaf.validity().not_after.timestamp()).ok();
    Ok(seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))))
}

/// A caller's side that trusts what the system trusts and, beside it, the certificates of `ca`.
pub fn client_config(ca: Option<&Path>) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        trust(&mut roots, path)?;
    }
    with_roots(roots)
}

/// A caller's side that trusts the certificates of `ca` and nothing else.
pub fn client_config_trusting_only(ca: &Path) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    trust(&mut roots, ca)?;
    with_roots(roots)
}

fn trust(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| TlsError::Certificates {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

fn with_roots(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
