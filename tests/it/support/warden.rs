//! One warden, one simulator, one folder: set up for a test and checked after it.
//!
//! Dropping a [`TestWarden`] drains it and asserts what must hold after every test, so that a hole fails whichever test
//! fell into it. A test that ends in a panic is not checked: its own message is the one to read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::call::{Call, KeyPair, PROMPT_CANARY};
use super::http::{Connection, Head, Response, Target};
use super::journal::{Journal, Record};
use super::process::{Finished, Process, run, warden_command};
use super::simulator::{self, Seen, Simulator};
use super::{PATIENCE, eventually};

/// Grants every model.
pub const ALLOW_ALL: &str = "allow:\n  - models: [\"*\"]\n";

/// What a test wants before the warden starts.
pub struct Setup {
    policies: Vec<(String, String)>,
    settings: Vec<(&'static str, String)>,
    /// Replacements in `warden.yaml`.
    edits: Vec<(&'static str, String)>,
    event_gap_ms: u32,
    /// Lines of shell before the warden replaces the shell: resource limits.
    shell: Option<&'static str>,
}

/// A warden that serves.
pub struct TestWarden {
    home: TempDir,
    pub simulator: Simulator,
    process: Process,
    settings: Vec<(&'static str, String)>,
    shell: Option<&'static str>,
    addresses: Addresses,
    pub ca: PathBuf,
    pub key: KeyPair,
    /// What `init` printed for an SDK, with the ports that were really bound.
    environment: BTreeMap<String, String>,
    /// stderr of processes that ended before the last one.
    said: String,
    expectation: Expectation,
}

#[derive(Debug, Clone, Copy)]
struct Addresses {
    data: SocketAddr,
    plain: SocketAddr,
    admin: SocketAddr,
}

/// What a test has done to the warden, and therefore what its end may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expectation {
    Drains,
    Ended,
    JournalLost,
}

impl Setup {
    /// Org and team allow everything.
    pub fn new() -> Self {
        let setup = Self {
            policies: Vec::new(),
            // A loaded machine may take its time to sync; how short the time is by default is no matter of most tests.
            settings: vec![("WARDEN_AUDIT_DEADLINE", "5s".to_owned())],
            edits: Vec::new(),
            event_gap_ms: 0,
            shell: None,
        };
        setup.org(ALLOW_ALL).team(ALLOW_ALL)
    }

    /// The sections of `org.yaml`.
    #[must_use]
    pub fn org(self, sections: &str) -> Self {
        self.policy("org.yaml", &format!("version: 1\nscope: org\n{sections}"))
    }

    /// The sections of the file of the calling team.
    #[must_use]
    pub fn team(self, sections: &str) -> Self {
        self.policy("teams/payments.yaml", &format!("version: 1\nscope: team/payments\n{sections}"))
    }

    #[must_use]
    pub fn policy(mut self, path: &str, text: &str) -> Self {
        self.policies.retain(|(present, _)| present != path);
        self.policies.push((path.to_owned(), text.to_owned()));
        self
    }

    #[must_use]
    pub fn no_policies(mut self) -> Self {
        self.policies.clear();
        self
    }

    /// Overrides a key of `warden.yaml` by its environment variable.
    #[must_use]
    pub fn setting(mut self, variable: &'static str, value: &str) -> Self {
        self.settings.push((variable, value.to_owned()));
        self
    }

    /// Replaces `text`, which `warden.yaml` holds, by another.
    #[must_use]
    pub fn edit(mut self, text: &'static str, other: &str) -> Self {
        self.edits.push((text, other.to_owned()));
        self
    }

    #[must_use]
    pub fn event_gap_ms(mut self, gap: u32) -> Self {
        self.event_gap_ms = gap;
        self
    }

    /// Runs a line of shell first, for limits that the warden inherits.
    #[must_use]
    pub fn shell(mut self, line: &'static str) -> Self {
        self.shell = Some(line);
        self
    }

    pub fn start(self) -> TestWarden {
        let home = tempfile::tempdir().unwrap();
        let simulator = Simulator::start(home.path(), self.event_gap_ms);
        let environment = init(home.path(), &simulator);
        let policies = home.path().join("warden/policies");
        std::fs::remove_dir_all(&policies).unwrap();
        for (path, text) in &self.policies {
            write_file(&policies.join(path), text);
        }
        std::fs::create_dir_all(&policies).unwrap();
        let config = home.path().join("warden/warden.yaml");
        for (text, other) in &self.edits {
            let before = std::fs::read_to_string(&config).unwrap();
            assert!(before.contains(text), "{text} is not in {before}");
            write_file(&config, &before.replace(text, other));
        }
        let process = spawn(home.path(), &self.settings, self.shell);
        let mut warden = TestWarden {
            ca: PathBuf::from(&environment["AWS_CA_BUNDLE"]),
            key: KeyPair {
                id: environment["AWS_ACCESS_KEY_ID"].clone(),
                secret: environment["AWS_SECRET_ACCESS_KEY"].clone(),
            },
            home,
            simulator,
            process,
            settings: self.settings,
            shell: self.shell,
            addresses: Addresses::NONE,
            environment,
            said: String::new(),
            expectation: Expectation::Drains,
        };
        warden.learn_addresses();
        warden
    }
}

impl TestWarden {
    /// A folder that lives as long as the test.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn folder(&self) -> PathBuf {
        self.home.path().join("warden")
    }

    pub fn config(&self) -> PathBuf {
        self.folder().join("warden.yaml")
    }

    /// The TLS listener, without ALPN.
    pub fn tls(&self) -> Target {
        Target::tls(self.addresses.data, &self.ca, &[])
    }

    pub fn tls_with(&self, protocols: &[&str]) -> Target {
        Target::tls(self.addresses.data, &self.ca, protocols)
    }

    pub fn plain(&self) -> Target {
        Target::plain(self.addresses.plain)
    }

    pub fn admin(&self) -> Target {
        Target::plain(self.addresses.admin)
    }

    pub fn authority(&self) -> String {
        self.addresses.data.to_string()
    }

    /// The environment of an application that was pointed at this warden.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Signs with the first caller's key, for the TLS listener.
    pub fn sign(&self, call: Call) -> Call {
        call.sign(&self.key, &self.authority())
    }

    /// Signs and sends over TLS.
    pub fn send(&self, call: Call) -> Response {
        self.tls().send(&self.sign(call))
    }

    /// Signs, sends, and reads the head of the answer.
    pub fn open(&self, call: Call) -> (Connection, Head) {
        self.tls().start(&self.sign(call))
    }

    /// Every request that was passed on to the simulator.
    pub fn upstream(&self) -> Vec<Seen> {
        self.simulator.requests().into_iter().filter(|seen| !seen.is_lookup()).collect()
    }

    /// Every question of the warden's own about what stands behind a name.
    pub fn lookups(&self) -> Vec<Seen> {
        self.simulator.requests().into_iter().filter(Seen::is_lookup).collect()
    }

    /// The simulated Bedrock.
    pub fn bedrock(&self) -> &Simulator {
        &self.simulator
    }

    /// The only request that the simulator has seen.
    #[track_caller]
    pub fn upstream_request(&self) -> Seen {
        let requests = self.upstream();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }

    pub fn journal(&self) -> Journal {
        Journal::query(self.home(), &self.config())
    }

    /// The record that ends the request of `response`.
    #[track_caller]
    pub fn record_of(&self, response: &Response) -> Record {
        self.journal().end_of(&response.decision_id()).clone()
    }

    /// The outcome of one request, once it is there.
    pub fn outcome_of(&self, decision: &str) -> Record {
        let mut found = None;
        eventually("the outcome of the request", || {
            found = self.journal().of(decision).find(|record| record.is_outcome()).cloned();
            found.is_some()
        });
        found.unwrap()
    }

    /// The end of the only intent there is, once it is there.
    pub fn only_outcome(&self) -> Record {
        let mut found = None;
        eventually("one outcome in the journal", || {
            let journal = self.journal();
            let ends: Vec<_> = journal.records.iter().filter(|record| record.is_outcome()).collect();
            assert!(ends.len() <= 1, "{ends:?}");
            found = ends.first().map(|record| (*record).clone());
            found.is_some()
        });
        found.unwrap()
    }

    /// Writes a policy file in one step and asks for a reload.
    pub fn write_policy(&self, path: &str, text: &str) {
        let file = self.folder().join("policies").join(path);
        let fresh = self.home().join("fresh.yaml");
        write_file(&fresh, text);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::rename(fresh, file).unwrap();
        self.process.hang_up();
    }

    /// Runs a command with `--config` of this warden.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        let config = self.config();
        run(self.home(), arguments.iter().chain(&["--config", config.to_str().unwrap()]))
    }

