//! How exceptions are written, and everything that is wrong with them when files are read.
//!
//! Receives the file, the levels that it speaks about and the moment at which it is read. All metadata is required: an
//! exception that nobody owns, approved or can look up is not one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Exception, Waiver};
use crate::policy::Team;
use crate::policy::condition::check_blank;
use crate::policy::detectors::Detectors;
use crate::policy::document::{Items, Level, check_scope, check_version};
use crate::policy::rule::{FileHead, Mode, Place, Rule, RuleId, Section, read_sentence};
use crate::policy::rules::Kind;
use crate::policy::scope::is_name;
use crate::yaml::{Diagnostics, Mapping, Node, Reader, Source, closest};

/// Where exceptions are written, in the policy folder.
pub(in crate::policy) const FILE: &str = "exceptions.yaml";

/// Days before its end at which an exception is warned about.
const SOON: i64 = 14;

/// What exceptions are about.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Around<'a> {
    pub org: &'a Level,
    pub teams: &'a BTreeMap<String, Team>,
    pub detectors: &'a Detectors,
    pub now: Timestamp,
}

/// Reads the file. `has_file` says whether a team's file is there at all, readable or not.
pub(in crate::policy) fn read(
    source: &Source,
    around: Around<'_>,
    has_file: &dyn Fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) -> Vec<Exception> {
    let Some(document) = source.parse(diagnostics) else { return Vec::new() };
    let mut reader = Reader { source, diagnostics };
    let Some(mapping) = reader.mapping(&document, FILE, &FILE_KEYS) else { return Vec::new() };
    check_blank(&mut reader, &mapping);
    check_version(&mut reader, &mapping);
    check_scope(&mut reader, &mapping, "exceptions");
    let Some(list) = reader.required(&mapping, "exceptions.yaml", "exceptions") else { return Vec::new() };
    let mut exceptions: Vec<Exception> = Vec::new();
    for node in reader.list(list) {
        let Some(exception) = read_one(&mut reader, node, around, has_file) else { continue };
        if let Some(first) = exceptions.iter().find(|other| other.id == exception.id) {
            let message = format!("two exceptions are called `{}`", exception.id);
            let diagnostic = reader.source.error(node.span.clone(), message);
            reader.push(diagnostic.help(format!("the other is at {}", first.place.at)));
        }
        check_end(&mut reader, node, &exception, around);
        exceptions.push(exception);
    }
    exceptions
}

pub(in crate::policy) const FILE_KEYS: [&str; 3] = ["version", "scope", "exceptions"];
pub(in crate::policy) const KEYS: [&str; 10] =
    ["id", "for", "waive", "instead", "until", "owner", "approvedBy", "ticket", "reason", "breakGlass"];
const PLACE: &str = "an exception";

fn read_one(
    reader: &mut Reader<'_>,
    node: &Node,
    around: Around<'_>,
    has_file: &dyn Fn(&str) -> bool,
) -> Option<Exception> {
    let errors = reader.diagnostics.errors();
    let item = reader.mapping(node, PLACE, &KEYS)?;
    check_blank(reader, &item);
    let id = reader.required(&item, PLACE, "id").and_then(|node| read_id(reader, node, around));
    let bound =
        reader.required(&item, PLACE, "for").and_then(|node| read_for(reader, node, around, has_file));
    let list = reader.required(&item, PLACE, "waive");
    let waives = bound.as_ref().zip(list).map(|((team, app), node)| {
        let known = Known::of(around, team, app.as_deref());
        read_waivers(reader, node, &known)
    });
    let until = reader.required(&item, PLACE, "until").and_then(|node| read_until(reader, node));
    // For whoever reviews the file: nothing that is decided hangs on them.
    let metadata = ["owner", "approvedBy", "ticket", "reason"]
        .map(|key| reader.required(&item, PLACE, key).and_then(|node| read_sentence(reader, node, key)));
    let break_glass = item.get("breakGlass").and_then(|node| reader.boolean(node, "breakGlass"));
    let instead = match (item.get("instead"), &id) {
        (Some(node), Some(id)) => read_instead(reader, node, id, around.detectors),
        (_, _) => Items::default(),
    };
    let (team, app) = bound?;
    if metadata.contains(&None) {
        return None;
    }
    let exception = Exception {
        id: id?.into(),
        place: Place::new(reader.source, &node.span),
        team,
        app,
        waives: waives?,
        instead,
        until: until?,
        break_glass: break_glass.unwrap_or_default(),
    };
    check_grants(reader, &item, &exception);
    (reader.diagnostics.errors() == errors).then_some(exception)
}

fn read_id(reader: &mut Reader<'_>, node: &Node, around: Around<'_>) -> Option<String> {
    let id = reader.string(node, "id")?;
    if !is_name(&id) {
        reader.error(&node.span, "id must be letters, digits, `-`, `_` or `.`, at most 64");
        return None;
    }
    // The rules of `instead` would have the ids of that scope.
    if id == "org" || around.teams.contains_key(&id) {
        reader.error(&node.span, format!("`{id}` is a scope; give the exception another id"));
        return None;
    }
    Some(id)
}

