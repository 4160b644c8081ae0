//! A signed bundle as one JSON document, for places that keep single objects.
//!
//! Receives bytes from elsewhere. Paths in them name nothing on this machine: they are compared with the manifest and
//! written nowhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BundleError, Seal};
use crate::yaml::Source;

/// Bytes of the largest document.
pub const LARGEST: usize = 16 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    manifest: String,
    signature: String,
    files: BTreeMap<String, String>,
}

/// The document of a bundle.
pub fn pack(seal: &Seal, files: &[Source]) -> Result<String, BundleError> {
    let packed = Packed {
        manifest: seal.manifest.clone(),
        signature: seal.signature.clone(),
        files: files.iter().map(|file| (file.path.to_string(), file.text.to_string())).collect(),
    };
    let text = serde_json::to_string(&packed).map_err(|error| BundleError::Packed(error.to_string()))?;
    if text.len() > LARGEST { Err(BundleError::TooLarge) } else { Ok(text) }
}

/// What is in a document. Nothing of it is proven yet.
pub fn unpack(bytes: &[u8]) -> Result<(Seal, Vec<Source>), BundleError> {
    if bytes.len() > LARGEST {
        return Err(BundleError::TooLarge);
    }
    let packed: Packed =
        serde_json::from_slice(bytes).map_err(|error| BundleError::Packed(error.to_string()))?;
    let files = packed.files.into_iter().map(|(path, text)| Source::new(path, text)).collect();
    Ok((Seal { manifest: packed.manifest, signature: packed.signature }, files))
}