    /// Adds another caller. Returns its key.
    pub fn add_caller(&self, team: &str, app: &str) -> KeyPair {
        let added = self.run(&["caller", "add", "--team", team, "--app", app]);
        assert_eq!(added.code, 0, "{}", added.stderr);
        let printed = variables(&added.stdout);
        KeyPair { id: printed["AWS_ACCESS_KEY_ID"].clone(), secret: printed["AWS_SECRET_ACCESS_KEY"].clone() }
    }

    /// A new token that the running warden knows.
    pub fn add_bearer(&self, team: &str, app: &str) -> String {
        let added = self.run(&["caller", "add", "--team", team, "--app", app, "--bearer"]);
        assert_eq!(added.code, 0, "{}", added.stderr);
        let token = variables(&added.stdout)["AWS_BEARER_TOKEN_BEDROCK"].clone();
        let call = || Call::list_models().bearer(&token, &self.authority());
        eventually("the warden to know the new token", || {
            self.tls().send(&call()).error_type() != "UnrecognizedClientException"
        });
        token
    }

    /// Waits until the running warden has read that the owner of `key` exists.
    pub fn wait_until_known(&self, key: &KeyPair) {
        let call = || Call::list_models().sign(key, &self.authority());
        eventually("the warden to know the new key", || {
            self.tls().send(&call()).error_type() != "UnrecognizedClientException"
        });
    }

