//! Changes to `callers.yaml` and the master key's file.
//!
//! Receives what should change and returns what was issued. The file is read, changed and replaced whole under a lock
//! on its folder, so that two commands at once lose nothing and a crash leaves the old file or the new one. Secrets
//! are returned to be shown once and are stored nowhere.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use super::emit::emit;
use super::{Key, KeyKind, KeyState, Register, valid_name};
use crate::identity::CredentialKind;
use crate::identity::keys::{
    BearerKey, MasterKey, MasterKeyError, RandomError, Secret, derive_secret, new_access_key_id, sync_folder,
};
use crate::yaml::{Diagnostics, Source, closest};

/// Where callers and the master key are kept.
#[derive(Debug, Clone, Copy)]
pub struct CallerFiles<'a> {
    pub callers: &'a Path,
    pub master_key: &'a Path,
}

/// A key to issue.
#[derive(Debug, Clone, Copy)]
pub struct KeyRequest<'a> {
    pub team: &'a str,
    pub app: &'a str,
    pub kind: CredentialKind,
    /// How long the key may be used; for ever when absent.
    pub lifetime: Option<SignedDuration>,
}

/// A key that was just issued. The only place where its secret can be seen.
#[derive(Debug)]
pub struct Issued {
    pub team: String,
    pub app: String,
    pub kind: CredentialKind,
    pub access_key_id: String,
    /// The secret access key of a pair, or the whole bearer key.
    pub secret: Secret,
    pub not_after: Option<Timestamp>,
}

/// Why callers could not be read or changed.
#[derive(Debug, Error)]
pub enum RegisterError {
    #[error("cannot use `{path}`: {error}")]
    Io { path: String, error: io::Error },
    #[error("there is no callers file at `{0}` (`bedrock-warden caller add` makes one)")]
    Absent(String),
    /// The file has mistakes, here rendered as a compiler shows them.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error(transparent)]
    Random(#[from] RandomError),
    #[error(
        "`{name}` cannot name a {what}: use up to 64 letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
    )]
    Name { what: &'static str, name: String },
    #[error("there is no key `{id}`{}", near.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
    UnknownKey { id: String, near: Option<String> },
    #[error("key `{id}` is {} and cannot be rotated; issue a new one with `caller add`", state.name())]
    Unusable { id: String, state: KeyState },
    #[error("key `{id}` was already replaced by `{by}`; rotate that one")]
    Replaced { id: String, by: String },
    #[error("the key would end outside of the times we can name")]
    Time,
}