fn read_for(
    reader: &mut Reader<'_>,
    node: &Node,
    around: Around<'_>,
    has_file: &dyn Fn(&str) -> bool,
) -> Option<(String, Option<String>)> {
    let mapping = reader.mapping(node, "`for`", &["team", "app"])?;
    check_blank(reader, &mapping);
    let written = reader.required(&mapping, "`for`", "team")?;
    let team = reader.string(written, "team")?;
    let app = match mapping.get("app") {
        Some(node) => Some(read_name(reader, node, "app")?),
        None => None,
    };
    if !around.teams.contains_key(&team) && !has_file(&format!("teams/{team}.yaml")) {
        let message = format!("there is no policy for team `{}`", team.escape_debug());
        let diagnostic = reader.source.error(written.span.clone(), message);
        let near = closest(&team, around.teams.keys().map(String::as_str));
        reader.push(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("an exception is for a team, or an app of one"),
        });
        return None;
    }
    Some((team, app))
}

fn read_name(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<String> {
    let name = reader.string(node, place)?;
    if !is_name(&name) {
        reader.error(&node.span, format!("{place} must be letters, digits, `-`, `_` or `.`, at most 64"));
        return None;
    }
    Some(name)
}

/// The rules that an exception for some team and app can be about.
struct Known<'a> {
    levels: Vec<&'a Level>,
}

impl<'a> Known<'a> {
    fn of(around: Around<'a>, team: &str, app: Option<&str>) -> Self {
        let mut levels = vec![around.org];
        if let Some(team) = around.teams.get(team) {
            levels.push(&team.level);
            levels.extend(
                team.apps
                    .iter()
                    .filter(|(name, _)| app.is_none_or(|app| app == *name))
                    .map(|(_, level)| level),
            );
        }
        Self { levels }
    }

    fn allow(&self, id: &str) -> Option<&'a Level> {
        let named = |level: &&&Level| level.grants.as_ref().is_some_and(|grants| grants.id.as_str() == id);
        self.levels.iter().find(named).copied()
    }

    fn grant(&self, id: &str) -> bool {
        let grants = self.levels.iter().flat_map(|level| &level.grants).flat_map(|grants| &grants.items);
        grants.filter(|grant| grant.head.id.as_str() == id).count() > 0
    }

    fn rule(&self, id: &str) -> Option<&'a Rule> {
        self.levels.iter().flat_map(|level| &level.rules).find(|rule| rule.head.id.as_str() == id)
    }

    /// A rule and one of its fields, as `org/limits.maxTokens` names them.
    fn field(&self, text: &str) -> Option<(&'a Rule, Option<&'static str>)> {
        let (id, field) = text.rsplit_once('.')?;
        let rule = self.rule(id)?;
        Some((rule, fields(rule).find(|known| *known == field)))
    }

    /// Everything that can be waived.
    fn all(&self) -> Vec<String> {
        let allows =
            self.levels.iter().filter_map(|level| level.grants.as_ref()).map(|grants| grants.id.to_string());
        let rules = self.levels.iter().flat_map(|level| &level.rules).flat_map(|rule| {
            let id = &rule.head.id;
            std::iter::once(id.to_string()).chain(fields(rule).map(move |field| format!("{id}.{field}")))
        });
        allows.chain(rules).collect()
    }
}

/// What of a rule can be waived by itself.
fn fields(rule: &Rule) -> impl Iterator<Item = &'static str> {
    let bounds = match &rule.kind {
        Kind::Limits(limits) => limits.bounds.as_slice(),
        Kind::Deny(_)
        | Kind::Residency(_)
        | Kind::Content(_)
        | Kind::Guardrail(_)
        | Kind::Sensitive(_)
        | Kind::Quotas(_) => &[],
    };
    bounds.iter().map(|bound| bound.quantity.name())
}

fn read_waivers(reader: &mut Reader<'_>, node: &Node, known: &Known<'_>) -> Vec<Waiver> {
    let Some(texts) = reader.strings(node, "waive") else { return Vec::new() };
    let elements = reader.list(node);
    texts
        .iter()
        .zip(elements)
        .filter_map(|(text, element)| read_waiver(reader, element, text, known))
        .collect()
}

