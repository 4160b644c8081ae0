//! The solver cvc5: found on the `PATH`, or PyPI's library for Python behind the program that ships.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::python::environment;
use super::{Missing, folder, succeeds};

const PINS: &str = "cvc5==1.4.2\n";
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/solver/cvc5-stdin");

/// A program that takes SMT-LIB on stdin.
pub fn program() -> Result<PathBuf, Missing> {
    if succeeds("cvc5", &["--version"]) {
        return Ok(PathBuf::from("cvc5"));
    }
    let python = environment("cvc5", PINS, 9)?.program("python");
    let program = folder("cvc5").join("cvc5");
    fs::write(&program, started(&python)).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Ok(program)
}

fn started(python: &Path) -> String {
    format!("#!/bin/sh\nexec '{}' '{SHIPPED}' \"$@\"\n", python.display())
}
