//! Processes of the real binary: started in a clean environment, watched by deadlines, ended with the test.
//!
//! Only processes that were started here are ever signalled, by their id.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_bedrock-warden");

/// A running process whose streams are collected.
pub struct Process {
    name: &'static str,
    child: Child,
    stdout: Mutex<Receiver<String>>,
    stderr: Arc<Mutex<String>>,
    collector: Option<JoinHandle<()>>,
    ended: Option<ExitStatus>,
}

/// What a command that ran to its end left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command of `program` that inherits nothing: no AWS settings of the person who runs the tests, no home.
pub fn clean_command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).env("AWS_EC2_METADATA_DISABLED", "true").env("RUST_BACKTRACE", "1");
    for inherited in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(inherited) {
            command.env(inherited, value);
        }
    }
    command
}

/// A command of the binary under test.
pub fn warden_command(home: &Path) -> Command {
    clean_command(BINARY, home)
}

/// Runs `bedrock-warden` to its end.
pub fn run<S: AsRef<OsStr>>(home: &Path, arguments: impl IntoIterator<Item = S>) -> Finished {
    finish(warden_command(home).args(arguments))
}

/// Runs any command to its end, within a deadline of four times [`PATIENCE`].
pub fn finish(command: &mut Command) -> Finished {
    let mut process = Process::spawn("command", command);
    let status = process.wait(PATIENCE * 4);
    let stdout = lock(&process.stdout).iter().map(|line| line + "\n").collect();
    Finished { code: status.code().unwrap_or(-1), stdout, stderr: process.stderr() }
}

impl Process {
    pub fn spawn(name: &'static str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let (lines, stdout) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        let stderr = Arc::new(Mutex::new(String::new()));
        let collector = collect(child.stderr.take().unwrap(), Arc::clone(&stderr));
        Self { name, child, stdout: Mutex::new(stdout), stderr, collector: Some(collector), ended: None }
    }

    /// The lines printed before the line `ready`.
    pub fn ready(&mut self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lock(&self.stdout).recv_timeout(left);
            match line {
                Ok(line) if line == "ready" => return lines,
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("{} is not ready; it printed {lines:?} and said:\n{}", self.name, self.stderr())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.wait(PATIENCE);
                    panic!("{} ended before it was ready ({status}) and said:\n{}", self.name, self.stderr())
                }
            }
        }
    }

    /// SIGTERM: finish what you have, then go.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// SIGHUP: read your files again.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&mut self) {
        if self.ended.is_none() {
            self.child.kill().unwrap();
            self.ended = Some(self.child.wait().unwrap());
        }
    }

    /// Whether the process has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.ended = self.ended.or_else(|| self.child.try_wait().unwrap());
        self.ended.is_some()
    }

    /// Waits for the end, and until everything it said has been collected.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        while !self.has_ended() {
            assert!(
                Instant::now() < deadline,
                "{} did not end within {patience:?} and said:\n{}",
                self.name,
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Some(collector) = self.collector.take() {
            collector.join().unwrap();
        }
        self.ended.unwrap()
    }

    /// Everything said on stderr so far.
    pub fn stderr(&self) -> String {
        lock(&self.stderr).clone()
    }

    /// `std` can only kill; the shell's builtin knows the other signals.
    fn signal(&self, name: &str) {
        let line = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &line]).status().unwrap();
        assert!(status.success(), "cannot signal {}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.kill();
        }
    }
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            lock(&into).push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    })
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
