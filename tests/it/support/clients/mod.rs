//! Clients of other languages: interpreters found, packages obtained from the ordinary registries.
//!
//! `cargo test` needs Rust and a C compiler. What the Python and JavaScript clients need beyond that is put under
//! `target/test-clients`, once for each list of pinned versions, and said on stderr. With `CI` set, a part that cannot be
//! had is a failure; on a developer's machine it is reported and the clients that need it are left out, never silently.

mod install;
mod node;
mod python;

use std::io::Write as _;

pub use install::folder;
pub use node::{Node, node};
pub use python::{Packages, python};

/// What is missing, and how to get it.
#[derive(Debug, Clone)]
pub struct Missing(String);

/// The client, or `None` where a developer's machine lacks it, which is said aloud.
///
/// Panics under `CI`: there, a test that did not run has failed.
pub fn required<T>(client: Result<T, Missing>) -> Option<T> {
    match client {
        Ok(client) => Some(client),
        Err(Missing(what)) => {
            assert!(std::env::var_os("CI").is_none(), "CI must have every client: {what}");
            announce(&format!("NOT TESTED: {what}"));
            None
        }
    }
}

/// Says something to the person who runs the tests.
fn announce(line: &str) {
    // Not `eprintln!`, which the test harness keeps to itself.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "\nbedrock-warden tests: {line}").unwrap();
}