    pub fn hang_up(&self) {
        self.process.hang_up();
    }

    /// Asks for a drain and does not wait for its end.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process.kill();
        self.expectation = Expectation::Ended;
    }

    /// Starts again on the same folder after a kill.
    pub fn restart(&mut self) {
        assert!(self.process.has_ended());
        self.said.push_str(&self.process.stderr());
        self.process = spawn(self.home.path(), &self.settings, self.shell);
        self.expectation = Expectation::Drains;
        self.learn_addresses();
    }

    /// Starts again without the limits of [`Setup::shell`].
    pub fn restart_without_limits(&mut self) {
        self.shell = None;
        self.restart();
    }

    /// Waits for the end of a drain. Panics unless it was an orderly one.
    pub fn wait_for_exit(&mut self) {
        let status = self.process.wait(PATIENCE * 2);
        self.expectation = Expectation::Ended;
        assert!(status.success(), "the warden ended with {status} and said:\n{}", self.process.stderr());
    }

    /// Takes the journal away from under the running warden.
    pub fn lose_journal(&mut self) {
        std::fs::remove_dir_all(self.folder().join("data")).unwrap();
        self.expectation = Expectation::JournalLost;
    }

    /// Everything the warden has said so far.
    pub fn stderr(&self) -> String {
        format!("{}{}", self.said, self.process.stderr())
    }

    /// Checks that `text` was neither said nor recorded.
    #[track_caller]
    pub fn assert_never_kept(&self, text: &str) {
        let said = self.stderr();
        assert!(!said.contains(text), "`{text}` was logged:\n{said}");
        let data = self.folder().join("data");
        assert!(!any_file_holds(&data, text.as_bytes()), "`{text}` is in the journal");
    }

    fn learn_addresses(&mut self) {
        self.addresses = Addresses::read(&self.process.ready());
        let data = format!("https://{}", self.addresses.data);
        for name in ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL_BEDROCK"] {
            self.environment.insert(name.to_owned(), data.clone());
        }
    }

    fn check(&mut self) {
        if self.expectation != Expectation::Ended {
            self.process.terminate();
            let status = self.process.wait(PATIENCE * 2);
            let orderly = self.expectation == Expectation::JournalLost || status.success();
            assert!(orderly, "the warden ended with {status} and said:\n{}", self.process.stderr());
        }
        self.check_silence();
        if self.expectation != Expectation::JournalLost {
            let journal = self.journal();
            journal.assert_ends();
            self.check_forwarded(&journal);
        }
    }

    /// INVARIANT: no panic, no secret and no prompt in anything that was logged or recorded.
    fn check_silence(&self) {
        let said = format!("{}{}", self.stderr(), self.simulator.stderr());
        assert!(!said.contains("panicked at"), "{said}");
        let (session_secret, session_token) = ("session/secret+that", "session-token/that");
        for canary in
            [PROMPT_CANARY, &self.key.secret, simulator::SECRET_ACCESS_KEY, session_secret, session_token]
        {
            self.assert_never_kept(canary);
        }
    }

    /// INVARIANT: Bedrock saw nothing that the journal does not know.
    fn check_forwarded(&self, journal: &Journal) {
        let mut intents: BTreeMap<&str, usize> = BTreeMap::new();
        for intent in journal.intents() {
            *intents.entry(intent.invocation_id()).or_default() += 1;
        }
        for seen in &self.upstream() {
            let left = intents.get_mut(seen.invocation_id()).filter(|left| **left > 0);
            *left.unwrap_or_else(|| panic!("Bedrock saw a request without an intent: {seen:?}")) -= 1;
        }
    }
}

