//! How test files are written. Mistakes in them are reported like those of policy files, because a test that is skipped
//! without a word proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use super::{Case, DEFAULT_REGION, Expect, Given, Invariant, Suite, is_test, keys};
use crate::bedrock::fault::Fault;
use crate::bedrock::model::ModelReference;
use crate::bedrock::model::resolution::Found;
use crate::bedrock::operation::Operation;
use crate::bedrock::view::Parameter;
use crate::identity::{CredentialKind, Principal};
use crate::policy::analysis::description::{self, DescriptionError, NAMES, PARAMETERS};
use crate::policy::analysis::probe::Probe;
use crate::policy::condition::{Condition, check_blank};
use crate::policy::rule::{Place, read_sentence};
use crate::policy::{Context, PolicySet};
use crate::sensitive::Findings;
use crate::yaml::{Diagnostics, Mapping, Node, Reader, Source, Value, closest};

impl Suite {
    /// Reads the test files among `files`; cases may only name rules that `set` has. `None` after an error.
    pub fn read(files: &[Source], set: &PolicySet, diagnostics: &mut Diagnostics) -> Option<Self> {
        let errors = diagnostics.errors();
        let mut suite = Self::default();
        let rules = set.rules().map(|(rule, _)| rule.to_string()).collect();
        for source in files.iter().filter(|file| is_test(&file.path)) {
            let Some(document) = source.parse(diagnostics) else { continue };
            let mut reading = Reading { reader: Reader { source, diagnostics }, set, rules: &rules };
            reading.file(&document, &mut suite);
        }
        (diagnostics.errors() == errors).then_some(suite)
    }
}

/// One file, and what it is about.
struct Reading<'a> {
    reader: Reader<'a>,
    set: &'a PolicySet,
    rules: &'a BTreeSet<String>,
}