fn read_waiver(reader: &mut Reader<'_>, node: &Node, text: &str, known: &Known<'_>) -> Option<Waiver> {
    if let Some(level) = known.allow(text) {
        let grants = level.grants.as_ref()?;
        let locked = grants.items.iter().find(|grant| grant.head.locked).map(|grant| &grant.head.place);
        check_locked(reader, node, text, locked)?;
        return Some(Waiver { rule: grants.id.clone(), section: Section::Allow, field: None });
    }
    let found = known
        .rule(text)
        .map(|rule| (rule, None))
        .or_else(|| known.field(text).and_then(|(rule, field)| field.map(|field| (rule, Some(field)))));
    if let Some((rule, field)) = found {
        check_locked(reader, node, text, rule.head.locked.then_some(&rule.head.place))?;
        return Some(Waiver { rule: rule.head.id.clone(), section: rule.kind.section(), field });
    }
    let written = text.escape_debug();
    let (message, help) = if known.grant(text) {
        let section = text.rsplit_once('/').map_or(text, |(section, _)| section);
        (format!("`{written}` grants, and only what restricts can be waived"), format!("waive `{section}`"))
    } else {
        let all = known.all();
        let help = match closest(text, all.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "write the id of a rule of the floor, the team or the app, such as `org/limits.maxTokens`"
                    .to_owned()
            }
        };
        (format!("there is no rule `{written}` for this exception to waive"), help)
    };
    reader.push(reader.source.error(node.span.clone(), message).help(help));
    None
}

fn check_locked(reader: &mut Reader<'_>, node: &Node, text: &str, locked: Option<&Place>) -> Option<()> {
    let Some(place) = locked else { return Some(()) };
    let message = format!("`{}` is locked, and no exception can waive it", text.escape_debug());
    reader.push(reader.source.error(node.span.clone(), message).help(format!("locked at {}", place.at)));
    None
}

fn read_until(reader: &mut Reader<'_>, node: &Node) -> Option<Timestamp> {
    let text = reader.string(node, "until")?;
    let until = text.parse::<Timestamp>().ok().filter(|until| until.subsec_nanosecond() == 0);
    if until.is_none() {
        let message = format!("until must be a moment in whole seconds, not `{}`", text.escape_debug());
        let diagnostic = reader.source.error(node.span.clone(), message);
        reader.push(diagnostic.help("write it like `2026-12-15T00:00:00Z`"));
    }
    until
}

fn read_instead(reader: &mut Reader<'_>, node: &Node, id: &str, detectors: &Detectors) -> Items {
    // What a request uses is counted for its team and apps, not for an exception.
    let sections = Section::ALL.into_iter().filter(|section| *section != Section::Quotas);
    let sections: Vec<_> = sections.map(Section::name).collect();
    let Some(mapping) = reader.mapping(node, "`instead`", &sections) else { return Items::default() };
    check_blank(reader, &mapping);
    let file = FileHead { scope: &id, mode: Mode::Enforce, is_floor: false, is_app: false, detectors };
    let items = Items::read(reader, &mapping, file);
    for rule in items.rules.iter().filter(|rule| !rule.is_enforced()) {
        reader.error(&rule.head.place.span, "the terms of an exception are enforced; remove `mode`");
    }
    let mut heads: Vec<&RuleId> = items.rules.iter().map(|rule| &rule.head.id).collect();
    heads.sort();
    if let Some([twice, _]) = heads.windows(2).find(|pair| matches!(pair, [left, right] if left == right)) {
        let message =
            format!("two items are called `{twice}`; give each its own `id`, or make them one item");
        reader.error(&node.span, message);
    }
    items
}

/// FAIL-CLOSED: without terms, waiving `allow` would grant every model and every operation there is.
fn check_grants(reader: &mut Reader<'_>, item: &Mapping<'_>, exception: &Exception) {
    let waived = exception.waives.iter().any(|waiver| waiver.section == Section::Allow);
    if waived && exception.instead.grants.is_empty() {
        let message = "an exception that waives `allow` must say what it grants";
        let diagnostic = reader.source.error(item.span.clone(), message);
        reader.push(diagnostic.help("add `instead: { allow: { models: [anthropic.claude-*] } }`"));
    }
    if !waived && !exception.instead.grants.is_empty() {
        let message = "`instead.allow` grants nothing unless `allow` is waived";
        let diagnostic = reader.source.error(item.span.clone(), message);
        reader.push(
            diagnostic.help("waive the `allow` of every level that does not grant it, such as `org/allow`"),
        );
    }
}

fn check_end(reader: &mut Reader<'_>, node: &Node, exception: &Exception, around: Around<'_>) {
    let Exception { id, until, .. } = exception;
    let left = until.duration_since(around.now);
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let longest = around.org.floor.longest_exception;
    if left > days(longest.into()) {
        let message = format!("exception `{id}` lasts longer than {longest} days from now");
        let diagnostic = reader.source.error(node.span.clone(), message);
        reader.push(diagnostic.help("name an earlier `until`; `exceptions.maxDays` of org.yaml bounds it"));
    } else if left <= SignedDuration::ZERO {
        let message = format!("exception `{id}` is over since {until} and waives nothing");
        let diagnostic = reader.source.warning(node.span.clone(), message);
        reader.push(diagnostic.help("remove it, or have it approved again"));
    } else if left <= days(SOON) {
        let message = format!("exception `{id}` is over on {until}, in less than {SOON} days");
        reader.push(reader.source.warning(node.span.clone(), message));
    }
}
