//! What a signature covers: which files, which revision, and until when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BundleError, sha256};
use crate::yaml::Source;

/// The signed description of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Manifest {
    /// What kind of text was signed: a key that signs other things too must not be tricked into signing policies.
    kind: Kind,
    /// Grows with every bundle.
    pub revision: u64,
    /// When the bundle stops being acceptable as a new one.
    #[serde(with = "instant")]
    pub not_after: Timestamp,
    /// SHA-256 of every file in hexadecimal, by its path in the folder. Tests are among them.
    files: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "bedrock-warden/policy-bundle/v1")]
    PolicyBundle,
}

impl Manifest {
    /// Describes `files`.
    pub fn of(files: &[Source], revision: u64, not_after: Timestamp) -> Self {
        let hash = |file: &Source| (file.path.to_string(), sha256(file.text.as_bytes()));
        Self { kind: Kind::PolicyBundle, revision, not_after, files: files.iter().map(hash).collect() }
    }

    pub(super) fn parse(text: &str) -> Result<Self, BundleError> {
        serde_json::from_str(text).map_err(|error| BundleError::Manifest(error.to_string()))
    }

    pub(super) fn to_text(&self) -> String {
        // A map with text keys and plain values has no way to fail.
        serde_json::to_string_pretty(self).map(|text| text + "\n").unwrap_or_default()
    }

    /// Whether `files` are all the files it names and no others.
    pub(super) fn describes(&self, files: &[Source]) -> Result<(), BundleError> {
        for file in files {
            match self.files.get(&*file.path) {
                None => return Err(BundleError::Additional(file.path.to_string())),
                Some(expected) if *expected != sha256(file.text.as_bytes()) => {
                    return Err(BundleError::Changed(file.path.to_string()));
                }
                Some(_) => {}
            }
        }
        let has = |path: &str| files.iter().any(|file| &*file.path == path);
        match self.files.keys().find(|path| !has(path)) {
            Some(path) => Err(BundleError::Missing(path.clone())),
            None => Ok(()),
        }
    }

    /// Whether it may not come into force any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.not_after
    }
}

/// RFC 3339.
mod instant {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| de::Error::custom("`notAfter` must be a time such as `2027-01-31T00:00:00Z`"))
    }
}
