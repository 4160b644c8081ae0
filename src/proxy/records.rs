//! What the request path knows, as the record's plain data. The only place where the two vocabularies meet.

use std::collections::BTreeSet;
use std::net::IpAddr;

use http::HeaderMap;
use http::header::USER_AGENT;
use uuid::Uuid;

use crate::audit::{
    Arrival, Asked, Behind, Caller, Content, Direction, Edit, ExceptionUse, Finding, Judgement as Judged,
    Model, Outcome, RuleHit, Settings, System, SystemKind, Target, Tokens, Uninspected,
};
use crate::bedrock::model::ModelReference;
use crate::bedrock::view::{self, Parameter, Usage};
use crate::identity::Principal;
use crate::policy::{AnswerVerdict, Context, Exempted, Facts, Repair, RuleId, Violation};
use crate::sensitive::{DetectorId, DetectorSet, Findings, Scanner, redact};
use crate::telemetry;

use super::judge::Judgement;
use super::session::Heard;

/// The system event of a policy set coming into force.
pub fn policy_load(before: Option<&str>, digest: &str) -> System {
    let event = System::new(SystemKind::PolicyLoad).with("policy_digest", digest);
    match before {
        Some(before) => event.with("previous_digest", before),
        None => event,
    }
}

/// The system event of files that are not used as policies. `reason` says why; what is `in_force` stays so.
pub fn policy_rejected(in_force: Option<&str>, reason: &str) -> System {
    let event = System::new(SystemKind::PolicyRejected).with("reason", reason);
    match in_force {
        Some(digest) => event.with("policy_digest", digest),
        None => event,
    }
}

/// What is noted of a request before anything is proven. Callers choose these words freely.
pub fn arrival(scanner: &Scanner, source: IpAddr, headers: &HeaderMap) -> Arrival {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Arrival {
        source_ip: Some(source),
        user_agent: text(USER_AGENT.as_str()).map(|agent| without_findings(scanner, agent)),
        // SDKs send a UUID; any other text is none of the record's business.
        client_invocation_id: text("amz-sdk-invocation-id")
            .filter(|id| Uuid::try_parse(id).is_ok())
            .map(str::to_owned),
        claimed_credential_id: None,
    }
}

/// SECRET: the record holds no personal data and no credentials, whichever header they were written into. Versions of
/// software look like addresses and dates, and software says where it comes from, so those stay.
fn without_findings(scanner: &Scanner, agent: &str) -> String {
    let agent: String = agent.chars().take(LONGEST_AGENT).collect();
    let stay = ["IP_ADDRESS", "DATE", "URL"];
    let detectors = DetectorSet::all().iter().filter(|detector| !stay.contains(&detector.name())).collect();
    let matches = scanner.scan(detectors, &agent, None);
    redact(&agent, &matches, detectors).unwrap_or(agent)
}

/// Characters of a user agent that are looked at and kept.
const LONGEST_AGENT: usize = 512;

pub fn caller(principal: &Principal) -> Caller {
    Caller {
        team: principal.team.clone(),
        app: principal.app.clone(),
        credential_kind: principal.credential.name().to_owned(),
        credential_id: principal.credential_id.clone(),
    }
}

/// The caller, for telemetry.
pub fn told_caller(principal: &Principal) -> telemetry::Caller {
    telemetry::Caller { team: principal.team.clone(), app: principal.app.clone() }
}

/// The parameters of the request as it was or would have been sent, for telemetry.
pub fn told_parameters(judgement: &Judgement) -> telemetry::Parameters {
    let Some(facts) = judgement.sent.as_ref().or(judgement.seen.as_ref()) else {
        return telemetry::Parameters::default();
    };
    let value = |parameter| facts.settings.get(&parameter).and_then(|values| values.first().copied());
    telemetry::Parameters {
        max_tokens: value(Parameter::MaxTokens),
        temperature: value(Parameter::Temperature),
        top_p: value(Parameter::TopP),
        top_k: value(Parameter::TopK),
        stream: facts.stream,
    }
}

/// What was asked for: an operation by its name, and a model where it is known.
pub fn target(operation: &str, model: Option<&ModelReference>, region: &str) -> Target {
    let model = model.map(|model| Model {
        requested: model.raw().to_owned(),
        resolved: model.origin_ids().join(","),
        provider: only(model.origins().into_iter().map(ModelReference::provider)).map(str::to_owned),
        geography: Some(places(model, region)),
        behind: model.chain().into_iter().skip(1).map(|one| one.raw().to_owned()).collect(),
    });
    Target { operation: operation.to_owned(), model, region: region.to_owned() }
}

/// What all values are, when they are one.
fn only<'a>(mut values: impl Iterator<Item = Option<&'a str>>) -> Option<&'a str> {
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}

/// Where a model may run, each geography or region once.
fn places(model: &ModelReference, region: &str) -> String {
    let running = model.running();
    if running.is_empty() {
        return model.runs_in(region).to_owned();
    }
    let places: BTreeSet<&str> = running.into_iter().map(|one| one.runs_in(region)).collect();
    places.into_iter().collect::<Vec<_>>().join(",")
}

