//! The master key: the one secret from which all callers' secrets follow.
//!
//! Receives a path and returns the key that its file holds, or makes both. Refuses a file that others can read, since
//! a key that may be known protects nothing. The bytes are wiped when the last handle goes and are never shown.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::{hmac, rand};
use thiserror::Error;
use zeroize::Zeroizing;

use super::RandomError;

const LENGTH: usize = 32;

/// 32 secret bytes. Cloning shares them.
#[derive(Clone)]
pub struct MasterKey(Arc<Zeroizing<[u8; LENGTH]>>);

/// Why there is no master key.
#[derive(Debug, Error)]
pub enum MasterKeyError {
    #[error("there is no master key at `{0}` (`bedrock-warden init` or `caller add` makes one)")]
    Absent(String),
    #[error("there is already a file at `{0}`")]
    Exists(String),
    #[error(
        "the master key `{path}` can be read by others than its owner (mode {mode:03o}); run `chmod 600 {path}`"
    )]
    Exposed { path: String, mode: u32 },
    #[error("the master key `{0}` must hold exactly {LENGTH} bytes")]
    Length(String),
    #[error("cannot use the master key `{path}`: {error}")]
    Io { path: String, error: io::Error },
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl MasterKey {
    /// A new key, in memory only.
    pub fn generate() -> Result<Self, RandomError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| RandomError)?;
        Ok(Self(Arc::new(bytes)))
    }

    /// A new key in a new file that only its owner can read. Never replaces a file: that would lock out all callers.
    pub fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => MasterKeyError::Exists(path.display().to_string()),
            _ => MasterKeyError::Io { path: path.display().to_string(), error },
        };
        let key = Self::generate()?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        // CRASH: a half-written key is refused for its length when it is loaded, before anything was derived from it.
        file.write_all(key.0.as_slice()).and_then(|()| file.sync_all()).map_err(failed)?;
        sync_folder(path).map_err(failed)?;
        Ok(key)
    }

    /// The key that a file holds.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let name = || path.display().to_string();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => MasterKeyError::Absent(name()),
            _ => MasterKeyError::Io { path: name(), error },
        };
        let mut file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        // FAIL-CLOSED: a key that others could read may already be theirs.
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Exposed { path: name(), mode });
        }
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let whole = file.read_exact(bytes.as_mut_slice()).is_ok();
        if !whole || file.read(&mut [0]).map_err(failed)? != 0 {
            return Err(MasterKeyError::Length(name()));
        }
        Ok(Self(Arc::new(bytes)))
    }

    /// What tells one master key from another without saying anything about it: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let tag = self.authenticate("fingerprint", b"");
        hex::encode(tag.iter().take(8).copied().collect::<Vec<u8>>())
    }

    /// HMAC-SHA256 over `purpose | message`. `purpose` holds no `|`, so that no two purposes can share a message.
    pub(super) fn authenticate(&self, purpose: &'static str, message: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()));
        context.update(purpose.as_bytes());
        context.update(b"|");
        context.update(message);
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: every caller's secret follows from these bytes.
        formatter.write_str("MasterKey(..)")
    }
}

/// Makes a new or renamed file in `path`'s folder survive a power failure.
pub(in crate::identity) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
