//! A PostgreSQL of a test's own: an own data folder, a port of loopback, gone with the test.
//!
//! PostgreSQL refuses to run as root, so that under root it runs as nobody.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::eventually;
use super::obtain::{postgres, required};
use super::process::{Process, clean_command, finish};

const NOBODY: u32 = 65_534;

/// A running server.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Postgres {
    /// `None` where a developer's machine lacks it, which is said.
    pub fn start() -> Option<Self> {
        let programs = required(postgres::programs())?;
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        // Nobody else takes a port between these two lines, or the test says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder, programs, port, process: None };
        let mut initdb = server.command("initdb");
        initdb.args(["--username=warden", "--auth=trust", "--no-sync", "--pgdata"]).arg(server.data());
        let made = finish(&mut initdb);
        assert_eq!(made.code, 0, "initdb: {}{}", made.stdout, made.stderr);
        server.run();
        Some(server)
    }

    /// Starts it again after [`Self::stop`], with what it held.
    pub fn run(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"] {
            command.args(["-c", setting]);
        }
        self.process = Some(Process::spawn("postgres", &mut command));
        eventually("PostgreSQL to answer", || finish(&mut self.client("pg_isready")).code == 0);
    }

    /// Takes it away at once, connections and all.
    pub fn stop(&mut self) {
        self.process.take().unwrap().kill();
        eventually("PostgreSQL to be gone", || finish(&mut self.client("pg_isready")).code != 0);
        // Its workers notice by themselves that they are alone, and then let go of the folder.
        let lock = self.data().join("postmaster.pid");
        drop(std::fs::remove_file(lock));
    }

    pub fn url(&self) -> String {
        format!("postgres://warden@127.0.0.1:{}/postgres", self.port)
    }

    /// The one value that a question has for an answer.
    pub fn ask(&self, question: &str) -> String {
        let mut psql = self.client("psql");
        psql.args(["-U", "warden", "-d", "postgres", "-At", "-c", question]);
        let answered = finish(&mut psql);
        assert_eq!(answered.code, 0, "{question}: {}", answered.stderr);
        answered.stdout.trim().to_owned()
    }

    fn client(&self, name: &str) -> Command {
        let mut command = self.command(name);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command
    }

    fn command(&self, name: &str) -> Command {
        let mut command = clean_command(self.programs.join(name), self.folder.path());
        command.env("LC_ALL", "C").current_dir(self.folder.path());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
