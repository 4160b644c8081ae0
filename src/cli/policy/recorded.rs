//! Requests out of the journal, as policies can judge them again.
//!
//! Receives the evidence of one intent or denial, returns the request and what was decided. A record that does not hold
//! enough of the request returns nothing: it was refused before anybody asked a policy, or an older version wrote it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::bedrock::model::ModelReference;
use crate::bedrock::model::resolution::Found;
use crate::bedrock::operation::{Access, Operation};
use crate::bedrock::view::{Leak, Modality, OpaqueKind, Parameter};
use crate::identity::{CredentialKind, Principal};
use crate::policy::analysis::probe::Probe;
use crate::policy::analysis::replay::{Decided, Missing, Recorded};
use crate::policy::{Context, Facts, GuardrailReference};
use crate::sensitive::{Findings, Scanner};

/// Stands in a record for the name of a tool that is not kept.
const NOT_KEPT: &str = "…";

/// The request of a record and what was decided about it. `scanner` knows the detectors that it may name. `None` for what no policy was asked about.
pub(super) fn recorded(record: &Value, scanner: &Scanner) -> Option<Recorded> {
    let text = |key: &str| record.get(key).and_then(Value::as_str);
    let operation = Operation::named(text("operation")?)?;
    let asked = record.get("asked")?;
    let reads = operation.access() == Access::Read;
    let principal = Principal {
        team: text("team")?.to_owned(),
        app: text("app")?.to_owned(),
        credential: CredentialKind::SigV4,
        credential_id: text("cred_id").unwrap_or_default().to_owned(),
    };
    let context = Context {
        environment: asked.get("env")?.as_str()?.to_owned(),
        region: text("region")?.to_owned(),
        source: text("src_ip")?.parse().ok()?,
        now: Timestamp::from_microsecond(record.get("ts_us")?.as_i64()?).ok()?,
        break_glass: asked.get("break_glass").and_then(Value::as_str).map(str::to_owned),
    };
    let model = match text("model_requested") {
        Some(requested) => Some(model(requested, asked)?),
        None => None,
    };
    let facts = if reads { Facts::default() } else { facts(record, asked, scanner)? };
    Some(Recorded {
        id: text("request_id")?.to_owned(),
        looked_for: words(asked, "looked_for").filter_map(|name| scanner.find(name)).collect(),
        missing: missing(record, &facts),
        decided: decided(record)?,
        probe: Probe { principal, operation, model, context, facts, fixed: Findings::default() },
    })
}

fn model(requested: &str, asked: &Value) -> Option<ModelReference> {
    let model = ModelReference::parse(requested).ok()?;
    let behind = asked.get("behind").and_then(Value::as_array);
    let Some(behind) = behind else { return Some(model) };
    let behind: Option<Vec<_>> =
        behind.iter().map(|next| self::model(next.get("model")?.as_str()?, next)).collect();
    Some(model.with(Found::stated(behind?)))
}

fn facts(record: &Value, asked: &Value, scanner: &Scanner) -> Option<Facts> {
    let count = |value: Option<&Value>| u32::try_from(value?.as_u64()?).ok();
    let uninspected = || record.get("uninspected").and_then(Value::as_array).into_iter().flatten();
    let kinds = uninspected().filter_map(|entry| entry.get("kind").and_then(Value::as_str));
    let guardrail = record.get("guardrail").and_then(|guardrail| guardrail.get("before"));
    Some(Facts {
        settings: settings(record.get("params")?.get("before")?)?,
        insertable: words(asked, "insertable").filter_map(parameter).collect(),
        modalities: words(record, "modalities").filter_map(modality).collect(),
        tools: words(asked, "tools").map(str::to_owned).collect(),
        turns: count(record.get("turns"))?,
        images: count(record.get("images"))?,
        input_tokens: count(asked.get("input_tokens"))?,
        unread: count(asked.get("unread"))?,
        uninspected: kinds.filter_map(opaque_kind).collect(),
        stream: record.get("stream")?.as_bool()?,
        guardrail: guardrail.and_then(Value::as_str).and_then(GuardrailReference::parse),
        output: record.get("output").and_then(Value::as_str).map(str::to_owned),
        leaks: words(asked, "leaks").filter_map(leak).collect(),
        findings: findings(record, scanner),
    })
}

/// Strings of a list member; none where there is no such member.
fn words<'v>(record: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    record.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn settings(before: &Value) -> Option<BTreeMap<Parameter, Vec<f64>>> {
    let mut settings = BTreeMap::new();
    for (name, value) in before.as_object()? {
        let values = match value {
            Value::Array(values) => values.iter().map(Value::as_f64).collect::<Option<Vec<_>>>()?,
            single => vec![single.as_f64()?],
        };
        settings.insert(parameter(name)?, values);
    }
    Some(settings)
}

fn findings(record: &Value, scanner: &Scanner) -> Findings {
    let mut findings = Findings::default();
    for entry in record.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let detector = entry.get("type").and_then(Value::as_str).and_then(|name| scanner.find(name));
        let count = entry.get("count").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
        if let (Some(detector), Some(count), Some("in")) =
            (detector, count, entry.get("direction").and_then(Value::as_str))
        {
            findings.add(detector, count);
        }
    }
    findings
}

fn missing(record: &Value, facts: &Facts) -> Option<Missing> {
    let offered = record.get("tools").and_then(Value::as_u64).unwrap_or_default();
    let kept = facts.tools.iter().filter(|tool| *tool != NOT_KEPT).count() as u64;
    if offered != kept {
        return Some(Missing::Tool);
    }
    facts.output.is_some().then_some(Missing::Output)
}

fn decided(record: &Value) -> Option<Decided> {
    let rules = record.get("rules").and_then(Value::as_array).into_iter().flatten();
    let rules = rules.filter_map(|hit| hit.get("rule").and_then(Value::as_str)).map(str::to_owned);
    // How full a count was is no part of the request.
    let rules: BTreeSet<String> =
        rules.filter(|rule| !rule.split('/').any(|part| part == "quotas")).collect();
    let allowed = match record.get("decision")?.as_str()? {
        "allow" | "modify" => true,
        "deny" if !rules.is_empty() => false,
        // What could not be served, and what no rule denied, was not decided by policies.
        _ => return None,
    };
    let mut changes = BTreeMap::new();
    for edit in record.get("edits").and_then(Value::as_array).into_iter().flatten() {
        let field = edit.get("field").and_then(Value::as_str)?;
        let removed = field.split_once(':').filter(|(how, _)| matches!(*how, "redact" | "tokenize"));
        if let Some((how, detectors)) = removed {
            let all = changes.entry(how.to_owned()).or_insert_with(String::new);
            let known = all.split(", ").filter(|name| !name.is_empty());
            let mut names: Vec<&str> = known.chain(detectors.split('+')).collect();
            names.sort_unstable();
            *all = names.join(", ");
        } else {
            let to = edit.get("to").and_then(Value::as_str).unwrap_or_default();
            changes.insert(field.to_owned(), to.to_owned());
        }
    }
    Some(Decided { allowed, rules, changes })
}

fn parameter(name: &str) -> Option<Parameter> {
    Parameter::ALL.into_iter().find(|parameter| parameter.name() == name)
}

fn modality(name: &str) -> Option<Modality> {
    Modality::ALL.into_iter().find(|modality| modality.name() == name)
}

fn opaque_kind(name: &str) -> Option<OpaqueKind> {
    OpaqueKind::ALL.into_iter().find(|kind| kind.name() == name)
}

fn leak(name: &str) -> Option<Leak> {
    Leak::ALL.into_iter().find(|leak| leak.name() == name)
}
