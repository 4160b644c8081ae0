//! Where candidates for policies come from, and whether they may be used at all before anybody reads them.
//!
//! Receives a folder, or a signed bundle from a folder or from elsewhere; returns files. Never returns files of a bundle
//! whose signature or revision does not hold, and never files of another digest than the pinned one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::reload::LoadError;
use crate::bundle::{BundleError, Manifest, PublicKey, Revisions, Seal, read_seal};
use crate::config::{Config, Policies, PolicySource, policy_folder};
use crate::policy;
use crate::yaml::Source;

/// Files that may become the policies in force.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub files: Vec<Source>,
    pub seal: Option<Seal>,
}

/// Where candidates come from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    from: From,
    signed: Option<Signed>,
    /// The one digest that may be used.
    pin: Option<String>,
}

#[derive(Debug, Clone)]
enum From {
    Folder(PathBuf),
    Elsewhere(Arc<Fetched>),
}

/// Whose bundles are used, and which were.
#[derive(Debug, Clone)]
struct Signed {
    key: PublicKey,
    revisions: Revisions,
}

/// What was last fetched, and why the last attempt failed.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    // Written by the task that fetches, read by the reload task; held for a copy.
    latest: Mutex<Option<Candidate>>,
    problem: Mutex<Option<String>>,
}

impl Candidate {
    /// Whether both are made of the same bytes.
    pub fn is(&self, other: &Self) -> bool {
        let same = |(one, other): (&Source, &Source)| one.path == other.path && one.text == other.text;
        self.seal == other.seal
            && self.files.len() == other.files.len()
            && self.files.iter().zip(&other.files).all(same)
    }
}

impl Origin {
    pub fn of(config: &Config) -> Result<Self, LoadError> {
        let (from, signed) = match &config.policies {
            Policies::Folder(folder) => (From::Folder(folder.clone()), None),
            Policies::Signed { source, public_key } => {
                let key = PublicKey::load(public_key)?;
                let revisions = Revisions::beside(&config.audit.journal);
                let from = match source {
                    PolicySource::Folder(folder) => From::Folder(folder.clone()),
                    PolicySource::Remote(_) => From::Elsewhere(Arc::default()),
                };
                (from, Some(Signed { key, revisions }))
            }
        };
        Ok(Self { from, signed, pin: config.policies_sha256.clone() })
    }

    /// What is there now; `None` before anything was fetched.
    pub fn read(&self) -> Result<Option<Candidate>, LoadError> {
        match &self.from {
            From::Elsewhere(fetched) => Ok(fetched.latest()),
            From::Folder(folder) => {
                let files = policy_folder::read_folder(folder).map_err(|error| LoadError::Unreadable {
                    path: folder.display().to_string(),
                    reason: error.to_string(),
                })?;
                let seal = if self.signed.is_some() { read_seal(folder)? } else { None };
                Ok(Some(Candidate { files, seal }))
            }
        }
    }

    /// Whether a candidate may be used as far as its origin goes. Returns the manifest of a bundle.
    pub fn admit(&self, candidate: &Candidate, now: Timestamp) -> Result<Option<Manifest>, LoadError> {
        let manifest = match &self.signed {
            None => None,
            Some(signed) => {
                // FAIL-CLOSED: with a key, nothing without a signature.
                let seal = candidate.seal.as_ref().ok_or(BundleError::Unsigned)?;
                let manifest = seal.verify(&candidate.files, &signed.key)?;
                signed.revisions.admit(&manifest, seal, now)?;
                Some(manifest)
            }
        };
        let found = policy::digest(&candidate.files);
        match &self.pin {
            Some(pinned) if *pinned != found => Err(LoadError::Pin { pinned: pinned.clone(), found }),
            Some(_) | None => Ok(manifest),
        }
    }

    /// Remembers that a bundle was accepted, so that no older one is. ORDER: before it comes into force.
    pub fn accept(&self, candidate: &Candidate, manifest: Option<&Manifest>) -> Result<(), BundleError> {
        match (&self.signed, &candidate.seal, manifest) {
            (Some(signed), Some(seal), Some(manifest)) => signed.revisions.raise(manifest, seal),
            (None | Some(_), _, _) => Ok(()),
        }
    }

    /// What candidates are called.
    pub fn what(&self) -> &'static str {
        match self.from {
            From::Folder(_) => "policies on disk",
            From::Elsewhere(_) => "fetched policies",
        }
    }

    /// Where fetched bundles are put; `None` when nothing is fetched.
    pub fn fetched(&self) -> Option<Arc<Fetched>> {
        match &self.from {
            From::Elsewhere(fetched) => Some(Arc::clone(fetched)),
            From::Folder(_) => None,
        }
    }
}

impl Fetched {
    fn latest(&self) -> Option<Candidate> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the source could not be read the last time.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn put(&self, candidate: Candidate) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(candidate);
    }

    pub fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}