/// The shape of a body of `bytes` bytes; without facts it could not be read.
pub fn content(bytes: usize, judgement: &Judgement, model: Option<&ModelReference>) -> Content {
    let Some(facts) = &judgement.seen else { return Content { bytes: bytes as u64, ..Content::default() } };
    Content {
        bytes: bytes as u64,
        modalities: facts.modalities.iter().map(|modality| modality.name().to_owned()).collect(),
        tools: u32::try_from(facts.tools.len()).unwrap_or(u32::MAX),
        turns: facts.turns,
        images: facts.images,
        stream: facts.stream,
        system: judgement.system,
        settings: settings(facts),
        guardrail: facts.guardrail.as_ref().map(ToString::to_string),
        output: facts.output.as_deref().map(bucket),
        inspected_bytes: judgement.coverage.inspected,
        uninspected: judgement.coverage.uninspected.iter().map(uninspected).collect(),
        asked: judgement.context.as_ref().map(|context| asked(context, facts, judgement, model)),
    }
}

fn asked(context: &Context, facts: &Facts, judgement: &Judgement, model: Option<&ModelReference>) -> Asked {
    Asked {
        environment: context.environment.clone(),
        break_glass: context.break_glass.clone(),
        tools: judgement.tools.clone(),
        insertable: facts.insertable.iter().map(|parameter| parameter.name().to_owned()).collect(),
        unread: facts.unread,
        input_tokens: facts.input_tokens,
        leaks: facts.leaks.iter().map(|leak| leak.name().to_owned()).collect(),
        looked_for: judgement.looked_for.iter().map(|detector| detector.name().to_owned()).collect(),
        behind: model.map(|model| model.behind().iter().map(behind).collect()).unwrap_or_default(),
    }
}

fn behind(model: &ModelReference) -> Behind {
    Behind { model: model.raw().to_owned(), behind: model.behind().iter().map(behind).collect() }
}

/// SECRET: callers name their tools as they like, so that a name is kept only where it is one, and nothing is found in it.
pub fn tool_names(scanner: &Scanner, tools: &[String]) -> Vec<String> {
    let plain = |name: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        name.len() <= LONGEST_TOOL && name.bytes().all(letter)
    };
    let kept = |name: &String| {
        let clean = plain(name) && scanner.scan(DetectorSet::all(), name, None).is_empty();
        if clean { name.clone() } else { NOT_KEPT.to_owned() }
    };
    tools.iter().map(kept).collect()
}

/// Longest name of a tool that Bedrock takes (botocore model).
const LONGEST_TOOL: usize = 64;
/// Stands in a record for a name that is not kept.
const NOT_KEPT: &str = "…";

fn uninspected(entry: &view::Uninspected) -> Uninspected {
    Uninspected {
        kind: entry.kind.name().to_owned(),
        count: entry.count,
        bytes: entry.bytes,
        paths: entry.paths.clone(),
    }
}

/// SECRET: callers write what they like into the key of an object, so that only its bucket is recorded.
fn bucket(uri: &str) -> String {
    let name = uri.trim_start_matches("s3://").split('/').next().unwrap_or_default();
    format!("s3://{name}")
}

pub fn settings(facts: &Facts) -> Settings {
    facts.settings.iter().map(|(parameter, values)| (parameter.name().to_owned(), values.clone())).collect()
}

