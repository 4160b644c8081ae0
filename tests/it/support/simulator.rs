//! The simulated Bedrock of one test, and what it saw.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::call::{Call, KeyPair};
use super::http::{Response, Target};
use super::process::{Process, warden_command};

/// The upstream credentials: the warden signs with them, the simulator verifies.
pub const ACCESS_KEY_ID: &str = "AKIASIMULATOR0000000";
pub const SECRET_ACCESS_KEY: &str = "upstream/secret+that+no+log+may+hold/000";

/// Marks requests of the tests themselves.
const DIRECT: &str = "x-of-the-test";
/// Temporary credentials whose signatures the simulator accepts, too.
pub const SESSIONS: usize = 6;

/// One of them.
#[derive(Debug, Clone)]
pub struct Session {
    pub access_key_id: String,
    pub secret: String,
    pub token: String,
}

impl Session {
    pub fn nth(nth: usize) -> Self {
        Self {
            access_key_id: format!("ASIASIMULATOR000000{nth}"),
            secret: format!("session/secret+that+no+log+may+hold/{nth}"),
            token: format!("session-token/that+no+log+may+hold/{nth}=="),
        }
    }
}

/// The real binary as `simulator`.
pub struct Simulator {
    process: Process,
    pub endpoint: String,
    pub ca: PathBuf,
    log: PathBuf,
}

/// One request as the simulator received it.
#[derive(Debug, Clone)]
pub struct Seen(Value);

impl Simulator {
    /// `event_gap_ms` is the pause between two events of a stream.
    pub fn start(home: &Path, event_gap_ms: u32) -> Self {
        let folder = home.join("simulator");
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join("requests.jsonl");
        let mut command = warden_command(home);
        command
            .args(["simulator", "--listen", "127.0.0.1:0", "--tls-dir"])
            .arg(&folder)
            .args(["--access-key-id", ACCESS_KEY_ID, "--secret-access-key", SECRET_ACCESS_KEY])
            .arg("--request-log")
            .arg(&log)
            .args(["--request-log-bodies", "--event-gap-ms", &event_gap_ms.to_string()]);
        for Session { access_key_id, secret, token } in (0..SESSIONS).map(Session::nth) {
            command.arg("--session").arg(format!("{access_key_id}:{secret}:{token}"));
        }
        let mut process = Process::spawn("simulator", &mut command);
        let lines = process.ready();
        let endpoint = lines.iter().find_map(|line| line.strip_prefix("simulator "));
        let endpoint = endpoint.unwrap_or_else(|| panic!("no address in {lines:?}")).to_owned();
        Self { process, endpoint, ca: folder.join("ca.pem"), log }
    }

    /// Calls the simulator past the warden, as the owner of the account does.
    pub fn call(&self, call: Call) -> Response {
        let authority = self.endpoint.strip_prefix("https://").unwrap();
        let owner = KeyPair { id: ACCESS_KEY_ID.to_owned(), secret: SECRET_ACCESS_KEY.to_owned() };
        let target = Target::tls(authority.parse().unwrap(), &self.ca, &[]);
        target.send(&call.header(DIRECT, "yes").sign(&owner, authority))
    }

    /// Every request of the warden so far, in order.
    pub fn requests(&self) -> Vec<Seen> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        // A line that is being written is not a request yet.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let seen = whole.lines().map(|line| Seen(serde_json::from_str(line).unwrap()));
        seen.filter(|seen| !seen.is_of_the_test()).collect()
    }

    /// Breaks every connection and stops listening.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    pub fn stderr(&self) -> String {
        self.process.stderr()
    }
}

impl Seen {
    pub fn path(&self) -> &str {
        self.0["path"].as_str().expect("the log has a path")
    }

    pub fn invocation_id(&self) -> &str {
        self.0["amz-sdk-invocation-id"].as_str().unwrap_or_default()
    }

    pub fn method(&self) -> &str {
        self.0["method"].as_str().expect("the log has a method")
    }

    /// Whether the warden asked on its own account what stands behind a name. It then sends nothing of a caller's.
    pub fn is_lookup(&self) -> bool {
        let own = self.header("user-agent").is_some_and(|agent| agent.starts_with("bedrock-warden/"));
        self.method() == "GET" && self.invocation_id().is_empty() && own
    }

    /// Whether the test itself called the simulator.
    fn is_of_the_test(&self) -> bool {
        self.header(DIRECT).is_some()
    }

    pub fn signature_ok(&self) -> bool {
        self.0["signature_ok"] == true
    }

    pub fn access_key_id(&self) -> &str {
        self.0["access_key_id"].as_str().expect("every request is signed")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.0["headers"][name].as_str()
    }

    /// The body as text.
    pub fn body(&self) -> &str {
        self.0["body"].as_str().expect("the log has bodies")
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(self.body()).unwrap()
    }
}
