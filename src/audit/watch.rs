//! Watches the journal's files from outside SQLite.
//!
//! SQLite keeps writing happily into a file that was deleted or replaced under it. So the path is compared with what
//! was opened, without opening anything: closing a descriptor of the file would drop SQLite's own locks on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::JournalError;

/// The lock that keeps a second process out. Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes `<journal>.lock` beside the file.
    pub(super) fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = beside(journal, ".lock");
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(&path);
        let file = open.map_err(|error| cannot_open(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: journal.into(), lock: path }),
            Err(TryLockError::Error(error)) => Err(cannot_open(&path, &error)),
        }
    }
}

/// Makes the journal's file, readable by its owner only, when there is none, and returns its real path: two names
/// for one file must end at one lock.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, JournalError> {
    let failed = |error: io::Error| cannot_open(path, &error);
    match OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path) {
        Ok(file) => {
            file.sync_all().map_err(failed)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            // CRASH: without this the directory may forget a file whose records were acknowledged.
            File::open(parent.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .map_err(failed)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    fs::canonicalize(path).map_err(failed)
}

/// The files as they were when the journal was opened.
#[derive(Debug)]
pub(super) struct Watch {
    journal: Sight,
    wal: Sight,
    reserve_bytes: u64,
    /// Size of the volume; `None` when it does not say.
    volume_bytes: Option<u64>,
}

impl Watch {
    /// Both files must exist: the WAL does once something was written.
    pub(super) fn begin(journal: &Path, reserve_bytes: u64) -> Result<Self, JournalError> {
        let see = |path: PathBuf| Sight::of(&path).map_err(|error| cannot_open(&path, &error));
        let volume_bytes =
            rustix::fs::statvfs(journal).ok().map(|volume| volume.f_blocks.saturating_mul(volume.f_frsize));
        Ok(Self {
            journal: see(journal.into())?,
            wal: see(beside(journal, "-wal"))?,
            reserve_bytes: volume_bytes.map_or(reserve_bytes, |total| reserve_bytes.min(total / 8)),
            volume_bytes,
        })
    }

    /// What is wrong with the files, if anything.
    pub(super) fn disturbance(&self) -> Option<String> {
        [&self.journal, &self.wal].into_iter().find_map(Sight::disturbance)
    }

    /// Bytes left on the volume, when they are fewer than the reserve. The reserve is never more than an eighth of
    /// the volume, so that a small volume can be used at all. A volume that does not say is not low: writing tells.
    pub(super) fn low_space(&self) -> Option<u64> {
        let volume = rustix::fs::statvfs(&self.journal.path).ok()?;
        let free = volume.f_bavail.saturating_mul(volume.f_frsize);
        (free < self.reserve_bytes).then_some(free)
    }

    /// How much of the volume the WAL may take before it is moved into the database.
    pub(super) fn wal_share(&self) -> u64 {
        self.volume_bytes.map_or(u64::MAX, |total| total / 16)
    }

    /// Length of the WAL in bytes.
    pub(super) fn wal_bytes(&self) -> u64 {
        fs::metadata(&self.wal.path).map_or(0, |metadata| metadata.len())
    }
}

/// One file: where, and which.
#[derive(Debug)]
struct Sight {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Sight {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { path: path.into(), device: metadata.dev(), inode: metadata.ino() })
    }

    fn disturbance(&self) -> Option<String> {
        let path = self.path.display();
        match fs::metadata(&self.path) {
            Err(error) => Some(format!("`{path}` is gone: {error}")),
            Ok(now) if (now.dev(), now.ino()) != (self.device, self.inode) => {
                Some(format!("`{path}` was replaced by another file"))
            }
            Ok(now) if now.mode() & OWNER_ACCESS != OWNER_ACCESS => {
                Some(format!("`{path}` may no longer be read and written by its owner"))
            }
            Ok(_) => None,
        }
    }
}

/// The path with something appended to its last component.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn cannot_open(path: &Path, error: &io::Error) -> JournalError {
    JournalError::Open { path: path.into(), reason: error.to_string() }
}

const PRIVATE: u32 = 0o600;
const OWNER_ACCESS: u32 = 0o600;
