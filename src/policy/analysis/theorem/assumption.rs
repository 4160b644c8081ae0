//! What is true of every request because of how requests are read, and which requests a claim is about.
//!
//! Receives a team, an operation and models, returns texts in Cedar. A solver knows none of this by itself, and would
//! otherwise refute claims with requests that nobody can send.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cedar_policy::EvalResult;

use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::{GuardrailPlace, Operation};
use crate::bedrock::view::{Modality, OpaqueKind, Parameter};
use crate::identity::{CredentialKind, Principal};
use crate::policy::analysis::description;
use crate::policy::analysis::suite::Given;
use crate::policy::cedar::{Atom, Question, all, any, atom, not, quoted, set};
use crate::policy::rules::limits::PARAMETERS;
use crate::policy::{Context, Inquiry, PolicySet};

/// The sentences that [`Assumption::texts`] states.
pub(super) const SAID: [&str; 6] = [
    "requests are judged as they would be sent, after repairs, and quotas have room",
    "a caller belongs to one team, and an app is named by its own callers only",
    "a model is one of the catalogue, called directly or by a profile, or an id that the policies name",
    "models that no `allow` of the team covers are not asked about: nothing grants them",
    "counts are not negative; kinds of content and parameters are those that the warden knows",
    "operations that only read are answered by another check, and are not asked about",
];

/// The most tools that are thought of in one request.
pub(super) const MOST_TOOLS: u32 = 1024;

pub(super) struct Assumption<'a> {
    pub set: &'a PolicySet,
    pub given: &'a Given,
    pub team: &'a str,
    pub operation: Operation,
    pub context: &'a Context,
    /// Empty for operations that call no model.
    pub models: &'a [ModelReference],
    /// Names of the atoms that rules speak of.
    pub atoms: &'a BTreeSet<&'a str>,
}

impl Assumption<'_> {
    pub fn texts(&self) -> Vec<String> {
        let mut texts = vec![self.model(), self.stream(), counts(), words()];
        texts.extend(self.callers());
        texts.extend(self.given());
        texts.extend(self.places());
        texts.extend(PARAMETERS.into_iter().map(numbers));
        texts
    }

    fn callers(&self) -> Vec<String> {
        let within = |team: &str| format!("principal in Warden::Team::{}", quoted(team));
        let others = self.set.teams.keys().filter(|other| *other != self.team);
        let mut texts = vec![within(self.team)];
        texts.extend(others.map(|other| not(&within(other))));
        let team = self.set.teams.get(self.team);
        let files = team.iter().flat_map(|team| team.apps.keys());
        let excepted =
            team.iter().flat_map(|team| &team.exceptions).filter_map(|exception| exception.app.as_ref());
        let apps: BTreeSet<&String> = files.chain(excepted).chain(&self.given.app).collect();
        texts.extend(apps.into_iter().map(|app| {
            let name = quoted(&format!("{}/{app}", self.team));
            format!("(principal == Warden::App::{name}) == (context.app == {})", quoted(app))
        }));
        texts
    }

    fn given(&self) -> Vec<String> {
        let Given { app, environment, source, now, break_glass, .. } = self.given;
        let is = |name: &str, value: &str| format!("context.{name} == {}", quoted(value));
        let mut texts = vec![is("region", &self.context.region)];
        texts.extend(app.as_deref().map(|app| is("app", app)));
        texts.extend(environment.as_deref().map(|environment| is("env", environment)));
        texts.extend(
            source.map(|source: IpAddr| format!("context.source == ip(\"{}\")", source.to_canonical())),
        );
        let written = now.map(|now| now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        texts.extend(written.map(|now| format!("context.now == datetime({})", quoted(&now))));
        texts.extend(
            break_glass.as_deref().map(|id| format!("context has breakGlass && {}", is("breakGlass", id))),
        );
        texts
    }

    fn stream(&self) -> String {
        let streams = self.operation.is_streaming();
        if !streams && self.operation.may_stream() {
            return "true".to_owned();
        }
        if streams { "context.params.stream".to_owned() } else { "!context.params.stream".to_owned() }
    }

    /// Where a request has no place for something, it is not there.
    fn places(&self) -> Vec<String> {
        let elsewhere =
            if self.operation.answers_elsewhere() { "context has output" } else { "!(context has output)" };
        let mut texts = vec![elsewhere.to_owned()];
        if matches!(self.operation.guardrail(), GuardrailPlace::Nowhere | GuardrailPlace::Unneeded) {
            texts.push("!(context has guardrail)".to_owned());
        }
        texts
    }

    fn model(&self) -> String {
        if self.operation.takes_model() {
            any(self.models.iter().map(|model| self.one_model(Some(model))))
        } else {
            self.one_model(None)
        }
    }

    /// Everything that a context says about one model, and what the atoms about it say.
    fn one_model(&self, model: Option<&ModelReference>) -> String {
        let facts = description::plain(self.operation, model);
        let principal = Principal {
            team: self.team.to_owned(),
            app: String::new(),
            credential: CredentialKind::SigV4,
            credential_id: String::new(),
        };
        let inquiry = Inquiry {
            principal: &principal,
            operation: self.operation,
            model,
            context: self.context,
            facts: &facts,
        };
        // A model that cannot be put into words is left out, as one that nobody asked about.
        let Ok(question) = Question::of(&inquiry) else { return "false".to_owned() };
        let (request, _) = question.parts();
        let stated_model = request.context().and_then(|context| context.get("model"));
        let Some(EvalResult::Record(record)) = stated_model else { return "false".to_owned() };
        let members = record.iter().map(|(name, value)| stated(&format!("context.model.{name}"), value));
        let resource = request.resource().map(|resource| format!("resource == {resource}"));
        let atoms = self.atoms.iter().filter_map(|name| self.atom(name, &inquiry));
        all(resource.into_iter().chain(members).chain(atoms))
    }

    /// Whether an atom holds that hangs on the model alone; `None` for those that hang on more.
    fn atom(&self, name: &str, inquiry: &Inquiry<'_>) -> Option<String> {
        let parsed = Atom::parse(name)?;
        let holds = match &parsed {
            Atom::Model(_) | Atom::Covered(_) | Atom::LeavesGeography => {
                parsed.holds(self.set, inquiry).ok()?
            }
            Atom::Granted(_) if !inquiry.model.is_some_and(|model| model.kind().is_alias()) => false,
            Atom::Granted(_) | Atom::Hours(_) | Atom::Tools(_) => return None,
        };
        Some(if holds { atom(name) } else { not(&atom(name)) })
    }
}

