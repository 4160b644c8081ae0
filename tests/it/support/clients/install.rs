//! One folder of packages, filled once for each list of versions.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::announce;

/// `target/test-clients`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-clients")
}

/// Fills the folder `name` by `install` unless it was filled for the same `pins`. Other test processes wait meanwhile.
///
/// `install` writes down what went wrong.
pub(super) fn once(
    name: &str,
    what: &str,
    pins: &str,
    install: impl FnOnce(&Path, &mut String) -> bool,
) -> Result<PathBuf, String> {
    let folder = folder().join(name);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = folder.join("complete");
    if fs::read_to_string(&stamp).is_ok_and(|filled_for| filled_for == pins) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    announce(&format!("installing {what} into {}", folder.display()));
    let (began, mut errors) = (Instant::now(), String::new());
    if install(&folder, &mut errors) {
        fs::write(&stamp, pins).unwrap();
        announce(&format!("installed {what} in {} s", began.elapsed().as_secs()));
        Ok(folder)
    } else {
        Err(errors)
    }
}

pub(super) fn attempt(errors: &mut String, command: &mut Command) -> bool {
    match command.output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            writeln!(errors, "{command:?}: {}", String::from_utf8_lossy(&said)).unwrap();
            false
        }
        Err(error) => {
            writeln!(errors, "{command:?}: {error}").unwrap();
            false
        }
    }
}

pub(super) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}
