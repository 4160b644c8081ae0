//! Applications in other languages: one file each under `tests/it/clients`, run as their users would.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::call::KeyPair;
use crate::support::obtain::clients::Packages;
use crate::support::obtain::node::{self, Node, node};
use crate::support::obtain::{Missing, folder, required};
use crate::support::process::{clean_command, finish};
use crate::support::warden::TestWarden;

use super::expected::{ATTEMPTS, Observed};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients");

/// One of them. Knows nothing of a sidecar: all it gets is the environment.
#[derive(Debug, Clone, Copy)]
pub struct Application {
    pub language: Language,
    /// Its file, without the folder.
    pub program: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Python(Packages),
    JavaScript,
}

impl Language {
    /// The version of a package that the application stands on.
    pub fn version(self, package: &str) -> String {
        match self {
            Self::Python(packages) => packages.version(package),
            Self::JavaScript => node::version(package),
        }
    }
}

impl Application {
    /// Runs `cases` with the key of the warden's first caller. `None` where the language is missing, which was said.
    pub fn run(self, warden: &TestWarden, cases: &[&str]) -> Option<Vec<Observed>> {
        self.run_with(warden, cases, &warden.key, &[])
    }

    /// The same with another key, and with more variables than `init` printed.
    pub fn run_with(
        self,
        warden: &TestWarden,
        cases: &[&str],
        key: &KeyPair,
        more: &[(&str, &str)],
    ) -> Option<Vec<Observed>> {
        let mut command = required(self.command(warden.home()))?;
        command
            .args(cases)
            .envs(warden.environment())
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret)
            .env("AWS_MAX_ATTEMPTS", ATTEMPTS.to_string())
            .envs(more.iter().copied());
        let finished = finish(&mut command);
        assert_eq!(finished.code, 0, "{} failed: {}{}", self.program, finished.stdout, finished.stderr);
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Some(finished.stdout.lines().map(parse).collect::<Vec<Value>>())
    }

    fn command(self, home: &Path) -> Result<Command, Missing> {
        match self.language {
            Language::Python(packages) => {
                let mut command = clean_command(packages.interpreter()?, home);
                command.arg(Path::new(PROGRAMS).join("python").join(self.program));
                // Out of the source tree.
                command.env("PYTHONPYCACHEPREFIX", folder("bytecode"));
                Ok(command)
            }
            Language::JavaScript => {
                let node = node()?;
                let mut command = clean_command(&node.program, home);
                command.arg(beside_packages(home, &node).join(self.program));
                Ok(command)
            }
        }
    }
}

/// Node.js looks for packages beside a script, so the scripts are put beside them.
fn beside_packages(home: &Path, node: &Node) -> PathBuf {
    let folder = home.join("javascript");
    if !folder.exists() {
        std::fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(&node.modules, folder.join("node_modules")).unwrap();
        for script in std::fs::read_dir(Path::new(PROGRAMS).join("node")).unwrap() {
            let script = script.unwrap();
            std::fs::copy(script.path(), folder.join(script.file_name())).unwrap();
        }
    }
    folder
}
