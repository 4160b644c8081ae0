//! Short ways for the tests of this folder to write policies and requests.

use jiff::Timestamp;

use super::{Context, Facts, Inquiry, PolicySet, Repair, Verdict, compile};
use crate::bedrock::model::ModelReference;
use crate::bedrock::model::resolution::Found;
use crate::bedrock::operation::Operation;
use crate::bedrock::view::{Modality, Parameter};
use crate::identity::{CredentialKind, Principal};
use crate::sensitive::find;
use crate::yaml::{Diagnostics, Source};

pub const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
pub const ROUTER: &str = "arn:aws:bedrock:us-east-1:111122223333:prompt-router/abc123abc123";

/// When files are read and requests are made.
pub fn now() -> Timestamp {
    "2026-11-20T10:30:00Z".parse().unwrap()
}

/// Compiles files given as path and text; returns what was reported, too.
pub fn compiled(files: &[(&str, &str)]) -> (Option<PolicySet>, Vec<String>) {
    let sources: Vec<_> = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
    let mut diagnostics = Diagnostics::default();
    let set = compile(&sources, now(), &mut diagnostics);
    (set, diagnostics.iter().map(ToString::to_string).collect())
}

/// A set of the floor and team `payments`, each of which grants every model and holds `org` or `team` besides.
pub fn policy(org: &str, team: &str) -> PolicySet {
    let org = format!("version: 1\nscope: org\nallow: {{ models: \"*\" }}\n{org}");
    let team = format!("version: 1\nscope: team/payments\nallow: {{ models: \"*\" }}\n{team}");
    let (set, reported) = compiled(&[("org.yaml", &org), ("teams/payments.yaml", &team)]);
    set.unwrap_or_else(|| panic!("{reported:#?}"))
}

/// A request of payments/checkout, to be changed by a test.
#[derive(Debug, Clone)]
pub struct Request {
    pub principal: Principal,
    pub operation: Operation,
    pub model: ModelReference,
    pub context: Context,
    pub facts: Facts,
}

impl Request {
    pub fn new(model: &str) -> Self {
        let mut facts = Facts { turns: 1, ..Facts::default() };
        facts.insertable.extend([Parameter::MaxTokens, Parameter::Temperature, Parameter::TopP]);
        facts.modalities.insert(Modality::Text);
        Self {
            principal: Principal {
                team: "payments".to_owned(),
                app: "checkout".to_owned(),
                credential: CredentialKind::SigV4,
                credential_id: "AKIAEXAMPLE".to_owned(),
            },
            operation: Operation::Converse,
            model: ModelReference::parse(model).unwrap(),
            context: Context {
                environment: "prod".to_owned(),
                region: "us-east-1".to_owned(),
                source: "10.1.2.3".parse().unwrap(),
                now: now(),
                break_glass: None,
            },
            facts,
        }
    }

    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same request with what was found behind its model's name.
    #[must_use]
    pub fn leading_to(self, models: &[&str]) -> Self {
        let models = models.iter().map(|model| ModelReference::parse(model).unwrap()).collect();
        self.with(|request| request.model = request.model.clone().with(Found::stated(models)))
    }

    /// Sets a parameter in as many places as there are values.
    #[must_use]
    pub fn set(self, parameter: Parameter, values: &[f64]) -> Self {
        self.with(|request| {
            request.facts.settings.insert(parameter, values.to_vec());
            request.facts.insertable.remove(&parameter);
        })
    }

    #[must_use]
    pub fn found(self, detector: &str, count: u32) -> Self {
        self.with(|request| request.facts.findings.add(find(detector).unwrap(), count))
    }

    pub fn inquiry(&self) -> Inquiry<'_> {
        Inquiry {
            principal: &self.principal,
            operation: self.operation,
            model: self.operation.takes_model().then_some(&self.model),
            context: &self.context,
            facts: &self.facts,
        }
    }

    /// Repairs the request and verifies what comes out.
    pub fn judged(&self, set: &PolicySet) -> (Vec<Repair>, Verdict) {
        let repairs = set.repair(&self.inquiry());
        let repaired = self.clone().with(|request| request.facts = self.facts.apply(&repairs));
        let verdict = set.verify(&repaired.inquiry());
        (repairs, verdict)
    }

    /// The rules that deny the request after repair, and the repairs, as short words.
    pub fn outcome(&self, set: &PolicySet) -> (Vec<String>, Vec<String>) {
        let (repairs, verdict) = self.judged(set);
        let denied = verdict.violations.iter().map(|violation| violation.rule.to_string()).collect();
        (denied, repairs.iter().map(shown).collect())
    }
}

fn shown(repair: &Repair) -> String {
    match repair {
        Repair::Set { parameter, value, previous: Some(previous), rule } => {
            format!("{parameter} {previous}→{value} {rule}")
        }
        Repair::Set { parameter, value, previous: None, rule } => format!("{parameter} +{value} {rule}"),
        Repair::Guardrail { reference, rule } => format!("guardrail +{reference} {rule}"),
        Repair::Redact { detectors, rule } => format!("redact {detectors:?} {rule}"),
        Repair::Tokenize { detectors, rule } => format!("tokenize {detectors:?} {rule}"),
    }
}
