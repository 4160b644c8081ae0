//! What clients of the warden in other languages are made of: Python packages by uv, Node.js packages by npm.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::Missing;
use super::python::environment;

const CURRENT: &str = include_str!("../../pins/clients.txt");
const FIRST_BOTO3: &str = include_str!("../../pins/first-boto3.txt");

/// Python packages that are installed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packages {
    /// Every client in a recent release.
    Current,
    /// One of the first releases of boto3 with Bedrock, which no recent client can be installed beside.
    FirstBoto3,
}

impl Packages {
    /// The Python that has them. Installs them on first use.
    pub fn interpreter(self) -> Result<PathBuf, Missing> {
        static CURRENT_FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
        static FIRST_FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
        let (found, name) = match self {
            Self::Current => (&CURRENT_FOUND, "clients"),
            Self::FirstBoto3 => (&FIRST_FOUND, "first-boto3"),
        };
        let install = || environment(name, self.pins(), 10).map(|packages| packages.program("python"));
        found.get_or_init(install).clone()
    }

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
            Self::FirstBoto3 => FIRST_BOTO3,
        }
    }
}