impl Reading<'_> {
    fn file(&mut self, document: &Node, suite: &mut Suite) {
        let Some(mapping) = self.mapping(document, "a test file", &keys::FILE) else { return };
        if let Some(version) = mapping.get("version")
            && self.reader.string(version, "version").is_some_and(|version| version != "1")
        {
            self.reader.error(&version.span, "this version reads test files of version 1");
        }
        let given = mapping.get("given").and_then(|node| self.given(node)).unwrap_or_default();
        for node in mapping.get("cases").map(|node| self.reader.list(node)).unwrap_or_default() {
            suite.cases.extend(self.case(node, &given));
        }
        for node in mapping.get("never").map(|node| self.reader.list(node)).unwrap_or_default() {
            suite.invariants.extend(self.invariant(node));
        }
    }

    fn case(&mut self, node: &Node, base: &Given) -> Option<Case> {
        const PLACE: &str = "a case";
        let item = self.mapping(node, PLACE, &keys::CASE)?;
        let name = self.reader.required(&item, PLACE, "name");
        let name = name.and_then(|node| read_sentence(&mut self.reader, node, "name"));
        let given = item.get("given").and_then(|node| self.given(node)).unwrap_or_default().over(base);
        let request = self.reader.required(&item, PLACE, "request").cloned();
        let probe = request.and_then(|node| self.probe(&node, &given, item.span));
        let expect = self.reader.required(&item, PLACE, "expect").cloned();
        let expect = expect.and_then(|node| self.expect(&node, &given));
        let place = Place::new(self.reader.source, &node.span);
        Some(Case { name: name?, place, probe: probe?, expect: expect? })
    }

    fn invariant(&mut self, node: &Node) -> Option<Invariant> {
        const PLACE: &str = "an item of `never`";
        let item = self.mapping(node, PLACE, &keys::INVARIANT)?;
        let name = self.reader.required(&item, PLACE, "name");
        let name = name.and_then(|node| read_sentence(&mut self.reader, node, "name"));
        let given = item.get("given").and_then(|node| self.given(node)).unwrap_or_default();
        let allowed = self.reader.required(&item, PLACE, "allowed");
        let allowed = allowed.and_then(|node| Condition::matching(&mut self.reader, node, "allowed"));
        let place = Place::new(self.reader.source, &node.span);
        Some(Invariant { name: name?, place, given, allowed: allowed? })
    }

    fn given(&mut self, node: &Node) -> Option<Given> {
        let mapping = self.mapping(node, "`given`", &keys::GIVEN)?;
        let mut text = |key| mapping.get(key).and_then(|node| self.reader.string(node, key));
        let (team, app, environment, region) = (text("team"), text("app"), text("env"), text("region"));
        let break_glass = text("breakGlass");
        let source = mapping.get("source");
        let source: Option<IpAddr> =
            source.and_then(|node| self.reader.parsed(node, "source", "an address such as 10.0.0.1"));
        let now = mapping.get("now");
        let now: Option<Timestamp> =
            now.and_then(|node| self.reader.parsed(node, "now", "a time such as 2026-11-20T10:30:00Z"));
        Some(Given { team, app, environment, region, source, now, break_glass })
    }

    fn probe(&mut self, node: &Node, given: &Given, case: &std::ops::Range<usize>) -> Option<Probe> {
        let known: Vec<&str> = keys::REQUEST.into_iter().chain(NAMES).collect();
        let request = self.mapping(node, "a request", &known)?;
        let operation = match request.get("operation") {
            Some(node) => self.operation(node)?,
            None => Operation::Converse,
        };
        let model = self.model(&request, operation);
        let mut facts = description::plain(operation, model.as_ref());
        let mut operation = operation;
        for (key, node) in request.entries().iter().filter(|(key, _)| NAMES.contains(&key.name.as_str())) {
            let values = self.values(node, &key.name)?;
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            self.described(node, description::learn(&mut facts, &key.name, &values, self.set.scanner()))?;
        }
        if let Some((_, node)) = request.entry("stream") {
            operation = self.described(node, description::streamed(operation, facts.stream))?;
        }
        let (Some(team), Some(app)) = (given.team.clone(), given.app.clone()) else {
            self.reader.error(case, "a case needs `team` and `app` in its `given`, or in that of the file");
            return None;
        };
        if operation.takes_model() && model.is_none() {
            return None;
        }
        let principal =
            Principal { team, app, credential: CredentialKind::SigV4, credential_id: String::new() };
        let context = given.context();
        Some(Probe { principal, operation, model, context, facts, fixed: Findings::default() })
    }

    fn operation(&mut self, node: &Node) -> Option<Operation> {
        let name = self.reader.string(node, "operation")?;
        let found = Operation::named(&name);
        if found.is_none() {
            crate::policy::condition::no_operation(&mut self.reader, node, &name);
        }
        found
    }

    fn model(&mut self, request: &Mapping<'_>, operation: Operation) -> Option<ModelReference> {
        if !operation.takes_model() {
            if let Some((key, _)) = request.entry("model") {
                self.reader.error(&key.span, format!("{operation} calls no model"));
            }
            return None;
        }
        let node = self.reader.required(request, "a request", "model")?;
        let model = self.reference(node)?;
        let Some(behind) = request.get("resolvesTo") else {
            return Some(self.set.alias(&model).unwrap_or(model));
        };
        if !model.kind().needs_lookup() {
            self.reader.error(&behind.span, format!("{model} hides no model; leave out `resolvesTo`"));
            return None;
        }
        let behind: Option<Vec<_>> =
            self.reader.list(behind).iter().map(|node| self.reference(node)).collect();
        Some(model.with(Found::stated(behind?)))
    }

    fn reference(&mut self, node: &Node) -> Option<ModelReference> {
        let text = self.reader.string(node, "a model")?;
        match ModelReference::parse(&text) {
            Ok(model) => Some(model),
            Err(error) => {
                self.reader.error(&node.span, format!("`{}`: {error}", text.escape_debug()));
                None
            }
        }
    }

    /// A value, a list of values, or a mapping whose entries stand for `name:value`.
    fn values(&mut self, node: &Node, place: &str) -> Option<Vec<String>> {
        match &node.value {
            Value::Mapping(entries) if place == "findings" => {
                let entry = |(key, node): &(crate::yaml::Key, Node)| {
                    Some(format!("{}:{}", key.name, self.reader.string(node, place)?))
                };
                entries.iter().map(entry).collect()
            }
            Value::Sequence(elements) if elements.is_empty() => Some(Vec::new()),
            Value::Scalar { .. } | Value::Sequence(_) | Value::Mapping(_) => self.reader.strings(node, place),
        }
    }

    fn expect(&mut self, node: &Node, given: &Given) -> Option<Expect> {
        const PLACE: &str = "`expect`";
        let mapping = self.mapping(node, PLACE, &keys::EXPECT)?;
        let decision = self.reader.required(&mapping, PLACE, "decision");
        let words = [("allow", true), ("deny", false)];
        let allowed = decision.and_then(|node| self.reader.one_of(node, "decision", &words))?;
        let fault = match mapping.get("error") {
            Some(node) => Some(self.fault(node)?),
            None => None,
        };
        let rules = self.rule_set(&mapping, "rules", given)?;
        let shadow = self.rule_set(&mapping, "shadow", given)?;
        let exceptions = match mapping.get("exceptions") {
            Some(node) => Some(self.exceptions(node)?),
            None => None,
        };
        let modified = match mapping.get("modified") {
            Some(node) => Some(self.modified(node)?),
            None => None,
        };
        match (allowed, &rules) {
            (true, Some(_)) => {
                self.reader.error(mapping.span, "nothing denies what is allowed: leave `rules` out");
            }
            (false, None) => {
                let diagnostic = self.reader.source.error(
                    mapping.span.clone(),
                    "a case that expects a denial needs `rules`, or it would pass for any reason",
                );
                self.reader.push(diagnostic.help("run the test with `rules: []` to see which rules deny"));
            }
            (true, None) | (false, Some(_)) => {}
        }
        Some(Expect { allowed, fault, rules, modified, shadow, exceptions })
    }

    fn fault(&mut self, node: &Node) -> Option<Fault> {
        let words = Fault::ALL.map(|fault| (fault.name(), fault));
        self.reader.one_of(node, "error", &words)
    }

    #[expect(clippy::option_option, reason = "absent and unreadable are two things")]
    fn rule_set(
        &mut self,
        mapping: &Mapping<'_>,
        key: &str,
        given: &Given,
    ) -> Option<Option<BTreeSet<String>>> {
        let Some(node) = mapping.get(key) else { return Some(None) };
        let own = given.team.as_ref().map(|team| format!("{team}/allow"));
        let mut rules = BTreeSet::new();
        for element in self.reader.list(node) {
            let rule = self.reader.string(element, key)?;
            if !self.rules.contains(&rule) && own.as_ref() != Some(&rule) {
                let diagnostic =
                    self.reader.source.error(element.span.clone(), format!("there is no rule `{rule}`"));
                let diagnostic = match closest(&rule, self.rules.iter().map(String::as_str)) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic,
                };
                self.reader.push(diagnostic);
            }
            rules.insert(rule);
        }
        Some(Some(rules))
    }

    fn exceptions(&mut self, node: &Node) -> Option<BTreeSet<String>> {
        let known: Vec<_> = self.set.exceptions().map(|exception| exception.id).collect();
        let mut exceptions = BTreeSet::new();
        for element in self.reader.list(node) {
            let id = self.reader.string(element, "exceptions")?;
            if !known.iter().any(|known| **known == *id) {
                self.reader.error(&element.span, format!("there is no exception `{}`", id.escape_debug()));
            }
            exceptions.insert(id);
        }
        Some(exceptions)
    }

    fn modified(&mut self, node: &Node) -> Option<BTreeMap<String, String>> {
        let names = PARAMETERS.map(Parameter::name);
        let known: Vec<&str> = names.into_iter().chain(["guardrail", "redact", "tokenize"]).collect();
        let mapping = self.mapping(node, "`modified`", &known)?;
        let mut modified = BTreeMap::new();
        for (key, node) in mapping.entries() {
            let value = match key.name.as_str() {
                field @ ("redact" | "tokenize") => {
                    let names = self.reader.strings(node, field)?;
                    let mut detectors = BTreeSet::new();
                    for name in &names {
                        detectors.insert(
                            self.described(node, description::detector(self.set.scanner(), name))?.name(),
                        );
                    }
                    detectors.into_iter().collect::<Vec<_>>().join(", ")
                }
                "guardrail" => self.reader.string(node, "guardrail")?,
                name => {
                    let number: f64 = self.reader.parsed(node, name, "a number")?;
                    number.to_string()
                }
            };
            modified.insert(key.name.clone(), value);
        }
        Some(modified)
    }

    fn described<T>(&mut self, node: &Node, read: Result<T, DescriptionError>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                let diagnostic = self.reader.source.error(node.span.clone(), error.to_string());
                self.reader.push(match error.hint() {
                    Some(hint) => diagnostic.help(hint),
                    None => diagnostic,
                });
                None
            }
        }
    }

    fn mapping<'n>(&mut self, node: &'n Node, place: &str, known: &[&str]) -> Option<Mapping<'n>> {
        let mapping = self.reader.mapping(node, place, known)?;
        check_blank(&mut self.reader, &mapping);
        Some(mapping)
    }
}

impl Given {
    /// The circumstances. A test that does not say where it comes from and when means a private network and a fixed day, so
    /// that it means the same on every machine and every day.
    pub(in crate::policy::analysis) fn context(&self) -> Context {
        Context {
            environment: self.environment.clone().unwrap_or_else(|| "prod".to_owned()),
            region: self.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            source: self.source.unwrap_or(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))),
            now: self.now.unwrap_or_else(|| Timestamp::from_second(NOON).unwrap_or_default()),
            break_glass: self.break_glass.clone(),
        }
    }
}

/// 2026-01-14T12:00:00Z, a Wednesday.
const NOON: i64 = 1_768_392_000;
