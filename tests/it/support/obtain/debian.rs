//! Programs out of Debian packages: found on the `PATH`, or downloaded and unpacked without installing anything.
//!
//! apt runs on private state, as whoever runs the tests. The mirror is the one the machine's own sources name, with
//! another suite; the index is verified with Debian's own keyring, the packages by the index.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Missing, announce, attempt, folder, once};

/// A stable release, so that what is tested with does not change from one day to the next.
const SUITE: &str = "trixie";
const PACKAGES: [&str; 2] = ["promtool", "victoria-metrics"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A program of one of the packages.
pub fn program(name: &str) -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let present = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    present.map_or_else(|| unpacked().map(|root| root.join("usr/bin").join(name)), Ok)
}

/// The root folder of the unpacked packages.
fn unpacked() -> Result<PathBuf, Missing> {
    static FOUND: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
    FOUND.get_or_init(unpack).clone()
}

fn unpack() -> Result<PathBuf, Missing> {
    let mirror = mirror().ok_or_else(|| {
        missing(
            "put them on the PATH; without that they are taken from Debian's packages, and this is no Debian",
        )
    })?;
    let folder = folder("debian");
    let root = folder.join("root");
    once(&folder, &format!("{SUITE} {}", PACKAGES.join(" ")), |errors| {
        announce(&format!("unpacking Debian packages of {SUITE} into {}: {PACKAGES:?}", folder.display()));
        prepare(&folder, &mirror);
        attempt(errors, apt(&folder).arg("update"))
            && attempt(errors, apt(&folder).arg("download").args(PACKAGES))
            && packages(&folder).iter().all(|package| {
                attempt(errors, Command::new("dpkg-deb").arg("-x").arg(package).arg(&root))
                    && fs::remove_file(package).is_ok()
            })
    })
    .map_err(|errors| missing(&format!("apt could not download them:\n{errors}")))?;
    Ok(root)
}

fn missing(why: &str) -> Missing {
    Missing(format!("{} are needed: {why}", PACKAGES.join(" and ")))
}

/// Where this machine gets Debian's `main` from.
fn mirror() -> Option<String> {
    let format = "$(CREATED_BY) $(COMPONENT) $(RELEASE) $(REPO_URI)";
    let listed = Command::new("apt-get").args(["indextargets", "--format", format]).output().ok()?;
    let release = fs::read_to_string("/etc/os-release").ok()?;
    let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    let debian = release.lines().any(|line| line == "ID=debian");
    let prefix = format!("Packages main {codename} ");
    let targets = String::from_utf8(listed.stdout).ok()?;
    targets.lines().filter(|_| debian).find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
}

fn prepare(folder: &Path, mirror: &str) {
    for needed in ["sources", "state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(needed)).unwrap();
    }
    fs::write(folder.join("state/status"), "").unwrap();
    let source =
        format!("Types: deb\nURIs: {mirror}\nSuites: {SUITE}\nComponents: main\nSigned-By: {KEYRING}\n");
    fs::write(folder.join("sources/tests.sources"), source).unwrap();
}

/// apt-get that neither reads the machine's package state nor writes to it.
fn apt(folder: &Path) -> Command {
    let mut command = Command::new("apt-get");
    for (option, value) in [
        ("Dir::State", folder.join("state").into_os_string()),
        ("Dir::State::status", folder.join("state/status").into_os_string()),
        ("Dir::Cache", folder.join("cache").into_os_string()),
        ("Dir::Etc::sourcelist", OsString::from("/dev/null")),
        ("Dir::Etc::sourceparts", folder.join("sources").into_os_string()),
        ("Dir::Etc::preferencesparts", OsString::from("/dev/null")),
        // As root, apt would hand over to a user who may not enter this folder.
        ("APT::Sandbox::User", OsString::from("root")),
        ("Acquire::Languages", OsString::from("none")),
        ("Acquire::IndexTargets::deb::DEP-11::DefaultEnabled", OsString::from("false")),
    ] {
        let mut setting = OsString::from(format!("{option}="));
        setting.push(value);
        command.arg("-o").arg(setting);
    }
    command.arg("-qq").current_dir(folder);
    command
}

fn packages(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "deb")).collect()
}
