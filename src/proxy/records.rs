//! What the request path knows, as the record's plain data. The only place where the two vocabularies meet.

use crate::audit::{
    Caller, Content, Direction, Edit, Finding, Judgement as Judged, Model, RuleHit, Settings, System,
    SystemKind, Target, Tokens,
};
use crate::bedrock::operation::Route;
use crate::bedrock::view::Usage;
use crate::identity::Principal;
use crate::policy::{AnswerVerdict, Facts, Repair, Violation};
use crate::sensitive::{DetectorId, Findings};

use super::judge::Judgement;

/// The system event of a policy set coming into force.
pub fn policy_load(before: Option<&str>, digest: &str) -> System {
    let event = System::new(SystemKind::PolicyLoad).with("policy_digest", digest);
    match before {
        Some(before) => event.with("previous_digest", before),
        None => event,
    }
}

pub fn caller(principal: &Principal) -> Caller {
    Caller {
        team: principal.team.clone(),
        app: principal.app.clone(),
        credential_kind: principal.credential.name().to_owned(),
        credential_id: principal.credential_id.clone(),
    }
}

pub fn target(route: &Route, region: &str) -> Target {
    let model = route.model.as_ref().map(|model| Model {
        requested: model.raw().to_owned(),
        resolved: model.canonical().to_owned(),
        provider: model.provider().map(str::to_owned),
        geography: Some(model.runs_in(region).to_owned()),
    });
    Target { operation: route.operation.name().to_owned(), model, region: region.to_owned() }
}

/// The shape of a body of `bytes` bytes; without facts it could not be read.
pub fn content(bytes: usize, judgement: &Judgement) -> Content {
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
    }
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
        findings: findings(found, Direction::Out),
    }
}

fn hits(violations: &[Violation]) -> Vec<RuleHit> {
    let hit = |violation: &Violation| RuleHit {
        rule: violation.rule.to_string(),
        at: violation.at.clone(),
        value: violation.value.clone(),
        bound: violation.bound.clone(),
    };
    violations.iter().map(hit).collect()
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
        Repair::Redact { detectors, rule } => {
            let names: Vec<_> = detectors.iter().map(DetectorId::name).collect();
            Edit {
                field: format!("redact:{}", names.join("+")),
                from: None,
                to: None,
                rule: rule.to_string(),
            }
        }
    }
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
