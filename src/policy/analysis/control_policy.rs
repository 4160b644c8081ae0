//! The floor as a service control policy of AWS: the part of it that IAM can state.
//!
//! Receives a policy set and returns a JSON document and sentences about what is not in it. INVARIANT: the document denies
//! nothing that the floor lets through, regions aside that this version does not know, since the warden itself calls from
//! the accounts that it is for. In doubt a rule is left out and said to be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::bedrock::model::ModelReference;
use crate::policy::PolicySet;
use crate::policy::cedar::is_literal;
use crate::policy::document::Grants;
use crate::policy::glob::Glob;
use crate::policy::rule::{Head, Rule};
use crate::policy::rules::Kind;
use crate::policy::rules::allow::Grant;
use crate::policy::rules::guardrail::Guardrail;

/// What IAM can say, and what it cannot.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlPolicy {
    /// Version 2012-10-17, statements with `Deny` only.
    pub document: Value,
    /// One sentence for each item of the floor that is not, or not wholly, in it.
    pub unstated: Vec<String>,
}

impl ControlPolicy {
    pub fn of(set: &PolicySet) -> Self {
        let mut draft = Draft { set, statements: Vec::new(), unstated: Vec::new() };
        if let Some(grants) = &set.org.grants {
            draft.ceiling(grants);
        }
        for rule in set.org.rules.iter().filter(|rule| rule.is_enforced()) {
            draft.rule(rule);
        }
        draft
            .unstated
            .push("files of teams and apps: an account does not tell their callers apart".to_owned());
        let document = json!({ "Version": "2012-10-17", "Statement": draft.statements });
        Self { document, unstated: draft.unstated }
    }
}

/// The actions under which IAM knows inference, Converse among them. Source: the service authorization reference.
const INFERENCE: [&str; 2] = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"];

/// Names that hide their models, which the warden looks behind. Of profiles and routers IAM asks for the models, too.
const ALIASES: [&str; 6] = [
    "application-inference-profile",
    "custom-model-deployment",
    "default-prompt-router",
    "prompt",
    "prompt-router",
    "provisioned-model",
];

struct Draft<'s> {
    set: &'s PolicySet,
    statements: Vec<Value>,
    unstated: Vec<String>,
}

impl Draft<'_> {
    /// What no item of the floor grants.
    fn ceiling(&mut self, grants: &Grants) {
        if let Some(exception) = self.waiver(grants.id.as_str()) {
            self.leave_out(grants.id.as_str(), &format!("exception {exception} waives it"));
            return;
        }
        for Grant { head, .. } in &grants.items {
            if !head.condition.is_empty() {
                self.leave_out(head.id.as_str(), "its condition; what it grants is let through always");
            }
        }
        let patterns = || grants.items.iter().flat_map(|grant| &grant.models).flat_map(Glob::alternatives);
        let mut resources: BTreeSet<String> = patterns().flat_map(|pattern| granted(&pattern)).collect();
        resources.extend(ALIASES.map(|alias| format!("arn:aws:bedrock:*:*:{alias}/*")));
        self.leave_out(
            grants.id.as_str(),
            "the models behind a provisioned throughput or a deployment, and `actions`",
        );
        let mut statement = denial(grants.id.as_str());
        set(&mut statement, "NotResource", json!(resources));
        self.statements.push(statement);
    }

    fn rule(&mut self, rule: &Rule) {
        let Head { id, condition, .. } = &rule.head;
        if let Some(exception) = self.waiver(id.as_str()) {
            self.leave_out(id.as_str(), &format!("exception {exception} waives it"));
            return;
        }
        if !condition.is_empty() {
            self.leave_out(id.as_str(), "its condition is about what IAM does not see");
            return;
        }
        let mut statement = denial(id.as_str());
        match &rule.kind {
            Kind::Deny(deny) => {
                let patterns = deny.models.iter().flatten().flat_map(Glob::alternatives);
                let resources: BTreeSet<String> = patterns.flat_map(|pattern| hit(&pattern)).collect();
                self.leave_out(
                    id.as_str(),
                    "models behind the names of provisioned throughputs and deployments",
                );
                set(&mut statement, "Resource", json!(resources));
            }
            Kind::Residency(residency) => {
                let Some(regions) = residency.requested_regions() else {
                    self.leave_out(id.as_str(), "a global profile runs in every region");
                    return;
                };
                self.leave_out(id.as_str(), "regions that this version does not know, which are denied");
                set(&mut statement, "Resource", json!("*"));
                set(
                    &mut statement,
                    "Condition",
                    json!({ "StringNotEquals": { "aws:RequestedRegion": regions } }),
                );
            }
            Kind::Guardrail(guardrail) => {
                self.leave_out(id.as_str(), "ways around the guardrail, such as its trace");
                set(&mut statement, "Resource", json!(["arn:aws:bedrock:*::foundation-model/*"]));
                set(&mut statement, "Condition", carried(guardrail));
            }
            Kind::Limits(_) | Kind::Content(_) | Kind::Sensitive(_) => {
                self.leave_out(id.as_str(), "IAM does not read bodies");
                return;
            }
            Kind::Quotas(_) => {
                self.leave_out(id.as_str(), "IAM does not count");
                return;
            }
        }
        self.statements.push(statement);
    }

    fn leave_out(&mut self, rule: &str, why: &str) {
        self.unstated.push(format!("{rule}: {why}"));
    }

    /// An exception that could open the rule to somebody.
    fn waiver(&self, rule: &str) -> Option<String> {
        let exceptions = self.set.teams.values().flat_map(|team| &team.exceptions);
        let mut waiving =
            exceptions.filter(|exception| exception.waives.iter().any(|waiver| waiver.rule.as_str() == rule));
        waiving.next().map(|exception| exception.id.to_string())
    }
}

