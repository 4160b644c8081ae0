//! One policy file, read into a level.
//!
//! Receives a file and the scope that its path demands, returns its grants and rules. Reports every mistake it can
//! find; a level is returned only when there was none.

use super::Summary;
use super::condition::check_blank;
use super::detectors::Detectors;
use super::rule::{COMMON_KEYS, FileHead, Head, Mode, Place, Rule, RuleId, Section, read_sentence};
use super::rules::Kind;
use super::rules::allow::Grant;
use super::scope::Scope;
use super::unsupported;
use crate::yaml::{Diagnostics, Mapping, Node, Reader, Source};

/// The rules of one scope.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub scope: Scope,
    pub source: Source,
    pub owner: Option<String>,
    /// Where callers find help; `{rule}` stands for the rule id.
    pub help: Option<String>,
    /// `None` for an app without `allow`, which leaves the grants to its team. A floor or team without one grants
    /// nothing.
    pub grants: Option<Grants>,
    pub rules: Vec<Rule>,
    pub floor: Floor,
}

/// What org.yaml says for everybody beside its rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Floor {
    /// Days that an exception may last from when it is read.
    pub longest_exception: u16,
    /// Whether callers are told what rules in shadow mode would have refused.
    pub shadow_header: bool,
}

impl Floor {
    const KEYS: [&'static str; 2] = ["exceptions", "shadowHeader"];

    fn read(reader: &mut Reader<'_>, mapping: &Mapping<'_>, is_org: bool) -> Self {
        for key in Self::KEYS.into_iter().filter(|_| !is_org) {
            if let Some((key, _)) = mapping.entry(key) {
                let diagnostic =
                    reader.source.error(key.span.clone(), format!("`{}` belongs to org.yaml only", key.name));
                reader.push(diagnostic.help("remove it here: it is said once, for everybody"));
            }
        }
        let [longest, header] = Self::KEYS.map(|key| mapping.get(key).filter(|_| is_org));
        let longest = longest.and_then(|node| read_longest(reader, node));
        let header = header.and_then(|node| reader.boolean(node, "shadowHeader"));
        Self {
            longest_exception: longest.unwrap_or(LONGEST_EXCEPTION),
            shadow_header: header.unwrap_or_default(),
        }
    }
}

/// The `allow` section of a level.
#[derive(Debug, Clone)]
pub(super) struct Grants {
    pub id: RuleId,
    pub place: Place,
    pub items: Vec<Grant>,
}

impl Level {
    pub fn read(
        source: &Source,
        scope: Scope,
        detectors: &Detectors,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let errors = diagnostics.errors();
        let document = source.parse(diagnostics)?;
        let mut reader = Reader { source, diagnostics };
        let mapping = read_keys(&mut reader, &document)?;
        check_version(&mut reader, &mapping);
        check_scope(&mut reader, &mapping, &scope.key());
        let owner = mapping.get("owner").and_then(|node| read_sentence(&mut reader, node, "owner"));
        let help = mapping.get("help").and_then(|node| read_help(&mut reader, node));
        let mode = mapping.get("mode").and_then(|node| reader.one_of(node, "mode", &Mode::WORDS));
        let mode = mode.unwrap_or_default();
        let file = FileHead { scope: &scope, mode, is_floor: scope == Scope::Org, detectors };
        let items = Items::read(&mut reader, &mapping, file);
        let floor = Floor::read(&mut reader, &mapping, scope == Scope::Org);
        let allow = mapping.get(Section::Allow.name());
        let grants = (allow.is_some() || !matches!(scope, Scope::App(..))).then(|| Grants {
            id: RuleId::new(&scope, Section::Allow, None),
            place: Place::new(source, allow.map_or(&(0..0), |node| &node.span)),
            items: items.grants,
        });
        let rules = items.rules;
        let level = Self { scope, source: source.clone(), owner, help, grants, rules, floor };
        (diagnostics.errors() == errors).then_some(level)
    }

    pub fn summary(&self) -> Summary {
        Summary {
            path: self.source.path.to_string(),
            scope: self.scope.clone(),
            owner: self.owner.clone(),
            grants: self.grants.as_ref().map_or(0, |grants| grants.items.len()),
            rules: self.rules.len(),
            shadow: self.rules.iter().filter(|rule| !rule.is_enforced()).count(),
        }
    }
}

/// What the sections of a mapping hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    pub grants: Vec<Grant>,
    pub rules: Vec<Rule>,
}