impl CallerFiles<'_> {
    /// The register as it is. Both files must exist.
    pub fn read(&self) -> Result<(Register, MasterKey), RegisterError> {
        let text = fs::read_to_string(self.callers).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => RegisterError::Absent(self.callers.display().to_string()),
            _ => io_error(self.callers, error),
        })?;
        let master = MasterKey::load(self.master_key)?;
        Ok((parse(self.callers, text, &master)?, master))
    }

    /// Issues a key, and makes both files when this is the first.
    pub fn add(&self, request: &KeyRequest<'_>, now: Timestamp) -> Result<Issued, RegisterError> {
        for (what, name) in [("team", request.team), ("app", request.app)] {
            if !valid_name(name) {
                return Err(RegisterError::Name { what, name: name.to_owned() });
            }
        }
        let now = whole_second(now);
        self.change(|register, master| issue(register, master, request, now))
    }

    /// Issues a key in place of `id`, which goes on working for `overlap`. The new key lives as long as the old one
    /// was issued for.
    pub fn rotate(&self, id: &str, overlap: SignedDuration, now: Timestamp) -> Result<Issued, RegisterError> {
        let now = whole_second(now);
        self.change(|register, master| {
            let found = register.keys().find(|(_, key)| key.id == id);
            let (caller, key) = found.ok_or_else(|| unknown_key(register, id))?;
            if let Some(by) = key.replaced_by.clone() {
                return Err(RegisterError::Replaced { id: id.to_owned(), by });
            }
            let state = key.state(now);
            if !state.is_usable() {
                return Err(RegisterError::Unusable { id: id.to_owned(), state });
            }
            let (team, app) = (caller.team.clone(), caller.app.clone());
            let lifetime = key.not_after.map(|end| end.duration_since(key.created));
            let request = KeyRequest { team: &team, app: &app, kind: key.kind.credential(), lifetime };
            let issued = issue(register, master, &request, now)?;
            let end = now.checked_add(overlap).map_err(|_| RegisterError::Time)?;
            if let Some(key) = register.key_mut(id) {
                key.not_after = Some(key.not_after.map_or(end, |planned| planned.min(end)));
                key.replaced_by = Some(issued.access_key_id.clone());
            }
            Ok(issued)
        })
    }

    /// Revokes a key. Returns whether it was usable until now.
    pub fn revoke(&self, id: &str, now: Timestamp) -> Result<bool, RegisterError> {
        let now = whole_second(now);
        self.change(|register, _| {
            let unknown = unknown_key(register, id);
            let key = register.key_mut(id).ok_or(unknown)?;
            let usable = key.state(now).is_usable();
            key.revoked.get_or_insert(now);
            Ok(usable)
        })
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Register, &MasterKey) -> Result<T, RegisterError>,
    ) -> Result<T, RegisterError> {
        let folder = folder(self.callers);
        fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
        // ORDER: the lock comes before reading, or a change made in between would be lost. It ends with the handle.
        let lock = File::open(folder).map_err(|error| io_error(folder, error))?;
        lock.lock().map_err(|error| io_error(folder, error))?;
        let text = match fs::read_to_string(self.callers) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_error(self.callers, error)),
        };
        let master = match MasterKey::load(self.master_key) {
            // A new master key next to existing callers would lock them all out, so only a first caller gets one.
            Err(MasterKeyError::Absent(_)) if text.is_none() => MasterKey::create(self.master_key)?,
            loaded => loaded?,
        };
        let mut register = text.map_or(Ok(Register::default()), |text| parse(self.callers, text, &master))?;
        let outcome = change(&mut register, &master)?;
        let text = emit(&register, &master.fingerprint());
        replace(self.callers, &text).map_err(|error| io_error(self.callers, error))?;
        Ok(outcome)
    }
}

fn issue(
    register: &mut Register,
    master: &MasterKey,
    request: &KeyRequest<'_>,
    now: Timestamp,
) -> Result<Issued, RegisterError> {
    let not_after = request.lifetime.map(|lifetime| now.checked_add(lifetime)).transpose();
    let not_after = not_after.map_err(|_| RegisterError::Time)?;
    let (id, kind, secret) = match request.kind {
        CredentialKind::SigV4 => {
            let id = new_access_key_id()?;
            let secret = derive_secret(master, &id);
            (id, KeyKind::Pair, secret)
        }
        CredentialKind::Bearer => {
            let key = BearerKey::generate()?;
            (key.id().to_owned(), KeyKind::Bearer { hash: key.hash(master) }, key.into_secret())
        }
    };
    let key = Key {
        id: id.clone(),
        kind,
        created: now,
        not_before: None,
        not_after,
        revoked: None,
        replaced_by: None,
    };
    register.add(request.team, request.app, key);
    let (team, app) = (request.team.to_owned(), request.app.to_owned());
    Ok(Issued { team, app, kind: request.kind, access_key_id: id, secret, not_after })
}

/// The file is for people to read: no fractions of seconds.
fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn parse(path: &Path, text: String, master: &MasterKey) -> Result<Register, RegisterError> {
    let source = Source::new(path.display().to_string(), text);
    let mut diagnostics = Diagnostics::default();
    let register = Register::parse(&source, master, &mut diagnostics);
    register.ok_or_else(|| RegisterError::Invalid(diagnostics.render(false)))
}

fn unknown_key(register: &Register, id: &str) -> RegisterError {
    let near = closest(id, register.keys().map(|(_, key)| key.id.as_str()));
    RegisterError::UnknownKey { id: id.to_owned(), near: near.map(str::to_owned) }
}

/// Replaces a file whole. Its permissions stay; a new file can be read by everyone, as it holds no secret.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0o644,
        Err(error) => return Err(error),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    // CRASH: without this, the new name could point to a file whose text never reached the disk.
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn io_error(path: &Path, error: io::Error) -> RegisterError {
    RegisterError::Io { path: path.display().to_string(), error }
}
