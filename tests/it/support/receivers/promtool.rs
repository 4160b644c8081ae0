//! promtool: Prometheus's own reading of metrics and of PromQL.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::obtain::{debian, required};
use crate::support::process::{Finished, finish};

pub struct Promtool(PathBuf);

impl Promtool {
    /// `None` where it cannot be had, which has been said.
    pub fn find() -> Option<Self> {
        required(debian::program("promtool")).map(Self)
    }

    /// Parses and lints an answer of `/metrics`.
    pub fn check_metrics(&self, exposition: &str) -> Finished {
        self.check("metrics", "", exposition, "cat \"$2\" | \"$1\" check metrics")
    }

    /// Parses the expressions of a rules file.
    pub fn check_rules(&self, rules: &str) -> Finished {
        self.check("rules", ".yaml", rules, "\"$1\" check rules \"$2\"")
    }

    fn check(&self, what: &str, extension: &str, text: &str, line: &str) -> Finished {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(format!("{what}{extension}"));
        fs::write(&file, text).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", line, "sh"]).arg(&self.0).arg(&file).stdin(Stdio::null());
        finish(&mut command)
    }
}