impl Drop for TestWarden {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the warden said ----\n{}", self.stderr());
        } else {
            self.check();
        }
    }
}

impl Addresses {
    const NONE: Self = {
        let none = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
        Self { data: none, plain: none, admin: none }
    };

    fn read(lines: &[String]) -> Self {
        let address = |prefix: &str| -> SocketAddr {
            let found = lines.iter().find_map(|line| line.strip_prefix(prefix));
            found.unwrap_or_else(|| panic!("no `{prefix}` in {lines:?}")).parse().unwrap()
        };
        Self {
            data: address("data https://"),
            plain: address("plain http://"),
            admin: address("admin http://"),
        }
    }
}

/// Reads the `NAME=value` lines that commands print for an SDK.
pub fn variables(printed: &str) -> BTreeMap<String, String> {
    printed
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect()
}

/// Replaces or creates a file.
pub fn write_file(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn init(home: &Path, simulator: &Simulator) -> BTreeMap<String, String> {
    let folder = home.join("warden");
    let any = "127.0.0.1:0";
    let made =
        run(
            home,
            ["init", folder.to_str().unwrap(), "--listen", any, "--plain", any, "--admin", any]
                .iter()
                .chain(&["--endpoint", &simulator.endpoint, "--endpoint-ca", simulator.ca.to_str().unwrap()]),
        );
    assert_eq!(made.code, 0, "init failed: {}", made.stderr);
    variables(&made.stdout)
}

fn spawn(home: &Path, settings: &[(&'static str, String)], shell: Option<&'static str>) -> Process {
    let config = home.join("warden/warden.yaml");
    let mut command = match shell {
        None => warden_command(home),
        Some(line) => {
            let mut command = super::process::clean_command("sh", home);
            command.args(["-c", &format!("{line}; exec \"$@\""), "sh", super::process::BINARY]);
            command
        }
    };
    command
        .args(["serve", "--config"])
        .arg(config)
        .env("AWS_ACCESS_KEY_ID", simulator::ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", simulator::SECRET_ACCESS_KEY)
        .envs(settings.iter().map(|(name, value)| (*name, value.as_str())));
    Process::spawn("warden", &mut command)
}

fn any_file_holds(folder: &Path, needle: &[u8]) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        std::fs::read(entry.path())
            .is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    })
}
