//! Python environments of pinned packages, one for each third-party program that is written in Python.
//!
//! Filled by uv, which is itself a PyPI package: Arize Phoenix with its 148 packages takes seconds instead of minutes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Missing, announce, attempt, folder, once, succeeds};

const UV: &str = "uv==0.13.8";

/// Only what PyPI offers as a wheel; nothing is left in anybody's cache; no Python but the machine's own.
const OPTIONS: [&str; 5] =
    ["--quiet", "--no-cache", "--system-certs", "--no-python-downloads", "--no-progress"];

/// The programs of one environment.
#[derive(Debug, Clone)]
pub struct Environment(PathBuf);

impl Environment {
    pub fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}

/// A Python of at least version `3.minor`.
pub fn interpreter(minor: u8, what_for: &str) -> Result<PathBuf, Missing> {
    let recent = format!("import sys; sys.exit(sys.version_info < (3, {minor}))");
    let found = ["python3", "python"].into_iter().find(|name| succeeds(name, &["-c", &recent]));
    found.map(PathBuf::from).ok_or_else(|| {
        Missing(format!(
            "{what_for} needs Python 3.{minor} or newer; install it with its `venv` or `pip` module \
             (Debian: apt-get install python3 python3-venv)"
        ))
    })
}

/// An environment with the packages of `pins`, a requirements file. Filled on first use.
pub fn environment(name: &str, pins: &str, minor: u8) -> Result<Environment, Missing> {
    let python = interpreter(minor, name)?;
    let uv = uv(&python)?;
    let folder = folder(name);
    let (requirements, venv) = (folder.join("requirements.txt"), folder.join("venv"));
    once(&folder, pins, |errors| {
        announce(&format!(
            "installing {name} from PyPI into {} ({} packages)",
            folder.display(),
            pins.lines().count()
        ));
        fs::write(&requirements, pins).unwrap();
        let mut install = command(&uv, &["pip", "install"]);
        install.args(["--only-binary", ":all:", "--python"]).arg(&venv).arg("-r").arg(&requirements);
        attempt(errors, command(&uv, &["venv"]).arg("--python").arg(&python).arg(&venv))
            && attempt(errors, &mut install)
    })
    .map_err(|errors| Missing(format!("{name} could not be installed from PyPI:\n{errors}")))?;
    Ok(Environment(venv))
}

fn command(uv: &Path, subcommand: &[&str]) -> Command {
    let mut command = Command::new(uv);
    command.args(subcommand).args(OPTIONS);
    // Whoever has told pip of an index of their own means it for every client.
    if let Some(index) = std::env::var_os("PIP_INDEX_URL") {
        command.env("UV_DEFAULT_INDEX", index);
    }
    command
}

fn uv(python: &Path) -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
    FOUND.get_or_init(|| install_uv(python)).clone()
}

fn install_uv(python: &Path) -> Result<PathBuf, Missing> {
    let folder = folder("uv");
    let root = folder.join("root");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV];
    once(&folder, UV, |errors| {
        announce(&format!("installing from PyPI into {}: {UV}", folder.display()));
        // Debian splits `ensurepip` from Python, and pip too: either is enough.
        attempt(errors, Command::new(python).args(pip).arg("--target").arg(&root))
            || attempt(errors, Command::new(python).args(["-m", "venv", "--clear"]).arg(&root))
                && attempt(errors, Command::new(root.join("bin/python")).args(pip))
    })
    .map_err(|errors| {
        Missing(format!(
            "uv could not be installed; it needs Python's `venv` or `pip` module and a package index \
             (Debian: apt-get install python3-venv):\n{errors}"
        ))
    })?;
    Ok(root.join("bin/uv"))
}
