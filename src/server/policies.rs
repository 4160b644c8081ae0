//! From files to policies that may be used: compiled, with all their tests passed. And the last ones that were.
//!
//! Receives the files of a policy folder, returns a policy set or why there is none. Keeps the files of the set in force
//! beside the journal, so that a mistake that is on disk when the process starts is no worse than one at a reload. Never
//! uses policies of which a test fails, or whose tests do not come to their end in time.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::origin::Candidate;
use super::reload::LoadError;
use crate::bundle::Seal;
use crate::clock;
use crate::policy::analysis::suite::{Results, Suite};
use crate::policy::{self, PolicySet};
use crate::yaml::{Diagnostics, Source};

/// How long the tests of a policy folder may take. Whoever has more tests runs them in CI.
const TESTING: Duration = Duration::from_secs(5);

/// Failed tests that a message names.
const MOST_NAMED: usize = 5;

/// Compiles policies and runs the cases of their tests. Invariants take as long as the grid is large, so that a machine under
/// load could refuse what an idle one takes: those are searched by `policy test`.
pub(super) fn prepare(sources: &[Source]) -> Result<PolicySet, LoadError> {
    let mut diagnostics = Diagnostics::default();
    let policies = policy::compile(sources, clock::now(), &mut diagnostics);
    let Some(policies) = policies else { return Err(LoadError::Mistakes(diagnostics)) };
    let mut diagnostics = Diagnostics::default();
    let suite = Suite::read(sources, &policies, &mut diagnostics);
    let suite = suite.ok_or(LoadError::Mistakes(diagnostics))?;
    let begun = clock::instant();
    let results =
        suite.run_cases(&policies, &|| begun.elapsed() > TESTING).map_err(|_| LoadError::Late(TESTING))?;
    match results.failed() {
        0 => {
            policies.prepare_streams();
            Ok(policies)
        }
        count => Err(LoadError::Tests { count, names: failures(&results) }),
    }
}

/// The first tests that fail, with their places.
fn failures(results: &Results<'_>) -> String {
    let cases = results.cases.iter().filter(|result| !result.mismatches.is_empty());
    let cases = cases.map(|result| format!("{} {}", result.case.at(), result.case.name));
    let mut names: Vec<String> = cases.take(MOST_NAMED + 1).collect();
    if names.len() > MOST_NAMED {
        names.truncate(MOST_NAMED);
        names.push("…".to_owned());
    }
    names.join("; ")
}

/// The files of the policies that were last in force.
#[derive(Debug, Clone)]
pub(super) struct LastGood {
    file: PathBuf,
}

/// Files, and what proves them where they were signed.
#[derive(Serialize, Deserialize)]
struct Kept {
    files: Vec<KeptFile>,
    seal: Option<KeptSeal>,
}

/// One file, as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptFile {
    path: String,
    text: String,
}

/// The seal of a bundle, as it is kept: policies that came signed are proven again before they are used again.
#[derive(Serialize, Deserialize)]
struct KeptSeal {
    manifest: String,
    signature: String,
}

impl Kept {
    fn of(candidate: &Candidate) -> Self {
        let file =
            |source: &Source| KeptFile { path: source.path.to_string(), text: source.text.to_string() };
        let seal = candidate.seal.clone();
        Self {
            files: candidate.files.iter().map(file).collect(),
            seal: seal.map(|Seal { manifest, signature }| KeptSeal { manifest, signature }),
        }
    }

    fn candidate(self) -> Candidate {
        let files = self.files.into_iter().map(|file| Source::new(file.path, file.text)).collect();
        let seal = self.seal.map(|KeptSeal { manifest, signature }| Seal { manifest, signature });
        Candidate { files, seal }
    }
}

impl LastGood {
    /// Beside `journal`, because both are state of the warden's own.
    pub fn beside(journal: &Path) -> Self {
        Self { file: journal.with_file_name("last-good-policies.json") }
    }

    /// What was in force; `None` when nothing was, or nothing that can be read.
    pub fn candidate(&self) -> Option<Candidate> {
        let text = match fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %self.file.display(), %error, "the last good policies cannot be read");
                return None;
            }
        };
        match serde_json::from_slice::<Kept>(&text) {
            Ok(kept) => Some(kept.candidate()),
            Err(error) => {
                tracing::warn!(path = %self.file.display(), %error, "the last good policies cannot be read");
                None
            }
        }
    }

    /// Keeps `candidate`, whole or not at all. Without it a start depends on the source alone, which is no reason to stop.
    pub fn keep(&self, candidate: &Candidate) {
        if let Err(error) = self.write(candidate) {
            tracing::warn!(path = %self.file.display(), %error, "the policies in force cannot be kept for a restart");
        }
    }

    fn write(&self, candidate: &Candidate) -> io::Result<()> {
        let text = serde_json::to_vec(&Kept::of(candidate))?;
        if fs::read(&self.file).is_ok_and(|known| known == text) {
            return Ok(());
        }
        let next = self.file.with_extension("json.next");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(&text)?;
        file.sync_all()?;
        // CRASH: a reader finds the old file or the new one.
        fs::rename(&next, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: &str = "version: 1\nscope: org\nallow: { models: \"*\" }\n";
    const TEAM: &str = "version: 1\nscope: team/a\nallow: { models: \"*\" }\n";

    fn files(tests: &str) -> Vec<Source> {
        [("org.yaml", ORG), ("teams/a.yaml", TEAM), ("tests/a.yaml", tests)]
            .map(|(path, text)| Source::new(path, text))
            .to_vec()
    }

    #[test]
    fn policies_whose_tests_fail_are_not_used() {
        let case = |decision: &str| {
            format!(
                "cases:\n  - name: it\n    given: {{ team: a, app: b }}\n    request: {{ model: amazon.nova-lite-v1:0 }}\n    expect: {{ decision: {decision} }}\n"
            )
        };
        assert!(prepare(&files(&case("allow"))).is_ok());
        let error = prepare(&files(&case("deny, rules: [org/allow]"))).unwrap_err().to_string();
        assert_eq!(error, "1 of the policies' tests fails: tests/a.yaml:2 it");
        assert!(matches!(prepare(&files("cases: { nonsense: 1 }\n")), Err(LoadError::Mistakes(_))));
    }

    #[test]
    fn the_last_good_files_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let kept = LastGood::beside(&folder.path().join("audit.db"));
        assert!(kept.candidate().is_none());
        let seal = Seal { manifest: "{}".to_owned(), signature: "AA==".to_owned() };
        for seal in [None, Some(seal)] {
            let candidate = Candidate { files: files("never: []\n"), seal };
            kept.keep(&candidate);
            assert!(kept.candidate().unwrap().is(&candidate));
        }
        fs::write(&kept.file, "[{]").unwrap();
        assert!(kept.candidate().is_none());
    }
}