/// What the policies said about a request.
pub fn judged(policy_digest: &str, judgement: &Judgement) -> Judged {
    let verdict = judgement.verdict.as_ref();
    Judged {
        policy_digest: Some(policy_digest.to_owned()),
        granted_by: verdict
            .map(|verdict| verdict.granted_by.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        violated: verdict.map(|verdict| hits(&verdict.violations)).unwrap_or_default(),
        shadow: verdict.map(|verdict| hits(&verdict.shadow)).unwrap_or_default(),
        exceptions: verdict.map(|verdict| exceptions(&verdict.exceptions)).unwrap_or_default(),
        findings: findings(&judgement.findings, Direction::In),
    }
}

/// What the policies said about an answer.
pub fn answer_judged(policy_digest: &str, verdict: Option<&AnswerVerdict>, found: &Findings) -> Judged {
    Judged {
        policy_digest: Some(policy_digest.to_owned()),
        granted_by: Vec::new(),
        violated: verdict.map(|verdict| hits(&verdict.violations)).unwrap_or_default(),
        shadow: verdict.map(|verdict| hits(&verdict.shadow)).unwrap_or_default(),
        exceptions: Vec::new(),
        findings: findings(found, Direction::Out),
    }
}

/// Adds to the outcome of a session what was found, broken and changed in the events that followed its intent.
pub fn add_heard(outcome: &mut Outcome, heard: &Heard) {
    let judgement = &mut outcome.judgement;
    judgement.violated.extend(hits(&heard.violations));
    judgement.shadow.extend(hits(&heard.shadow));
    judgement.exceptions.extend(exceptions(&heard.exceptions));
    judgement.findings.extend(findings(&heard.findings, Direction::In));
    outcome.edits.extend(edits(&heard.repairs));
    outcome.session = Some(heard.shape.to_record());
}

fn hits(violations: &[Violation]) -> Vec<RuleHit> {
    let hit = |violation: &Violation| RuleHit {
        rule: violation.rule.to_string(),
        at: violation.at.clone(),
        value: violation.value.clone(),
        bound: violation.bound.clone(),
        controls: violation.controls.clone(),
    };
    violations.iter().map(hit).collect()
}

fn exceptions(used: &[Exempted]) -> Vec<ExceptionUse> {
    let used = used.iter();
    used.map(|one| ExceptionUse { id: one.id.to_string(), break_glass: one.break_glass }).collect()
}

fn findings(found: &Findings, direction: Direction) -> Vec<Finding> {
    found
        .iter()
        .map(|(detector, count)| Finding { direction, detector: detector.name().to_owned(), count })
        .collect()
}

pub fn edits(repairs: &[Repair]) -> Vec<Edit> {
    repairs.iter().map(edit).collect()
}

fn edit(repair: &Repair) -> Edit {
    match repair {
        Repair::Set { parameter, value, previous, rule } => Edit {
            field: parameter.name().to_owned(),
            from: previous.map(|value| value.to_string()),
            to: Some(value.to_string()),
            rule: rule.to_string(),
        },
        Repair::Guardrail { reference, rule } => Edit {
            field: "guardrail".to_owned(),
            from: None,
            to: Some(reference.to_string()),
            rule: rule.to_string(),
        },
        Repair::Redact { detectors, rule } => removed("redact", *detectors, rule),
        Repair::Tokenize { detectors, rule } => removed("tokenize", *detectors, rule),
    }
}

/// SECRET: which kinds of data were taken out, never what it was or what stands for it.
fn removed(how: &str, detectors: DetectorSet, rule: &RuleId) -> Edit {
    let names: Vec<_> = detectors.iter().map(DetectorId::name).collect();
    Edit { field: format!("{how}:{}", names.join("+")), from: None, to: None, rule: rule.to_string() }
}

/// The edits in one line, for the caller: `maxTokens 9000→4096 (payments/limits)`.
pub fn edits_line(repairs: &[Repair]) -> String {
    let line = |edit: Edit| match (edit.from, edit.to) {
        (Some(from), Some(to)) => format!("{} {from}->{to} ({})", edit.field, edit.rule),
        (None, Some(to)) => format!("{} +{to} ({})", edit.field, edit.rule),
        (_, None) => format!("{} ({})", edit.field, edit.rule),
    };
    repairs.iter().map(edit).map(line).collect::<Vec<_>>().join("; ")
}

pub fn tokens(usage: Usage) -> Tokens {
    Tokens {
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn noted(agent: &str, invocation: &str) -> (String, Option<String>) {
        let scanner = Scanner::new().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_str(agent).unwrap());
        headers.insert("amz-sdk-invocation-id", HeaderValue::from_str(invocation).unwrap());
        let arrival = arrival(&scanner, IpAddr::from([127, 0, 0, 1]), &headers);
        (arrival.user_agent.unwrap(), arrival.client_invocation_id)
    }

    #[test]
    fn what_callers_call_themselves_is_noted_without_what_they_hide_in_it() {
        let table = [
            ("agent of jane.doe@example.com", "agent of {EMAIL}"),
            ("app card=4111 1111 1111 1111", "app card={CREDIT_DEBIT_CARD_NUMBER}"),
            ("app/1 AKIAIOSFODNN7ABCDEFG", "app/1 {AWS_ACCESS_KEY}"),
        ];
        for (agent, kept) in table {
            assert_eq!(noted(agent, "x").0, kept);
        }
        assert_eq!(noted(&"a".repeat(4000), "x").0.len(), LONGEST_AGENT);
    }

    #[test]
    fn user_agents_of_real_clients_are_noted_as_they_are() {
        for agent in [
            "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1.0-18-amd64 md/arch#x86_64 lang/python#3.11.7 \
             md/pyimpl#CPython m/Z,b,e cfg/retry-mode#legacy Botocore/1.44.5",
            "aws-sdk-js/3.1164.0 ua/2.1 os/linux#5.10.223-212.873.amzn2.x86_64 lang/js md/nodejs#22.11.0 \
             api/bedrock-runtime#3.1164.0 m/E,N",
            "aws-sdk-rust/1.3.10 ua/2.1 api/bedrockruntime/1.153.0 os/linux lang/rust/1.95.0 m/E",
            "aws-sdk-java/2.41.12 md/io#async md/http#NettyNio ua/2.1 os/Linux#4.14.355 lang/java#21.0.9 md/OpenJDK_64-Bit",
            "Anthropic/Python 0.97.0",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.7444.175 Safari/537.36",
            "curl/8.17.0",
        ] {
            assert_eq!(noted(agent, "x").0, agent);
        }
    }

    #[test]
    fn an_invocation_id_is_a_uuid_or_none() {
        let id = "b5f0a7a1-5c6f-4d52-9f0e-6a1f0f6d3a10";
        assert_eq!(noted("a", id).1.as_deref(), Some(id));
        assert_eq!(noted("a", "123-45-6789").1, None);
    }
}
