//! The policy folder, read as one consistent set of files.
//!
//! Receives a folder, returns every policy file in it with its path relative to the folder, sorted by path. Follows
//! symbolic links, because that is how Kubernetes mounts a ConfigMap, and skips names that start with a dot. Never
//! returns part of a folder: what cannot be read fails the whole.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::yaml::Source;

/// Why a policy folder cannot be read.
#[derive(Debug, Error)]
pub enum PolicyFolderError {
    #[error("`{}` cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("`{}` is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
    #[error("the name of `{}` is not UTF-8", .0.display())]
    Name(PathBuf),
    #[error("`{}` is not a regular file", .0.display())]
    NotAFile(PathBuf),
    #[error("`{}` is larger than {LARGEST_FILE} bytes", .0.display())]
    TooLarge(PathBuf),
    #[error("`{}` lies too deep, or a link leads back to it", .0.display())]
    TooDeep(PathBuf),
    #[error("`{}` holds more than {MOST_FILES} policy files", .0.display())]
    TooMany(PathBuf),
    #[error("`{}` was replaced again and again while it was read", .0.display())]
    Changing(PathBuf),
}

/// Reads all `.yaml` files below `folder`, and those called `.yml`, which the compiler refuses by name.
pub fn read_folder(folder: &Path) -> Result<Vec<Source>, PolicyFolderError> {
    for _ in 0..ATTEMPTS {
        let before = generation(folder);
        let mut found = Vec::new();
        collect(folder, "", 0, &mut found)?;
        // A ConfigMap is replaced by pointing `..data` elsewhere: files from before and after would be no set at all.
        if generation(folder) == before {
            found.sort_by(|left, right| left.path.cmp(&right.path));
            return Ok(found);
        }
    }
    Err(PolicyFolderError::Changing(folder.to_owned()))
}

const ATTEMPTS: u32 = 5;
const LARGEST_FILE: u64 = 1024 * 1024;
const MOST_FILES: usize = 4096;
/// `apps/<team>/<app>.yaml` is two levels deep; what lies deeper is refused by name, if it can be reached.
const DEEPEST: u32 = 6;

/// Which version of a ConfigMap is mounted; `None` for a plain folder.
fn generation(folder: &Path) -> Option<PathBuf> {
    fs::read_link(folder.join("..data")).ok()
}

fn collect(
    folder: &Path,
    prefix: &str,
    depth: u32,
    found: &mut Vec<Source>,
) -> Result<(), PolicyFolderError> {
    if depth > DEEPEST {
        return Err(PolicyFolderError::TooDeep(folder.to_owned()));
    }
    let unreadable = |error| PolicyFolderError::Unreadable { path: folder.to_owned(), error };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name =
            path.file_name().and_then(OsStr::to_str).ok_or_else(|| PolicyFolderError::Name(path.clone()))?;
        if name.starts_with('.') {
            continue;
        }
        let relative = format!("{prefix}{name}");
        let metadata = fs::metadata(&path)
            .map_err(|error| PolicyFolderError::Unreadable { path: path.clone(), error })?;
        if metadata.is_dir() {
            collect(&path, &format!("{relative}/"), depth + 1, found)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            if found.len() == MOST_FILES {
                return Err(PolicyFolderError::TooMany(folder.to_owned()));
            }
            // A pipe would keep the reader waiting.
            if !metadata.is_file() {
                return Err(PolicyFolderError::NotAFile(path));
            }
            found.push(Source::new(relative, read(&path)?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, PolicyFolderError> {
    let unreadable = |error| PolicyFolderError::Unreadable { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(PolicyFolderError::TooLarge(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| PolicyFolderError::NotUtf8(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn paths(folder: &Path) -> Vec<String> {
        read_folder(folder).unwrap().iter().map(|source| source.path.to_string()).collect()
    }

    #[test]
    fn files_are_found_in_the_order_of_their_paths() {
        let folder = folder(&[
            ("teams/b.yaml", b"b"),
            ("org.yaml", b"o"),
            ("teams/a.yml", b"a"),
            ("apps/b/c.yaml", b"c"),
            ("README.md", b"x"),
            (".git/config.yaml", b"x"),
            (".hidden.yaml", b"x"),
        ]);
        assert_eq!(paths(folder.path()), ["apps/b/c.yaml", "org.yaml", "teams/a.yml", "teams/b.yaml"]);
    }

    #[test]
    fn a_config_map_is_read_through_its_links() {
        let folder = folder(&[("..2026/org.yaml", b"o"), ("..2026/teams/a.yaml", b"a")]);
        symlink("..2026", folder.path().join("..data")).unwrap();
        symlink("..data/org.yaml", folder.path().join("org.yaml")).unwrap();
        symlink("..data/teams", folder.path().join("teams")).unwrap();
        assert_eq!(paths(folder.path()), ["org.yaml", "teams/a.yaml"]);
    }

    #[test]
    fn what_cannot_be_read_whole_fails_closed() {
        let latin = folder(&[("org.yaml", b"owner: M\xfcller")]);
        assert!(matches!(read_folder(latin.path()), Err(PolicyFolderError::NotUtf8(_))));
        let large = folder(&[("org.yaml", &vec![b'#'; 1024 * 1024 + 1])]);
        assert!(matches!(read_folder(large.path()), Err(PolicyFolderError::TooLarge(_))));
        let circle = folder(&[("org.yaml", b"o")]);
        symlink(".", circle.path().join("teams")).unwrap();
        assert!(matches!(
            read_folder(circle.path()),
            Err(PolicyFolderError::TooDeep(_) | PolicyFolderError::Unreadable { .. })
        ));
        let dangling = folder(&[("org.yaml", b"o")]);
        symlink("nowhere.yaml", dangling.path().join("extra.yaml")).unwrap();
        assert!(matches!(read_folder(dangling.path()), Err(PolicyFolderError::Unreadable { .. })));
        assert!(matches!(read_folder(Path::new("/nonexistent")), Err(PolicyFolderError::Unreadable { .. })));
    }
}
