//! The highest revision that was ever accepted, kept on disk: an old bundle stays validly signed for ever, and must not
//! come back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BundleError, Manifest, Seal};

/// The file that holds the highest accepted revision.
#[derive(Debug, Clone)]
pub struct Revisions {
    file: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    revision: u64,
    /// SHA-256 of its manifest.
    manifest: String,
}

impl Revisions {
    /// Beside `journal`, because both are state of the warden's own.
    pub fn beside(journal: &Path) -> Self {
        Self { file: journal.with_file_name("policy-revision.json") }
    }

    /// Whether a proven bundle may come into force at `now`. What was accepted before may do so again after its time.
    pub fn admit(&self, manifest: &Manifest, seal: &Seal, now: Timestamp) -> Result<(), BundleError> {
        let accepted = self.read()?;
        if let Some(accepted) = accepted {
            if manifest.revision < accepted.revision {
                let (found, accepted) = (manifest.revision, accepted.revision);
                return Err(BundleError::Rollback { found, accepted });
            }
            if manifest.revision == accepted.revision {
                let same = accepted.manifest == seal.fingerprint();
                return if same { Ok(()) } else { Err(BundleError::Replaced(manifest.revision)) };
            }
        }
        if manifest.is_over(now) { Err(BundleError::Over(manifest.not_after)) } else { Ok(()) }
    }

    /// Keeps the revision of a bundle that was admitted. ORDER: durable before the bundle comes into force.
    pub fn raise(&self, manifest: &Manifest, seal: &Seal) -> Result<(), BundleError> {
        if self.read()?.is_some_and(|accepted| accepted.revision >= manifest.revision) {
            return Ok(());
        }
        let accepted = Accepted { revision: manifest.revision, manifest: seal.fingerprint() };
        self.write(&accepted).map_err(|error| self.failed(&error))
    }

    /// FAIL-CLOSED: a file that cannot be read is no reason to forget what it said.
    fn read(&self) -> Result<Option<Accepted>, BundleError> {
        match fs::read(&self.file) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| self.failed(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn write(&self, accepted: &Accepted) -> io::Result<()> {
        let next = self.file.with_extension("json.next");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(&serde_json::to_vec(accepted)?)?;
        file.sync_all()?;
        // CRASH: a reader finds the old file or the new one, and the new one stays.
        fs::rename(&next, &self.file)?;
        self.file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    fn failed(&self, reason: &dyn std::fmt::Display) -> BundleError {
        BundleError::Revisions { path: self.file.display().to_string(), reason: reason.to_string() }
    }
}
