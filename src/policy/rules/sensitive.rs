//! `sensitive`: what happens to data that detectors find, in prompts and in answers.
//!
//! Written `- { id, detect: [email], prompt: redact, response: report }`. For each detector the strongest action of
//! all rules counts: report < tokenize < redact < deny. `tokenize` is for prompts only: each value goes to the model as a
//! placeholder of its own and comes back to the caller in the answer, whatever `response` says of what the model adds. A
//! rule that keeps data out of prompts refuses attachments that nobody can look into, unless it says `unread: report`.
//! Messages name detectors and counts, never what was found.

use super::Breach;
use crate::policy::Repair;
use crate::policy::cedar::{FALSE, all, any, not, quoted, set};
use crate::policy::detectors::Detectors;
use crate::policy::facts::{Facts, Found};
use crate::policy::rule::{Mode, RuleId};
use crate::sensitive::{DetectorId, DetectorSet, Findings};
use crate::yaml::{Mapping, Node, Reader, Value, closest};

pub(in crate::policy) const KEYS: [&str; 4] = ["detect", "prompt", "response", "unread"];

/// A section of org.yaml, as it is shown to authors.
pub(in crate::policy) const EXAMPLE: &str = "\
sensitive:
  - id: secrets
    detect: [aws_access_key, private_key]
    prompt: deny
    response: deny
    locked: true
  - id: mail
    detect: [email]
    prompt: redact
    response: report
  - id: cards
    detect: [credit_card]
    prompt: tokenize
    response: deny
";

/// Which way a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the model.
    Prompt,
    /// To the caller.
    Response,
}

/// What a rule wants done with findings, from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Report,
    /// Of prompts only.
    Tokenize,
    Redact,
    Deny,
}

impl Action {
    /// Whether texts must lose what was found in them.
    const fn removes(self) -> bool {
        matches!(self, Self::Tokenize | Self::Redact)
    }
}

/// One item of `sensitive`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Sensitive {
    detectors: DetectorSet,
    prompt: Option<Action>,
    response: Option<Action>,
    /// Whether a prompt may carry attachments in which nothing can be found.
    unread: Unread,
}

/// What a rule does about attachments that detectors cannot look into: pictures, sound, binary documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    Report,
    Deny,
}

