//! What can be sent from one place on the grid: how far each number goes, which words of each kind pass.
//!
//! Receives an app, circumstances and a class of models; returns the reach, or nothing when no request passes. Every facet
//! is measured from one plain request that passes, with the others left as they are: what two facets forbid together only
//! (a tool in a stream, say) is not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::grid::{Around, Class, Grid, Word};
use super::probe::{Judged, Probe};
use crate::bedrock::operation::{Access, Operation};
use crate::bedrock::view::{Leak, Modality, OpaqueKind, Parameter};
use crate::policy::facts::GuardrailReference;
use crate::policy::rules::limits::Quantity;
use crate::policy::{Facts, PolicySet, RuleId};
use crate::sensitive::{DetectorId, Findings};

/// A place on the grid, asked about under one policy set.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'g> {
    pub grid: &'g Grid,
    pub set: &'g PolicySet,
    pub app: &'g Word,
    pub around: &'g Around,
    pub class: &'g Class,
}

/// A plain request that passes.
#[derive(Debug, Clone)]
pub struct Base {
    probe: Probe,
    operations: BTreeSet<&'static str>,
    guardrails: BTreeSet<String>,
}

/// What can be sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reach {
    /// By number that rules bound.
    pub numbers: BTreeMap<&'static str, Range>,
    /// By kind of word: those that pass.
    pub words: BTreeMap<&'static str, BTreeSet<String>>,
}

/// How far a number goes. An end that nothing bounds is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub least: f64,
    pub most: f64,
}

/// More than any policy can write, and little enough for every request.
const BEYOND: f64 = 2_000_000_000.0;
const MOST_TOOLS: f64 = 4096.0;

