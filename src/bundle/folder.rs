//! A signed bundle as a folder: the files beside their manifest and its signature.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{BundleError, Seal};

/// Name of the manifest, beside the files.
pub const MANIFEST: &str = "manifest.json";

/// Name of the manifest's signature.
pub const SIGNATURE: &str = "manifest.sig";

/// More than 4096 files of a policy folder need.
const LARGEST: u64 = 2 * 1024 * 1024;

/// The seal of a folder; `None` when it has none.
pub fn read_seal(folder: &Path) -> Result<Option<Seal>, BundleError> {
    let manifest = read(&folder.join(MANIFEST))?;
    let signature = read(&folder.join(SIGNATURE))?;
    Ok(manifest.zip(signature).map(|(manifest, signature)| Seal { manifest, signature }))
}

fn read(path: &Path) -> Result<Option<String>, BundleError> {
    let unreadable = |reason: String| BundleError::Unreadable { path: path.display().to_string(), reason };
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)) {
        Ok(_) if text.len() as u64 > LARGEST => Err(unreadable(format!("it is larger than {LARGEST} bytes"))),
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}