impl Sensitive {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>, known: &Detectors) -> Option<Self> {
        let prompt = item.get("prompt").map(|node| reader.one_of(node, "prompt", &PROMPT));
        let response = item.get("response").map(|node| read_response(reader, node));
        if prompt.is_none() && response.is_none() {
            reader.error(item.span, "an item of `sensitive` needs `prompt`, `response` or both");
        }
        let unread = read_unread(reader, item, prompt.flatten());
        let node = reader.required(item, "an item of `sensitive`", "detect")?;
        let detectors = read_detectors(reader, node, known)?;
        let (prompt, response) = (prompt.flatten(), response.flatten());
        Some(Self { detectors, prompt, response, unread: unread? })
    }

    /// What to look for in texts of that direction.
    pub fn detectors(&self, direction: Direction) -> DetectorSet {
        self.action(direction).map_or(DetectorSet::EMPTY, |_| self.detectors)
    }

    /// Broken by findings that an enforced rule should have had removed, or that may not be there at all. A rule
    /// that removes leaves the word to a stronger rule that denies.
    pub fn breach(&self, facts: &Facts, mode: Mode, strongest: Strongest) -> Option<Breach> {
        let found = self.breach_of(&facts.findings, Direction::Prompt, mode, strongest);
        found.or_else(|| self.unread_breach(facts))
    }

    /// `denied` says of a detector whether a stronger rule denies what it finds, so that a rule that removes does not.
    pub fn broken_in_cedar(&self, mode: Mode, denied: &dyn Fn(DetectorId) -> String) -> String {
        let found = |detector: DetectorId| format!("context.findings.contains({})", quoted(detector.short()));
        let broken = match (self.prompt, mode) {
            (None | Some(Action::Report), Mode::Enforce | Mode::Shadow) => FALSE.to_owned(),
            (Some(Action::Tokenize | Action::Redact), Mode::Enforce) => {
                any(self.detectors.iter().map(|detector| all([found(detector), not(&denied(detector))])))
            }
            (Some(Action::Tokenize | Action::Redact), Mode::Shadow)
            | (Some(Action::Deny), Mode::Enforce | Mode::Shadow) => {
                let names = set(self.detectors.iter().map(DetectorId::short));
                format!("context.findings.containsAny({names})")
            }
        };
        let unread = (self.unread == Unread::Deny).then(|| "context.content.unread > 0".to_owned());
        any(std::iter::once(broken).chain(unread))
    }

    /// Whether what a detector finds in prompts is refused.
    pub fn denies(&self, detector: DetectorId) -> bool {
        self.denies_prompts() && self.detectors.contains(detector)
    }

    fn unread_breach(&self, facts: &Facts) -> Option<Breach> {
        if self.unread == Unread::Report || facts.unread == 0 {
            return None;
        }
        let names: Vec<String> = self.detectors.iter().map(|detector| detector.to_string()).collect();
        let text = format!(
            "the request holds {} attachment(s) that cannot be searched for {}",
            facts.unread,
            names.join(", ")
        );
        Some(Breach::validation(text).between(facts.unread.to_string(), "0"))
    }

    /// Broken by findings in an answer that nobody takes out of it.
    pub fn answer_breach(&self, found: &Found<'_>, mode: Mode, strongest: Strongest) -> Option<Breach> {
        // Findings that are redacted do not reach the caller, so they break nothing.
        let redacted = Strongest { redacted: DetectorSet::EMPTY, ..strongest };
        let breach = self.breach_of(found.findings, Direction::Response, mode, redacted);
        breach.or_else(|| self.fixed_breach(found, mode, strongest))
    }

    fn fixed_breach(&self, found: &Found<'_>, mode: Mode, strongest: Strongest) -> Option<Breach> {
        let fixed = found.fixed.and_then(|fixed| self.breach_of(fixed, Direction::Response, mode, strongest));
        if let Some(breach) = fixed.filter(|_| mode == Mode::Enforce) {
            return Some(Breach { text: format!("{} where it cannot be replaced", breach.text), ..breach });
        }
        let unseen = found.overlong && mode == Mode::Enforce && self.filters_answers();
        unseen.then(|| Breach::validation("the answer holds a text that is too long to be looked into"))
    }

    pub fn breach_of(
        &self,
        findings: &Findings,
        direction: Direction,
        mode: Mode,
        strongest: Strongest,
    ) -> Option<Breach> {
        let unwanted = match (self.action(direction)?, mode) {
            (Action::Report, Mode::Enforce | Mode::Shadow) => return None,
            (Action::Tokenize | Action::Redact, Mode::Enforce) => {
                self.detectors.intersection(strongest.removed())
            }
            (Action::Tokenize | Action::Redact, Mode::Shadow)
            | (Action::Deny, Mode::Enforce | Mode::Shadow) => self.detectors,
        };
        let found: Vec<String> = findings
            .iter()
            .filter(|(detector, _)| unwanted.contains(*detector))
            .map(|(detector, count)| format!("{detector} ({count})"))
            .collect();
        if found.is_empty() {
            return None;
        }
        let found = found.join(", ");
        let text = match direction {
            Direction::Prompt => format!("the request holds {found}"),
            Direction::Response => format!("the answer holds {found}"),
        };
        Some(Breach::validation(text).between(found, "none"))
    }

    /// Whether answers must be read before they are passed on.
    pub const fn filters_answers(&self) -> bool {
        matches!(self.response, Some(Action::Redact | Action::Deny))
    }

    /// Whose findings in prompts may become placeholders.
    pub const fn tokenized(&self) -> DetectorSet {
        if matches!(self.prompt, Some(Action::Tokenize)) { self.detectors } else { DetectorSet::EMPTY }
    }

    /// Whether what is found in prompts is refused.
    pub const fn denies_prompts(&self) -> bool {
        matches!(self.prompt, Some(Action::Deny))
    }

    const fn action(&self, direction: Direction) -> Option<Action> {
        match direction {
            Direction::Prompt => self.prompt,
            Direction::Response => self.response,
        }
    }
}

/// The strongest action of all enforced rules, per detector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::policy) struct Strongest {
    pub denied: DetectorSet,
    /// Without those that are denied.
    pub redacted: DetectorSet,
    /// Without those that are denied or redacted.
    pub tokenized: DetectorSet,
}

