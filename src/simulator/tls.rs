//! Certificates of the double: those it is given, or some that it makes for itself.
//!
//! Receives paths of PEM files and returns a TLS configuration.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use thiserror::Error;

use crate::tls::{LocalCa, LocalCaError, TlsError, server_config};

/// The name under which the double's own authority is known.
const AUTHORITY: &str = "bedrock-warden simulator CA";

/// How the double is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// Without TLS.
    Plain,
    /// With this chain and key, PEM.
    Files { certificate: PathBuf, key: PathBuf },
    /// With `server.pem` and `server.key` of this folder, made together with `ca.pem` when they are not there. Kept,
    /// so that whoever trusts the authority still does after a restart.
    Folder(PathBuf),
}

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TransportError {
    #[error(transparent)]
    Made(#[from] LocalCaError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Transport {
    /// The TLS side of the listener at `address`; `None` without TLS.
    pub(super) fn server_config(&self, address: IpAddr) -> Result<Option<Arc<ServerConfig>>, TransportError> {
        match self {
            Self::Plain => Ok(None),
            Self::Files { certificate, key } => Ok(Some(server_config(certificate, key)?)),
            Self::Folder(folder) => {
                let mut files = LocalCa::in_folder(folder);
                if ![&files.ca, &files.certificate, &files.key].into_iter().all(|path| path.exists()) {
                    files = LocalCa::create(folder, AUTHORITY, address)?;
                }
                Ok(Some(server_config(&files.certificate, &files.key)?))
            }
        }
    }
}