/// That a member of the context has a value.
fn stated(member: &str, value: &EvalResult) -> String {
    match value {
        EvalResult::Bool(true) => member.to_owned(),
        EvalResult::Bool(false) => not(member),
        EvalResult::Long(number) => format!("{member} == {number}"),
        EvalResult::String(text) => format!("{member} == {}", quoted(text)),
        EvalResult::Set(elements) => {
            let texts: Vec<&str> = elements
                .iter()
                .filter_map(|one| if let EvalResult::String(text) = one { Some(text.as_str()) } else { None })
                .collect();
            if texts.is_empty() {
                format!("{member}.isEmpty()")
            } else {
                format!("{member} == {}", set(texts))
            }
        }
        // A model has no members of these types.
        EvalResult::EntityUid(_) | EvalResult::Record(_) | EvalResult::ExtensionValue(_) => {
            "false".to_owned()
        }
    }
}

fn counts() -> String {
    let of =
        |name: &str, most: u32| format!("context.content.{name} >= 0 && context.content.{name} <= {most}");
    let names = ["turns", "images", "inputTokens", "unread"];
    let some = not("context.content.tools.isEmpty()");
    let tools = format!("({some}) == (context.content.toolCount > 0)");
    all(names.map(|name| of(name, u32::MAX)).into_iter().chain([of("toolCount", MOST_TOOLS), tools]))
}

fn words() -> String {
    let among = |member: &str, words: String| format!("{words}.containsAll(context.{member})");
    all([
        among("content.modalities", set(Modality::ALL.map(Modality::name))),
        among("content.uninspected", set(OpaqueKind::ALL.map(OpaqueKind::name))),
        among("params.absent", set(PARAMETERS.map(Parameter::name))),
        among("params.malformed", set(PARAMETERS.map(Parameter::name))),
    ])
}

/// A parameter is there or not, and its smallest value is not larger than its largest.
fn numbers(parameter: Parameter) -> String {
    let name = parameter.name();
    let (there, least) = (format!("context.params has {name}"), format!("context.params.least has {name}"));
    let order = format!("context.params.least.{name} <= context.params.{name}");
    let missing = all([not(&least), not(&format!("context.params.malformed.contains({})", quoted(name)))]);
    let present =
        [format!("({least} && {order})"), not(&format!("context.params.absent.contains({})", quoted(name)))];
    format!("if {there} then {} else {missing}", all(present))
}