impl Strongest {
    /// Of the rules given, which must be the enforced ones that concern the request.
    pub fn of<'r>(rules: impl IntoIterator<Item = &'r Sensitive>, direction: Direction) -> Self {
        let (mut denied, mut redacted, mut tokenized) =
            (DetectorSet::EMPTY, DetectorSet::EMPTY, DetectorSet::EMPTY);
        for rule in rules {
            match rule.action(direction) {
                Some(Action::Deny) => denied = denied.union(rule.detectors),
                Some(Action::Redact) => redacted = redacted.union(rule.detectors),
                Some(Action::Tokenize) => tokenized = tokenized.union(rule.detectors),
                Some(Action::Report) | None => {}
            }
        }
        let redacted = without(redacted, denied);
        Self { denied, redacted, tokenized: without(tokenized, denied.union(redacted)) }
    }

    /// What texts must lose.
    fn removed(self) -> DetectorSet {
        self.redacted.union(self.tokenized)
    }
}

fn without(set: DetectorSet, other: DetectorSet) -> DetectorSet {
    set.iter().filter(|detector| !other.contains(*detector)).collect()
}

/// What to take out of a prompt, each finding under the first rule that asks for it.
pub(in crate::policy) fn repairs(rules: &[(&RuleId, &Sensitive)], facts: &Facts) -> Vec<Repair> {
    let strongest = Strongest::of(rules.iter().map(|(_, rule)| *rule), Direction::Prompt);
    // FAIL-CLOSED: a detector that some rule denies is not redacted, or the denial would find nothing.
    let found = facts.findings.detectors();
    let mut redacted = found.intersection(strongest.redacted);
    let mut tokenized = found.intersection(strongest.tokenized);
    let mut repairs = Vec::new();
    for (id, rule) in rules {
        let (left, rule_id) = match rule.prompt {
            Some(Action::Redact) => (&mut redacted, *id),
            Some(Action::Tokenize) => (&mut tokenized, *id),
            Some(Action::Report | Action::Deny) | None => continue,
        };
        let detectors = rule.detectors.intersection(*left);
        if detectors.is_empty() {
            continue;
        }
        *left = without(*left, detectors);
        let rule_id = rule_id.clone();
        repairs.push(if rule.prompt == Some(Action::Redact) {
            Repair::Redact { detectors, rule: rule_id }
        } else {
            Repair::Tokenize { detectors, rule: rule_id }
        });
    }
    repairs
}

const PROMPT: [(&str, Action); 4] = [
    ("report", Action::Report),
    ("tokenize", Action::Tokenize),
    ("redact", Action::Redact),
    ("deny", Action::Deny),
];

fn read_response(reader: &mut Reader<'_>, node: &Node) -> Option<Action> {
    if matches!(&node.value, Value::Scalar { text, .. } if text == "tokenize") {
        let diagnostic = reader.source.error(node.span.clone(), "`tokenize` is an action of `prompt` only");
        reader.push(diagnostic.help(
            "what a prompt tokenizes is given back in the answer by itself; \
             of what the model adds say `report`, `redact` or `deny`",
        ));
        return None;
    }
    let words = [("report", Action::Report), ("redact", Action::Redact), ("deny", Action::Deny)];
    reader.one_of(node, "response", &words)
}

/// FAIL-CLOSED: what a rule keeps out of prompts could hide where it cannot look, so looking away must be written down.
fn read_unread(reader: &mut Reader<'_>, item: &Mapping<'_>, prompt: Option<Action>) -> Option<Unread> {
    let acts = prompt.is_some_and(|action| action.removes() || action == Action::Deny);
    let Some(node) = item.get("unread") else {
        return Some(if acts { Unread::Deny } else { Unread::Report });
    };
    if !acts {
        reader.error(
            &node.span,
            "`unread` belongs to an item whose `prompt` is `tokenize`, `redact` or `deny`",
        );
    }
    reader.one_of(node, "unread", &[("report", Unread::Report), ("deny", Unread::Deny)])
}

fn read_detectors(reader: &mut Reader<'_>, node: &Node, known: &Detectors) -> Option<DetectorSet> {
    let names = reader.strings(node, "detect")?;
    let mut detectors = DetectorSet::EMPTY;
    for (name, element) in names.iter().zip(reader.list(node)) {
        if let Some(detector) = known.find(name) {
            detectors.insert(detector);
            continue;
        }
        let message = format!("there is no detector `{}`", name.escape_debug());
        let known = known.names();
        let help = match closest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("detectors: {}", known.join(", ")),
        };
        reader.push(reader.source.error(element.span.clone(), message).help(help));
    }
    Some(detectors)
}
