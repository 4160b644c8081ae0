//! A request as a solver describes it, put before the real evaluator.
//!
//! Receives a request of Cedar's and returns what it is in the warden's own terms, when the warden would indeed allow it. A
//! solver knows hours and patterns over tools by name only, so that values which fit the names are tried.

use std::net::IpAddr;

use cedar_policy::{
    Context as Values, EvalResult, Expression, Request, RestrictedExpression, eval_expression,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Trial;
use super::assumption::MOST_TOOLS;
use crate::bedrock::view::{Leak, Modality, OpaqueKind};
use crate::identity::{CredentialKind, Principal};
use crate::policy::analysis::description;
use crate::policy::analysis::probe::Probe;
use crate::policy::analysis::suite::Counterexample;
use crate::policy::cedar::{Atom, Question, named_atoms};
use crate::policy::rules::limits::{PARAMETERS, is_whole};
use crate::policy::{Context, Facts, GuardrailReference, Inquiry, PolicySet};
use crate::sensitive::Findings;

impl Trial<'_> {
    /// The request that a solver found, if the warden allows it and the claim is about it.
    pub fn replay(&self, set: &PolicySet, request: &Request) -> Option<Counterexample> {
        let read = Reading { values: request.context()? };
        let plain = self.probe(set, &read)?;
        let sources = read.sources();
        let instants = read.instants(&self.atoms(set));
        let variants = instants.iter().flat_map(|now| sources.iter().map(move |source| (*now, *source)));
        for (now, source) in variants {
            let context = Context { source, now, ..plain.context.clone() };
            let probe = Probe { context, ..plain.clone() };
            if let Some(found) = self.allowed(set, probe) {
                return Some(self.simplified(set, found));
            }
        }
        None
    }

    /// The same with everything plain that has no part in it, since a solver fills in whatever it likes.
    fn simplified(&self, set: &PolicySet, mut found: Counterexample) -> Counterexample {
        let usual = description::plain(self.operation, found.probe.model.as_ref());
        let steps: [&dyn Fn(&mut Probe); 14] = [
            &|probe| probe.context.break_glass = None,
            &|probe| probe.context.source = self.context.source,
            &|probe| probe.context.now = self.context.now,
            &|probe| probe.context.environment.clone_from(&self.context.environment),
            &|probe| "any".clone_into(&mut probe.principal.app),
            &|probe| probe.facts.guardrail = None,
            &|probe| probe.facts.leaks.clear(),
            &|probe| probe.facts.tools.clear(),
            &|probe| probe.facts.findings = Findings::default(),
            &|probe| probe.facts.modalities.clone_from(&usual.modalities),
            &|probe| probe.facts.uninspected.clear(),
            &|probe| (probe.facts.turns, probe.facts.images) = (usual.turns, usual.images),
            &|probe| (probe.facts.input_tokens, probe.facts.unread) = (usual.input_tokens, usual.unread),
            &|probe| probe.facts.settings.values_mut().for_each(|values| values.truncate(1)),
        ];
        let fewer = PARAMETERS
            .map(|parameter| move |probe: &mut Probe| drop(probe.facts.settings.remove(&parameter)));
        let fewer = fewer.iter().map(|step| -> &dyn Fn(&mut Probe) { step });
        for step in steps.into_iter().chain(fewer) {
            let mut simpler = found.probe.clone();
            step(&mut simpler);
            found = self.allowed(set, simpler).unwrap_or(found);
        }
        found
    }

    fn allowed(&self, set: &PolicySet, probe: Probe) -> Option<Counterexample> {
        let inquiry = probe.inquiry();
        let verdict = set.verify(&inquiry);
        // FAIL-CLOSED: what cannot be evaluated counts as what the claim is about.
        let meant = verdict.is_allowed()
            && self.claim.given.admits(&inquiry)
            && self.is_meant(set, &inquiry).unwrap_or(true);
        let granted_by = verdict.granted_by.iter().map(ToString::to_string).collect();
        meant.then_some(Counterexample { probe, granted_by })
    }

    fn is_meant(&self, set: &PolicySet, inquiry: &Inquiry<'_>) -> Option<bool> {
        let names = named_atoms([self.claim.never.as_str()]);
        let holding = names
            .into_iter()
            .filter(|name| Atom::parse(name).is_some_and(|atom| atom.holds(set, inquiry).unwrap_or(true)));
        let atoms = RestrictedExpression::new_set(
            holding.map(|name| RestrictedExpression::new_string(name.to_owned())),
        );
        let question = Question::with(inquiry, vec![("atoms".to_owned(), atoms)]).ok()?;
        let (request, entities) = question.parts();
        let never: Expression = self.claim.never.parse().ok()?;
        match eval_expression(request, entities, &never) {
            Ok(EvalResult::Bool(holds)) => Some(holds),
            Ok(_) | Err(_) => None,
        }
    }

    fn probe(&self, set: &PolicySet, read: &Reading<'_>) -> Option<Probe> {
        let id = read.text("model", "id");
        let model = self.models.iter().find(|model| id.as_deref() == Some(model.raw())).cloned();
        if model.is_none() && self.operation.takes_model() {
            return None;
        }
        let principal = Principal {
            team: self.team.clone(),
            app: read.top_text("app")?,
            credential: CredentialKind::SigV4,
            credential_id: String::new(),
        };
        let context = Context {
            environment: read.top_text("env")?,
            region: self.context.region.clone(),
            source: self.context.source,
            now: self.context.now,
            break_glass: read.top_text("breakGlass"),
        };
        let facts = read.facts(set);
        Some(Probe {
            principal,
            operation: self.operation,
            model,
            context,
            facts,
            fixed: Findings::default(),
        })
    }

    fn atoms(&self, set: &PolicySet) -> Vec<Atom> {
        let texts: Vec<String> = set.in_cedar().into_iter().map(|statement| statement.text).collect();
        let texts = texts.iter().map(String::as_str).chain([self.claim.never.as_str()]);
        named_atoms(texts).into_iter().filter_map(Atom::parse).collect()
    }
}

