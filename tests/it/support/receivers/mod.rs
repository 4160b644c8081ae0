//! Receivers of telemetry that others wrote, as real processes on free loopback ports.
//!
//! Each is obtained by `support::obtain`, started for one test, and ended with it by its own id. None of them can reach
//! beyond this machine: whatever calls out by itself is sent to a proxy that is not there.

mod cbor;
mod moto;
mod phoenix;
mod promtool;
mod stalled;
mod victoria_metrics;

pub use moto::{Moto, NAMESPACE};
pub use phoenix::{Phoenix, Span};
pub use promtool::Promtool;
pub use stalled::{ABSENT, Stalled};
pub use victoria_metrics::VictoriaMetrics;

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::PATIENCE;
use super::call::Call;
use super::http::{Response, Target};
use super::process::{Process, clean_command};

/// A receiver that listens.
struct Receiver {
    address: SocketAddr,
    /// Ends with the receiver.
    _process: Process,
}

impl Receiver {
    /// Starts `command`, which says `…{before}ADDRESS…` on stderr once it listens.
    fn start(name: &'static str, command: &mut Command, before: &str) -> Self {
        let mut process = Process::spawn(name, command);
        // The first start of a Python program compiles all of it, while other tests keep the machine busy.
        let deadline = Instant::now() + PATIENCE * 8;
        loop {
            let said = process.stderr();
            if let Some(address) = announced(&said, before) {
                return Self { address, _process: process };
            }
            assert!(!process.has_ended(), "{name} ended before it listened and said:\n{said}");
            assert!(Instant::now() < deadline, "{name} does not listen; it said:\n{said}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, target: &str) -> Response {
        self.send(Call::new("GET", target, ""))
    }

    fn post(&self, target: &str, body: &str) -> Response {
        self.send(Call::new("POST", target, body))
    }

    fn send(&self, call: Call) -> Response {
        let host = self.address.to_string();
        Target::plain(self.address).send(&call.header("host", &host))
    }
}

/// A command that cannot call out.
fn receiver_command(program: &Path, home: &Path) -> Command {
    let mut command = clean_command(program, home);
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(variable, format!("http://{ABSENT}"));
    }
    command.env("PYTHONUNBUFFERED", "1").current_dir(home);
    command
}

fn announced(said: &str, before: &str) -> Option<SocketAddr> {
    let (_, rest) = said.split_once(before)?;
    let end = rest.find(|letter: char| letter.is_whitespace() || letter == '/' || letter == '"')?;
    rest[..end].parse().ok()
}

/// A value as it may stand in a query string.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").unwrap(),
        }
        encoded
    })
}
