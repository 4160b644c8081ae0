//! From files to a policy set, or to the list of everything that is wrong with them.
//!
//! Receives all files of a policy folder at once. Returns a set only when no error was found; a set that exists can
//! be evaluated without any further error.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use jiff::Timestamp;

use super::catalogue::{self, Catalogue};
use super::detectors::{self, Detectors};
use super::document::Level;
use super::exceptions;
use super::lint;
use super::scope::Scope;
use super::unsupported;
use super::{PolicySet, Team};
use crate::yaml::{Diagnostics, Source};

/// Compiles the files of a policy folder; paths are relative to it. `None` when an error was reported. `now` decides which
/// exceptions are over and which would last too long.
pub fn compile(files: &[Source], now: Timestamp, diagnostics: &mut Diagnostics) -> Option<PolicySet> {
    let errors = diagnostics.errors();
    let own = files.iter().find(|file| &*file.path == detectors::FILE);
    let detectors = Detectors::read(own, diagnostics)?;
    let mut org = None;
    let mut teams = BTreeMap::new();
    let mut apps = Vec::new();
    let mut catalogue = Catalogue::default();
    for file in files {
        if &*file.path == catalogue::FILE {
            catalogue = Catalogue::read(file, diagnostics).unwrap_or_default();
            continue;
        }
        if [exceptions::FILE, detectors::FILE].contains(&&*file.path) {
            continue;
        }
        let Some(scope) = scope_of(file, diagnostics) else { continue };
        let Some(level) = Level::read(file, scope, &detectors, diagnostics) else { continue };
        match &level.scope {
            Scope::Org => org = Some(level),
            Scope::Team(team) => {
                teams.insert(team.clone(), Team { level, apps: BTreeMap::new(), exceptions: Vec::new() });
            }
            Scope::App(team, app) => apps.push((team.clone(), app.clone(), level)),
        }
    }
    let has = |path: &str| files.iter().any(|file| &*file.path == path);
    if !has("org.yaml") {
        let nowhere = Source::new("org.yaml", "");
        let diagnostic = nowhere.error(0..0, "there is no org.yaml, so there is no floor");
        diagnostics.push(diagnostic.help("add one; what its `allow` does not list, no team can use"));
    }
    for (team, app, level) in apps {
        if let Some(team) = teams.get_mut(&team) {
            team.apps.insert(app, level);
        } else if !has(&format!("teams/{team}.yaml")) {
            let diagnostic = level.source.error(0..0, format!("there is no policy for team `{team}`"));
            diagnostics
                .push(diagnostic.help(format!("add teams/{team}.yaml; an app can only narrow its team")));
        }
    }
    let org = org?;
    if let Some(file) = files.iter().find(|file| &*file.path == exceptions::FILE) {
        let around = exceptions::Around { org: &org, teams: &teams, detectors: &detectors, now };
        for exception in exceptions::read(file, around, &has, diagnostics) {
            if let Some(team) = teams.get_mut(&exception.team) {
                team.exceptions.push(exception);
            }
        }
    }
    let set = PolicySet { digest: digest(files), org, teams, catalogue, detectors };
    lint::check(&set, diagnostics);
    (diagnostics.errors() == errors).then_some(set)
}

/// The scope that a file's path demands; a file that can have none is reported.
fn scope_of(file: &Source, diagnostics: &mut Diagnostics) -> Option<Scope> {
    let scope = Scope::of_path(&file.path);
    if scope.is_none() {
        let diagnostic = match unsupported::file(&file.path) {
            Some(hint) => file.error(0..0, format!("`{}` is not read by this version", file.path)).help(hint),
            None => file.error(0..0, format!("`{}` is not a policy file", file.path)).help(
                "policy files are org.yaml, teams/<team>.yaml, apps/<team>/<app>.yaml, exceptions.yaml, detectors.yaml and catalog.yaml",
            ),
        };
        diagnostics.push(diagnostic);
    }
    scope
}

/// `sha256:` over the sorted lines that `sha256sum` prints for the files, so that anybody can work it out.
fn digest(files: &[Source]) -> String {
    let sha256 = |bytes: &[u8]| hex::encode(digest::digest(&digest::SHA256, bytes));
    let mut lines: Vec<String> =
        files.iter().map(|file| format!("{}  {}\n", sha256(file.text.as_bytes()), file.path)).collect();
    lines.sort();
    format!("sha256:{}", sha256(lines.concat().as_bytes()))
}