impl Items {
    /// Reads every section that `mapping` has; other keys are for others.
    pub fn read(reader: &mut Reader<'_>, mapping: &Mapping<'_>, file: FileHead<'_>) -> Self {
        let mut items = Self::default();
        for section in Section::ALL {
            if let Some(node) = mapping.get(section.name()) {
                read_section(reader, node, section, file, &mut items);
            }
        }
        // INVARIANT: the order in which items are written changes nothing, not even which of two equals is named.
        items.grants.sort_by(|left, right| left.head.id.cmp(&right.head.id));
        items.rules.sort_by(|left, right| left.order().cmp(&right.order()));
        items
    }
}

/// Days that an exception may last where the floor does not say.
const LONGEST_EXCEPTION: u16 = 90;

fn read_longest(reader: &mut Reader<'_>, node: &Node) -> Option<u16> {
    let mapping = reader.mapping(node, "`exceptions`", &["maxDays"])?;
    check_blank(reader, &mapping);
    let node = reader.required(&mapping, "`exceptions`", "maxDays")?;
    let days: u16 = reader.parsed(node, "maxDays", "a number of days")?;
    if !(1..=LONGEST_OF_ALL).contains(&days) {
        reader.error(&node.span, format!("maxDays must be 1 to {LONGEST_OF_ALL}"));
        return None;
    }
    Some(days)
}

/// Days after which anything is to be looked at again.
const LONGEST_OF_ALL: u16 = 366;

fn read_keys<'n>(reader: &mut Reader<'_>, document: &'n Node) -> Option<Mapping<'n>> {
    let mut known = vec!["version", "scope", "owner", "help", "mode"];
    known.extend(Floor::KEYS);
    known.extend(Section::ALL.iter().map(|section| section.name()));
    known.extend(unsupported::KEYS.iter().map(|(name, _)| *name));
    let mapping = reader.mapping(document, "a policy file", &known)?;
    check_blank(reader, &mapping);
    unsupported::check_keys(reader, &mapping);
    Some(mapping)
}

pub(super) fn check_version(reader: &mut Reader<'_>, mapping: &Mapping<'_>) {
    let Some(node) = reader.required(mapping, "a policy file", "version") else { return };
    if reader.string(node, "version").is_some_and(|version| version != "1") {
        let diagnostic =
            reader.source.error(node.span.clone(), "this version reads policy files of version 1");
        reader.push(diagnostic.help("write `version: 1`, or use a newer warden"));
    }
}

pub(super) fn check_scope(reader: &mut Reader<'_>, mapping: &Mapping<'_>, expected: &str) {
    let Some(node) = reader.required(mapping, "a policy file", "scope") else { return };
    let Some(written) = reader.string(node, "scope") else { return };
    if written != expected {
        let message = format!("scope `{}` does not match the file's path", written.escape_debug());
        reader
            .push(reader.source.error(node.span.clone(), message).help(format!("write `scope: {expected}`")));
    }
}

fn read_help(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let help = read_sentence(reader, node, "help")?;
    if !help.starts_with("https://") && !help.starts_with("http://") || help.contains(char::is_whitespace) {
        reader.error(&node.span, "help must be a URL; `{rule}` in it stands for the rule id");
        return None;
    }
    Some(help)
}

/// The items of a section: a list of mappings, or one mapping.
fn read_section(
    reader: &mut Reader<'_>,
    node: &Node,
    section: Section,
    file: FileHead<'_>,
    items: &mut Items,
) {
    let place = format!("an item of `{}`", section.name());
    let keys: Vec<&str> = COMMON_KEYS.iter().chain(Kind::keys(section)).copied().collect();
    let nodes = reader.list(node);
    if nodes.is_empty() {
        reader.error(&node.span, format!("`{}` has no items; remove it or add one", section.name()));
    }
    for node in nodes {
        let Some(item) = reader.mapping(node, &place, &keys) else { continue };
        check_blank(reader, &item);
        let head = Head::read(reader, &item, section, file);
        if section == Section::Allow {
            items.grants.extend(head.and_then(|head| Grant::read(reader, &item, head)));
        } else {
            let kind = Kind::read(reader, &item, section, file.detectors);
            items.rules.extend(head.zip(kind).map(|(head, kind)| Rule { head, kind }));
        }
    }
}
