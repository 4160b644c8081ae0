//! Programs of others that the tests need: found, or obtained from the ordinary package registries.
//!
//! `cargo test` itself needs Rust and a C compiler. Everything else is put under `target/test-clients`, once for each set
//! of pins, and said on stderr. With `CI` set, a part that cannot be had is a failure; on a developer's machine it is
//! reported and the tests that need it are left out, never silently. Nothing is installed outside `target`.

pub mod clients;
#[cfg(feature = "prove")]
pub mod cvc5;
pub mod debian;
pub mod node;
pub mod postgres;
pub mod python;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is missing, and how to get it.
#[derive(Debug, Clone)]
pub struct Missing(pub String);

/// The part, or `None` where a developer's machine lacks it, which is said aloud.
///
/// Panics under `CI`: there, a test that did not run has failed.
pub fn required<T>(part: Result<T, Missing>) -> Option<T> {
    match part {
        Ok(part) => Some(part),
        Err(Missing(what)) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have every part: {what}");
            announce(&format!("NOT TESTED: {what}"));
            None
        }
    }
}

/// `target/test-clients/NAME`.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-clients").join(name)
}

/// Fills `folder` by `install` unless it was filled for the same `pins`. Other test processes wait meanwhile.
fn once(folder: &Path, pins: &str, install: impl FnOnce(&mut String) -> bool) -> Result<(), String> {
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let stamp = folder.join("complete");
    if fs::read_to_string(&stamp).is_ok_and(|filled_for| filled_for == pins) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    fs::create_dir_all(folder).unwrap();
    let mut errors = String::new();
    if install(&mut errors) {
        fs::write(&stamp, pins).unwrap();
        Ok(())
    } else {
        Err(errors)
    }
}

fn attempt(errors: &mut String, command: &mut Command) -> bool {
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

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// Says something to the person who runs the tests.
fn announce(line: &str) {
    // Not `eprintln!`, which the test harness keeps to itself.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "\nbedrock-warden tests: {line}").unwrap();
}