/// A statement without what it is about. Statement ids are letters and digits only.
fn denial(rule: &str) -> Value {
    let words = rule.split(|character: char| !character.is_ascii_alphanumeric()).map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    json!({ "Sid": words.collect::<String>(), "Effect": "Deny", "Action": INFERENCE })
}

fn set(statement: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = statement {
        members.insert(key.to_owned(), value);
    }
}

/// What a pattern of `allow` lets through: an id that is written out is that model alone, a wildcard every spelling.
fn granted(pattern: &Glob) -> Vec<String> {
    let written = pattern.to_string();
    if !is_literal(pattern) {
        return named(&written);
    }
    if written.starts_with("arn:") {
        return vec![written];
    }
    // IAM asks for the model behind a profile as well as for the profile.
    match ModelReference::parse(&written) {
        Ok(model) if model.geography().is_some() => {
            vec![profile(&written), foundation(model.canonical())]
        }
        Ok(_) | Err(_) => vec![foundation(&written)],
    }
}

/// What a pattern of `deny` hits.
fn hit(pattern: &Glob) -> Vec<String> {
    let written = pattern.to_string();
    match ModelReference::parse(&written) {
        _ if written.starts_with("arn:") => vec![written],
        Ok(model) if model.geography().is_some() => vec![profile(&written)],
        Ok(_) | Err(_) => named(&written),
    }
}

fn named(model: &str) -> Vec<String> {
    vec![foundation(model), profile(model), profile(&format!("*.{model}"))]
}

fn foundation(model: &str) -> String {
    format!("arn:aws:bedrock:*::foundation-model/{model}")
}

fn profile(model: &str) -> String {
    format!("arn:aws:bedrock:*:*:inference-profile/{model}")
}