/// The context that a solver describes.
struct Reading<'r> {
    values: &'r Values,
}

impl Reading<'_> {
    fn facts(&self, set: &PolicySet) -> Facts {
        let word = |name: &str| self.words("content", name);
        let mut facts = Facts {
            modalities: Modality::ALL
                .into_iter()
                .filter(|one| word("modalities").contains(&one.name().to_owned()))
                .collect(),
            uninspected: OpaqueKind::ALL
                .into_iter()
                .filter(|one| word("uninspected").contains(&one.name().to_owned()))
                .collect(),
            tools: self.tools(),
            turns: self.count("turns"),
            images: self.count("images"),
            input_tokens: self.count("inputTokens"),
            unread: self.count("unread"),
            stream: self.member("params", "stream") == Some(EvalResult::Bool(true)),
            guardrail: self.top_text("guardrail").map(|text| {
                let malformed = || GuardrailReference { identifier: String::new(), version: String::new() };
                GuardrailReference::parse(&text).unwrap_or_else(malformed)
            }),
            output: self.top_text("output"),
            ..Facts::default()
        };
        self.parameters(&mut facts);
        for (name, leak) in [("guardrailLeaks", Leak::Trace), ("guardrailNarrowed", Leak::Narrowed)] {
            facts.leaks.extend((self.values.get(name) == Some(EvalResult::Bool(true))).then_some(leak));
        }
        for name in self.values.get("findings").map(texts).unwrap_or_default() {
            if let Some(detector) = set.scanner().find(&name) {
                facts.findings.add(detector, 1);
            }
        }
        facts
    }

    fn parameters(&self, facts: &mut Facts) {
        let (absent, malformed) = (self.words("params", "absent"), self.words("params", "malformed"));
        for parameter in PARAMETERS {
            let name = parameter.name().to_owned();
            facts.insertable.extend(absent.contains(&name).then_some(parameter));
            let unit = if is_whole(parameter) { 1.0 } else { 1000.0 };
            let mut values: Vec<f64> = Vec::new();
            values.extend(malformed.contains(&name).then_some(f64::NAN));
            let least = match self.member("params", "least") {
                Some(EvalResult::Record(least)) => least.get(&name).cloned(),
                Some(_) | None => None,
            };
            for value in [self.member("params", &name), least].into_iter().flatten() {
                if let EvalResult::Long(number) = value {
                    values.extend(number.to_string().parse().map(|number: f64| number / unit));
                }
            }
            values.dedup();
            if !values.is_empty() {
                facts.settings.insert(parameter, values);
            }
        }
    }

    /// The tools that are named, one for each pattern that is said to match, and others up to their number.
    fn tools(&self) -> Vec<String> {
        let mut tools = self.words("content", "tools");
        for name in self.values.get("atoms").map(texts).unwrap_or_default() {
            if let Some(Atom::Tools(pattern)) = Atom::parse(&name)
                && !tools.iter().any(|tool| pattern.matches(tool))
            {
                tools.extend(pattern.examples().next());
            }
        }
        let wanted = usize::try_from(self.count("toolCount").min(MOST_TOOLS)).unwrap_or_default();
        let more = (tools.len()..wanted).map(|number| format!("any-other-{number}"));
        tools.extend(more.collect::<Vec<_>>());
        tools
    }

    /// A range of addresses is nobody's address: its first and its last are tried.
    fn sources(&self) -> Vec<IpAddr> {
        let quoted = self.values.get("source").and_then(|value| quotes(&value).into_iter().next());
        let Some(text) = quoted else { return Vec::new() };
        let (address, length) = text.split_once('/').unwrap_or((&text, ""));
        let Ok(address) = address.parse::<IpAddr>() else { return Vec::new() };
        let length: u32 = length.parse().unwrap_or(u32::MAX);
        let last = match address {
            IpAddr::V4(one) => {
                IpAddr::V4((one.to_bits() | u32::MAX.checked_shr(length).unwrap_or_default()).into())
            }
            IpAddr::V6(one) => {
                IpAddr::V6((one.to_bits() | u128::MAX.checked_shr(length).unwrap_or_default()).into())
            }
        };
        vec![address, last]
    }

    /// The instant itself, and those at which hours begin and end on its day and on a fixed one.
    fn instants(&self, atoms: &[Atom]) -> Vec<Timestamp> {
        let quoted = self.values.get("now").map(|value| quotes(&value)).unwrap_or_default();
        let Some(now) = instant(&quoted) else { return Vec::new() };
        let day = TimeZone::UTC.to_datetime(now).date();
        let edges =
            atoms.iter().filter_map(|atom| if let Atom::Hours(hours) = atom { Some(hours) } else { None });
        std::iter::once(now).chain(edges.flat_map(|hours| hours.edges(day))).collect()
    }

    fn count(&self, name: &str) -> u32 {
        match self.member("content", name) {
            Some(EvalResult::Long(number)) => u32::try_from(number).unwrap_or(u32::MAX),
            Some(_) | None => 0,
        }
    }

    fn words(&self, record: &str, name: &str) -> Vec<String> {
        self.member(record, name).map(texts).unwrap_or_default()
    }

    fn text(&self, record: &str, name: &str) -> Option<String> {
        self.member(record, name).and_then(text)
    }

    fn top_text(&self, name: &str) -> Option<String> {
        self.values.get(name).and_then(text)
    }

    fn member(&self, record: &str, name: &str) -> Option<EvalResult> {
        match self.values.get(record)? {
            EvalResult::Record(members) => members.get(name).cloned(),
            EvalResult::Bool(_)
            | EvalResult::Long(_)
            | EvalResult::String(_)
            | EvalResult::EntityUid(_)
            | EvalResult::Set(_)
            | EvalResult::ExtensionValue(_) => None,
        }
    }
}

fn text(value: EvalResult) -> Option<String> {
    if let EvalResult::String(text) = value { Some(text) } else { None }
}

fn texts(value: EvalResult) -> Vec<String> {
    let EvalResult::Set(elements) = value else { return Vec::new() };
    elements.iter().cloned().filter_map(text).collect()
}

/// What stands in quotes in an extension value, as in `datetime("1970-01-01").offset(duration("5ms"))`.
fn quotes(value: &EvalResult) -> Vec<String> {
    let EvalResult::ExtensionValue(written) = value else { return Vec::new() };
    written.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A date or time, and milliseconds after it.
fn instant(quoted: &[String]) -> Option<Timestamp> {
    let (start, offset) = match quoted {
        [start] => (start, 0),
        [start, offset] => (start, offset.strip_suffix("ms")?.parse().ok()?),
        _ => return None,
    };
    let start = match start.parse::<Timestamp>() {
        Ok(start) => start,
        Err(_) => TimeZone::UTC.to_timestamp(start.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)).ok()?,
    };
    start.checked_add(SignedDuration::from_millis(offset)).ok()
}
