//! Which values the rules of a policy set tell from others: the points that a finite grid has to visit.
//!
//! Receives levels and conditions, collects names, patterns, addresses, instants and bounds. A value that nothing mentions
//! is judged like every other such value, so that one of them stands for all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::bedrock::model::ModelKind;
use crate::bedrock::operation::Operation;
use crate::policy::condition::Network;
use crate::policy::document::Level;
use crate::policy::exceptions::Exception;
use crate::policy::facts::GuardrailReference;
use crate::policy::glob::Glob;
use crate::policy::rule::Rule;
use crate::policy::rules::Kind;
use crate::policy::rules::allow::Grant;
use crate::policy::rules::limits::Quantity;
use crate::policy::rules::sensitive::Direction;
use crate::sensitive::DetectorSet;

/// What rules speak about.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Mentions {
    /// The day on which hours are looked at.
    pub day: Date,
    pub environments: BTreeSet<String>,
    pub apps: BTreeSet<String>,
    pub regions: BTreeSet<String>,
    pub tools: BTreeSet<String>,
    /// Places in S3 that answers may be written to.
    pub outputs: BTreeSet<String>,
    /// Patterns over models, each once.
    pub models: Vec<Glob>,
    pub kinds: Vec<ModelKind>,
    pub sources: BTreeSet<IpAddr>,
    /// Networks that conditions name.
    pub networks: Vec<Network>,
    pub instants: BTreeSet<Timestamp>,
    /// Operations that conditions name.
    pub actions: BTreeSet<Operation>,
    /// Whether a rule tells streams from other answers.
    pub streams: bool,
    /// Numbers at which something changes, by quantity.
    pub bounds: BTreeMap<&'static str, (Quantity, Vec<f64>)>,
    pub guardrails: BTreeSet<GuardrailReference>,
    pub prompt_detectors: DetectorSet,
    pub answer_detectors: DetectorSet,
    /// Exceptions that a caller has to invoke.
    pub break_glass: BTreeSet<String>,
}

impl Mentions {
    /// Nothing yet, on the day of `now` in UTC.
    pub fn on(now: Timestamp) -> Self {
        Self {
            day: TimeZone::UTC.to_datetime(now).date(),
            environments: BTreeSet::new(),
            apps: BTreeSet::new(),
            regions: BTreeSet::new(),
            tools: BTreeSet::new(),
            outputs: BTreeSet::new(),
            models: Vec::new(),
            kinds: Vec::new(),
            sources: BTreeSet::new(),
            networks: Vec::new(),
            instants: BTreeSet::new(),
            actions: BTreeSet::new(),
            streams: false,
            bounds: BTreeMap::new(),
            guardrails: BTreeSet::new(),
            prompt_detectors: DetectorSet::EMPTY,
            answer_detectors: DetectorSet::EMPTY,
            break_glass: BTreeSet::new(),
        }
    }

    /// What the rules and grants of a level speak about.
    pub fn note(&mut self, level: &Level) {
        self.note_items(level.grants.iter().flat_map(|grants| &grants.items), &level.rules);
    }

    /// What an exception and its terms speak about.
    pub fn note_exception(&mut self, exception: &Exception) {
        self.apps.extend(exception.app.clone());
        self.note_items(&exception.instead.grants, &exception.instead.rules);
        if exception.break_glass {
            self.break_glass.insert(exception.id.to_string());
        }
    }

    fn note_items<'i>(&mut self, grants: impl IntoIterator<Item = &'i Grant>, rules: &[Rule]) {
        for grant in grants {
            grant.head.condition.mention(self);
            self.models.extend(grant.models.iter().cloned());
            self.outputs.extend(grant.outputs.iter().flat_map(Glob::examples));
        }
        for rule in rules {
            rule.head.condition.mention(self);
            self.note_kind(&rule.kind);
        }
    }

    /// Every pattern once: many levels write the same ones.
    pub fn tidy(&mut self) {
        self.models.sort_by_key(ToString::to_string);
        self.models.dedup();
        self.kinds.sort();
        self.kinds.dedup();
        for (_, numbers) in self.bounds.values_mut() {
            numbers.sort_by(f64::total_cmp);
            numbers.dedup();
        }
    }

    fn note_kind(&mut self, kind: &Kind) {
        match kind {
            Kind::Deny(deny) => self.models.extend(deny.models.iter().flatten().cloned()),
            Kind::Limits(limits) => {
                for bound in &limits.bounds {
                    let name = bound.quantity.name();
                    let (_, numbers) = self.bounds.entry(name).or_insert((bound.quantity, Vec::new()));
                    numbers.extend([bound.min, bound.max, bound.default].into_iter().flatten());
                }
            }
            Kind::Guardrail(guardrail) => self.guardrails.extend(guardrail.one_of.iter().cloned()),
            Kind::Sensitive(sensitive) => {
                let [prompt, answer] =
                    [Direction::Prompt, Direction::Response].map(|way| sensitive.detectors(way));
                self.prompt_detectors = self.prompt_detectors.union(prompt);
                self.answer_detectors = self.answer_detectors.union(answer);
            }
            // Geographies and modalities are few: all of them are visited. Quotas ask for nothing of a request.
            Kind::Residency(_) | Kind::Content(_) | Kind::Quotas(_) => {}
        }
    }
}