/// Source: Amazon Bedrock's user guide on `bedrock:GuardrailIdentifier`, whose value is an ARN with `:version`, or the
/// ARN alone for a draft.
fn carried(guardrail: &Guardrail) -> Value {
    let arns: BTreeSet<String> = guardrail
        .one_of
        .iter()
        .map(|reference| {
            let arn = if reference.identifier.starts_with("arn:") {
                reference.identifier.clone()
            } else {
                format!("arn:aws:bedrock:*:*:guardrail/{}", reference.identifier)
            };
            if reference.version == "DRAFT" { arn } else { format!("{arn}:{}", reference.version) }
        })
        .collect();
    json!({ "StringNotLike": { "bedrock:GuardrailIdentifier": arns } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::fixture::compiled;

    const ORG: &str = r#"version: 1
scope: org
allow:
  - models: ["anthropic.claude-*", amazon.nova-lite-v1:0, us.amazon.nova-pro-v1:0]
  - { id: titan, models: ["amazon.titan-*"], when: { env: prod } }
deny:
  - { id: old, models: ["anthropic.claude-2*"] }
  - { id: night, when: { hours: "22:00-06:00 UTC" } }
residency: { in: [us, eu-central-1] }
limits: { maxTokens: 100 }
guardrail: { oneOf: ["a1b2:7", "c3:DRAFT"] }
"#;

    fn written(org: &str) -> ControlPolicy {
        ControlPolicy::of(&compiled(&[("org.yaml", org)]).0.unwrap())
    }

    /// As IAM matches: `*` is any text.
    fn matches(patterns: &Value, text: &str) -> bool {
        let patterns = patterns.as_array().map_or_else(|| vec![patterns.clone()], Clone::clone);
        patterns.iter().any(|pattern| {
            let parts: Vec<String> = pattern.as_str().unwrap().split('*').map(regex::escape).collect();
            regex::Regex::new(&format!("^{}$", parts.join(".*"))).unwrap().is_match(text)
        })
    }

    /// Statements that deny an inference of `resource` in `region` under `guardrail`.
    fn denying(policy: &ControlPolicy, resource: &str, region: &str, guardrail: &str) -> Vec<String> {
        let statements = policy.document["Statement"].as_array().unwrap();
        let denies = |statement: &&Value| {
            assert_eq!(statement["Effect"], "Deny");
            assert!(statement["Sid"].as_str().unwrap().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let about = match (statement.get("Resource"), statement.get("NotResource")) {
                (Some(resources), None) => matches(resources, resource),
                (None, Some(resources)) => !matches(resources, resource),
                other => panic!("{other:?}"),
            };
            let condition = statement.get("Condition").is_none_or(|condition| {
                condition.as_object().unwrap().iter().all(|(operator, keys)| {
                    keys.as_object().unwrap().iter().all(|(key, values)| {
                        match (operator.as_str(), key.as_str()) {
                            ("StringNotEquals", "aws:RequestedRegion") => !matches(values, region),
                            ("StringNotLike", "bedrock:GuardrailIdentifier") => !matches(values, guardrail),
                            other => panic!("{other:?}"),
                        }
                    })
                })
            });
            about && condition
        };
        statements
            .iter()
            .filter(denies)
            .map(|statement| statement["Sid"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn what_iam_can_state_of_the_floor_is_denied_and_nothing_else() {
        const GOOD: &str = "arn:aws:bedrock:us-east-1:111122223333:guardrail/a1b2:7";
        let policy = written(ORG);
        let model = |id: &str| format!("arn:aws:bedrock:us-east-1::foundation-model/{id}");
        let profile = |id: &str| format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/{id}");
        let table: [(String, &str, &str, &[&str]); 11] = [
            (model("anthropic.claude-3-haiku-20240307-v1:0"), "us-west-2", GOOD, &[]),
            (profile("us.anthropic.claude-3-haiku-20240307-v1:0"), "us-west-2", GOOD, &[]),
            (model("anthropic.claude-2:1"), "us-west-2", GOOD, &["OrgDenyOld"]),
            (profile("us.anthropic.claude-2:1"), "us-west-2", GOOD, &["OrgDenyOld"]),
            (model("amazon.nova-lite-v1:0"), "eu-central-1", GOOD, &[]),
            (profile("us.amazon.nova-lite-v1:0"), "us-east-1", GOOD, &["OrgAllow"]),
            (profile("us.amazon.nova-pro-v1:0"), "us-east-1", GOOD, &[]),
            (model("amazon.titan-text-lite-v1"), "us-east-1", GOOD, &[]),
            (model("meta.llama3-8b-instruct-v1:0"), "eu-west-1", GOOD, &["OrgAllow", "OrgResidency"]),
            (model("amazon.nova-lite-v1:0"), "us-east-1", "", &["OrgGuardrail"]),
            (
                model("amazon.nova-lite-v1:0"),
                "us-east-1",
                "arn:aws:bedrock:us-east-1:111122223333:guardrail/a1b2:8",
                &["OrgGuardrail"],
            ),
        ];
        for (resource, region, guardrail, expected) in table {
            assert_eq!(
                denying(&policy, &resource, region, guardrail),
                expected,
                "{resource} {region} {guardrail}"
            );
        }
    }

    #[test]
    fn what_iam_cannot_state_is_said() {
        let policy = written(ORG);
        for rule in ["org/allow/titan", "org/deny/night", "org/limits", "org/guardrail"] {
            assert!(policy.unstated.iter().any(|line| line.starts_with(&format!("{rule}: "))), "{rule}");
        }
        let team = "version: 1\nscope: team/payments\nallow: { models: \"*\" }\n";
        let exception = "version: 1\nscope: exceptions\nexceptions:\n  - { id: E-1, for: { team: payments }, waive: [org/residency], \
                         until: 2026-12-15T00:00:00Z, owner: jane, approvedBy: ciso, ticket: T-1, reason: a test, \
                         instead: { residency: { in: [eu] } } }\n";
        let files = [("org.yaml", ORG), ("teams/payments.yaml", team), ("exceptions.yaml", exception)];
        let (set, found) = compiled(&files);
        let waived = ControlPolicy::of(&set.unwrap_or_else(|| panic!("{found:#?}")));
        assert!(
            waived.unstated.contains(&"org/residency: exception E-1 waives it".to_owned()),
            "{:#?}",
            waived.unstated
        );
        assert!(!waived.document.to_string().contains("OrgResidency"));
        assert_eq!(written(ORG), written(ORG));
    }
}