impl Seat<'_> {
    /// A plain request that passes, or the rules that keep every such request from passing.
    pub fn base(&self) -> Result<Base, BTreeSet<RuleId>> {
        let mut base: Option<Base> = None;
        let mut denied = BTreeSet::new();
        if !self.grid.could_be_granted(self.set, self.class) {
            return Err(denied);
        }
        for operation in self.grid.operations(self.class) {
            let probe = self.grid.probe(self.app, self.around, self.class, operation);
            for facts in self.grid.choices(&probe.facts) {
                let probe = Probe { facts, ..probe.clone() };
                let judged = probe.judge(self.set);
                if !judged.is_allowed() {
                    denied.extend(judged.verdict.violations.into_iter().map(|violation| violation.rule));
                    continue;
                }
                let guardrail = shown(probe.facts.guardrail.as_ref());
                let base = base.get_or_insert_with(|| Base {
                    probe,
                    operations: BTreeSet::new(),
                    guardrails: BTreeSet::new(),
                });
                base.operations.insert(operation.name());
                base.guardrails.insert(guardrail);
            }
        }
        base.ok_or(denied)
    }

    /// All facets; `None` when nothing can be sent.
    pub fn reach(&self) -> Option<Reach> {
        let base = self.base().ok()?;
        let mut reach = Reach::default();
        let measured = |quantity: &Quantity| match quantity {
            // What has no such parameter is not bounded by it.
            Quantity::Parameter(Parameter::MaxTokens) => self.takes_max_tokens(&base),
            Quantity::Parameter(_)
            | Quantity::Turns
            | Quantity::Images
            | Quantity::Tools
            | Quantity::InputTokens => true,
        };
        for (name, (quantity, _)) in self.grid.mentions.bounds.iter().filter(|(_, (one, _))| measured(one)) {
            reach.numbers.extend(self.range(&base, *quantity).map(|range| (*name, range)));
        }
        reach.words.insert("guardrail", self.guardrails(&base));
        self.content(&base, &mut reach);
        self.findings(&base, &mut reach);
        self.elsewhere(&base, &mut reach);
        reach.words.insert("operation", base.operations.into_iter().map(str::to_owned).collect());
        Some(reach)
    }

    /// How far a number goes in a request like `base`. `None` when no value passes.
    pub(super) fn range(&self, base: &Base, quantity: Quantity) -> Option<Range> {
        let written = self.grid.mentions.bounds.get(quantity.name()).map(|(_, numbers)| numbers.as_slice());
        let beyond = if quantity == Quantity::Tools { MOST_TOOLS } else { BEYOND };
        let values = written.unwrap_or_default().iter().copied().chain([0.0, beyond]);
        let sent: Vec<f64> =
            values.filter_map(|value| self.sent(base, quantity, value.min(beyond))).collect();
        let least = sent.iter().copied().reduce(f64::min)?;
        let most = sent.iter().copied().reduce(f64::max)?;
        let end = |value: f64| if value >= beyond { f64::INFINITY } else { value };
        Some(Range { least, most: end(most) })
    }

    /// Whether the model's requests can say how long an answer may be.
    pub fn takes_max_tokens(&self, base: &Base) -> bool {
        base.probe.facts.insertable.contains(&Parameter::MaxTokens)
    }

    /// What is sent of a value that is asked for. `None` when the request is denied.
    fn sent(&self, base: &Base, quantity: Quantity, value: f64) -> Option<f64> {
        let set = |facts: &mut Facts| match quantity {
            Quantity::Parameter(parameter) => {
                facts.settings.insert(parameter, vec![value]);
                facts.insertable.remove(&parameter);
            }
            Quantity::Turns => facts.turns = whole(value),
            Quantity::Images => facts.images = whole(value),
            Quantity::InputTokens => facts.input_tokens = whole(value),
            Quantity::Tools => {
                facts.tools = (0..whole(value)).map(|_| Word::Other.spoken()).collect();
            }
        };
        let judged = self.judged(base, set);
        judged.is_allowed().then(|| match quantity {
            Quantity::Parameter(parameter) => judged
                .sent
                .settings
                .get(&parameter)
                .and_then(|values| values.first().copied())
                .unwrap_or(value),
            Quantity::Turns | Quantity::Images | Quantity::Tools | Quantity::InputTokens => value,
        })
    }

    fn guardrails(&self, base: &Base) -> BTreeSet<String> {
        let other = GuardrailReference { identifier: "any-other".to_owned(), version: "1".to_owned() };
        let mut accepted = base.guardrails.clone();
        if self.passes(base, |facts| facts.guardrail = Some(other)) {
            accepted.insert("any other".to_owned());
        }
        let leaks = [
            (Leak::Trace, "its trace"),
            (Leak::Unchecked, "unchecked streams"),
            (Leak::Narrowed, "marked parts only"),
        ];
        for (leak, name) in leaks {
            if self.passes(base, |facts| facts.leaks.extend([leak])) {
                accepted.insert(name.to_owned());
            }
        }
        accepted
    }

    fn content(&self, base: &Base, reach: &mut Reach) {
        let modalities = Modality::ALL
            .into_iter()
            .filter(|modality| self.passes(base, |facts| facts.modalities.extend([*modality])));
        reach.words.insert("modality", modalities.map(|modality| modality.name().to_owned()).collect());
        let kinds = OpaqueKind::ALL.into_iter().filter(|kind| {
            self.passes(base, |facts| {
                facts.uninspected.insert(*kind);
                facts.unread = u32::from(kind.is_attachment());
            })
        });
        reach.words.insert("uninspected", kinds.map(|kind| kind.name().to_owned()).collect());
        let other = Word::Other.spoken();
        let tools = self.grid.tools.iter().chain([&other]);
        let tools = tools.filter(|tool| self.passes(base, |facts| facts.tools = vec![(*tool).clone()]));
        reach.words.insert("tool", tools.cloned().collect());
    }

    fn findings(&self, base: &Base, reach: &mut Reach) {
        let of = |detector: DetectorId| {
            let mut findings = Findings::default();
            findings.add(detector, 1);
            findings
        };
        let (mut taken, mut passed_on) = (BTreeSet::new(), BTreeSet::new());
        for detector in self.grid.mentions.prompt_detectors.iter() {
            let judged = self.judged(base, |facts| facts.findings = of(detector));
            if judged.is_allowed() {
                taken.insert(detector.short().to_owned());
                if !judged.sent.findings.is_empty() {
                    passed_on.insert(detector.short().to_owned());
                }
            }
        }
        reach.words.insert("prompt with", taken);
        reach.words.insert("sent to the model", passed_on);
        let (mut taken, mut passed_on) = (BTreeSet::new(), BTreeSet::new());
        for detector in self.grid.mentions.answer_detectors.iter() {
            let answer = self.set.judge_answer(&base.probe.inquiry(), &of(detector));
            if answer.violations.is_empty() {
                taken.insert(detector.short().to_owned());
                if answer.redact.is_empty() {
                    passed_on.insert(detector.short().to_owned());
                }
            }
        }
        reach.words.insert("answer with", taken);
        reach.words.insert("shown to the caller", passed_on);
    }

    /// Operations that have to be granted by name.
    fn elsewhere(&self, base: &Base, reach: &mut Reach) {
        let named = Operation::granted().filter(|operation| operation.access() == Access::Named);
        let (mut operations, mut outputs) = (BTreeSet::new(), BTreeSet::new());
        for operation in named {
            let mut probe = self.grid.probe(self.app, self.around, self.class, operation);
            probe.facts.guardrail.clone_from(&base.probe.facts.guardrail);
            if !operation.answers_elsewhere() {
                if probe.judge(self.set).is_allowed() {
                    operations.insert(operation.name().to_owned());
                }
                continue;
            }
            let any = "s3://any-other/".to_owned();
            for output in self.grid.mentions.outputs.iter().chain([&any]) {
                probe.facts.output = Some(output.clone());
                if probe.judge(self.set).is_allowed() {
                    operations.insert(operation.name().to_owned());
                    outputs.insert(output.clone());
                }
            }
        }
        reach.words.insert("named operation", operations);
        reach.words.insert("output", outputs);
    }

    fn passes(&self, base: &Base, change: impl FnOnce(&mut Facts)) -> bool {
        self.judged(base, change).is_allowed()
    }

    fn judged(&self, base: &Base, change: impl FnOnce(&mut Facts)) -> Judged {
        let mut probe = base.probe.clone();
        change(&mut probe.facts);
        probe.judge(self.set)
    }
}

fn shown(guardrail: Option<&GuardrailReference>) -> String {
    guardrail.map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// A count as requests have them. INVARIANT: `value` is between 0 and [`BEYOND`].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded by the caller on both ends"
)]
fn whole(value: f64) -> u32 {
    value as u32
}
