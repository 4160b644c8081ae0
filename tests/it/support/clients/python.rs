//! Python with pinned packages, one environment for each list of them.
//!
//! `uv`, itself a package of PyPI, fills an environment in a fraction of the time that pip takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::Missing;
use super::install::{attempt, once, succeeds};

const CURRENT: &str = include_str!("../../clients/python/current.txt");
const FIRST: &str = include_str!("../../clients/python/first.txt");
const UV: &str = "uv==0.13.9";

/// A list of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packages {
    /// Every client in a recent release.
    Current,
    /// One of the first releases of boto3 with Bedrock, which no recent client can be installed beside.
    First,
}

/// An interpreter that has packages.
#[derive(Debug, Clone)]
pub struct Python {
    pub program: PathBuf,
}

/// Python with the given packages. Installs them on first use.
pub fn python(packages: Packages) -> Result<Python, Missing> {
    static CURRENT_FOUND: OnceLock<Result<Python, Missing>> = OnceLock::new();
    static FIRST_FOUND: OnceLock<Result<Python, Missing>> = OnceLock::new();
    let found = match packages {
        Packages::Current => &CURRENT_FOUND,
        Packages::First => &FIRST_FOUND,
    };
    found.get_or_init(|| interpreter().and_then(|python| environment(&python, packages))).clone()
}

impl Packages {
    /// The version of one of them.
    pub fn version(self, package: &str) -> String {
        let pin = format!("{package}==");
        let line = self.pins().lines().find_map(|line| line.strip_prefix(&pin));
        let line = line.unwrap_or_else(|| panic!("{package} is not in {self:?}"));
        line.split(' ').next().unwrap().to_owned()
    }

    const fn pins(self) -> &'static str {
        match self {
            Self::Current => CURRENT,
            Self::First => FIRST,
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Current => "python-current",
            Self::First => "python-first",
        }
    }
}

/// A Python that can make environments.
pub(super) fn interpreter() -> Result<PathBuf, Missing> {
    let recent = "import sys; sys.exit(sys.version_info < (3, 10))";
    let found = ["python3", "python"].into_iter().find(|name| succeeds(name, &["-c", recent]));
    found.map(PathBuf::from).ok_or_else(|| {
        Missing(
            "the Python clients need Python 3.10 or newer; install it with its `pip` module \
             (Debian: apt-get install python3 python3-pip)"
                .to_owned(),
        )
    })
}

/// The program `uv`: the machine's own, or one from PyPI.
pub(super) fn uv(python: &Path) -> Result<PathBuf, Missing> {
    if succeeds("uv", &["--version"]) {
        return Ok(PathBuf::from("uv"));
    }
    let folder = once("uv", UV, UV, |folder, errors| {
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"];
        let packages = folder.join("packages");
        attempt(errors, Command::new(python).args(install).arg(&packages).arg(UV)) || {
            // Debian splits pip from Python; where it is missing, `venv` may have one.
            let bare = folder.join("venv");
            attempt(errors, Command::new(python).args(["-m", "venv"]).arg(&bare))
                && attempt(errors, Command::new(bare.join("bin/python")).args(install).arg(&packages).arg(UV))
        }
    });
    let folder = folder.map_err(|errors| {
        Missing(format!(
            "the Python clients could not be installed; they need Python's `pip` or `venv` module and a package \
             index (Debian: apt-get install python3-pip):\n{errors}"
        ))
    })?;
    Ok(folder.join("packages/bin/uv"))
}

fn environment(python: &Path, packages: Packages) -> Result<Python, Missing> {
    let uv = uv(python)?;
    let what = format!("Python clients ({packages:?})");
    let folder = once(packages.folder(), &what, packages.pins(), |folder, errors| {
        let (venv, pins) = (folder.join("venv"), folder.join("packages.txt"));
        fs::write(&pins, packages.pins()).unwrap();
        attempt(errors, Command::new(&uv).args(["venv", "--quiet", "--python"]).arg(python).arg(&venv))
            && attempt(
                errors,
                Command::new(&uv).args(["pip", "sync", "--quiet", "--python"]).arg(&venv).arg(&pins),
            )
    });
    let folder =
        folder.map_err(|errors| Missing(format!("the {what} could not be installed by uv:\n{errors}")))?;
    Ok(Python { program: folder.join("venv/bin/python") })
}
