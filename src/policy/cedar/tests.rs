use cedar_policy::Request as CedarRequest;

use super::question::{Question, Rounding, rounded};
use super::schema::{schema, validator};
use crate::bedrock::operation::Operation;
use crate::bedrock::view::Parameter;
use crate::policy::fixture::{HAIKU, ROUTER, Request, compiled, policy};

#[test]
fn the_schema_is_well_formed_and_every_request_conforms_to_it() {
    let validator = validator(&schema()).expect("the schema");
    let without_atoms = schema().replace("    atoms: Set<String>,", "");
    let conditions = super::schema::validator(&without_atoms).expect("the schema without atoms");
    drop(validator);
    for operation in Operation::ALL {
        let mut request = Request::new(ROUTER)
            .leading_to(&[HAIKU])
            .set(Parameter::Temperature, &[0.5, 0.25])
            .set(Parameter::MaxTokens, &[f64::NAN])
            .found("email", 2);
        request.operation = operation;
        let mut inquiry = request.inquiry();
        for model in [inquiry.model, None] {
            inquiry.model = model;
            let question = Question::of(&inquiry).expect("a question");
            let (asked, _) = question.parts();
            let context = asked.context().expect("a context").clone();
            let (principal, action, resource) = (asked.principal(), asked.action(), asked.resource());
            CedarRequest::new(
                principal.expect("a principal").clone(),
                action.expect("an action").clone(),
                resource.expect("a resource").clone(),
                context,
                Some(conditions.schema()),
            )
            .unwrap_or_else(|error| panic!("{operation}: {error}"));
        }
    }
}

#[test]
fn numbers_that_cedar_does_not_have_are_rounded_against_the_caller() {
    use Parameter::{MaxTokens, Temperature};
    let table = [
        (Temperature, 0.8, 800, 800),
        (Temperature, 0.8001, 801, 800),
        (Temperature, 4.035, 4035, 4035),
        (Temperature, 1e-9, 1, 0),
        (Temperature, -0.0005, 0, -1),
        (Temperature, 1.0, 1000, 1000),
        (Temperature, 1e300, i64::MAX, i64::MAX),
        (MaxTokens, 4096.0, 4096, 4096),
        (MaxTokens, 4096.5, 4097, 4096),
        (MaxTokens, -1.5, -1, -2),
    ];
    for (parameter, value, up, down) in table {
        assert_eq!(rounded(parameter, value, Rounding::Up), up, "{parameter} {value}");
        assert_eq!(rounded(parameter, value, Rounding::Down), down, "{parameter} {value}");
    }
}

#[test]
fn a_text_is_evaluated_by_cedar() {
    let deny = |condition: &str| policy(&format!("deny: {{ id: d, when: '{condition}' }}\n"), "");
    let table = [
        ("context.content.turns > 40 && !context.params.stream", false),
        ("context.content.turns == 1 && !context.params.stream", true),
        ("context.params has temperature && context.params.temperature > 800", true),
        ("context.params has topP", false),
        ("context.model.base like \"anthropic.*\"", true),
        ("context.model.names.contains(\"amazon.nova-lite-v1:0\")", false),
        ("context.source.isInRange(ip(\"10.0.0.0/8\"))", true),
        ("context.now < datetime(\"2026-11-20T10:30:00Z\")", false),
        ("context.now >= datetime(\"2026-11-20T10:30:00Z\")", true),
        ("principal in Warden::Team::\"payments\"", true),
        ("principal == Warden::App::\"payments/other\"", false),
        ("action in Warden::Action::\"Infer\" && action == Warden::Action::\"Converse\"", true),
        ("context.findings.contains(\"email\")", true),
        ("context.content.inputTokens > 9", true),
        ("context has breakGlass", false),
    ];
    let request = Request::new(HAIKU)
        .set(Parameter::Temperature, &[0.9])
        .found("email", 1)
        .with(|request| request.facts.input_tokens = 10);
    for (condition, holds) in table {
        assert_eq!(!request.outcome(&deny(condition)).0.is_empty(), holds, "{condition}");
    }
    let unless = policy("deny: { id: d, unless: 'context.env == \"prod\"' }\n", "");
    assert!(request.outcome(&unless).0.is_empty());
    let mixed = policy("deny: { id: d, when: { env: prod }, unless: 'context.app == \"checkout\"' }\n", "");
    assert!(request.outcome(&mixed).0.is_empty());
}

/// A condition that no request can make Cedar finish.
const OVERFLOW: &str = "9223372036854775807 * (context.content.turns + 1) > 0";

#[test]
fn a_condition_that_cannot_be_evaluated_fails_closed() {
    use crate::bedrock::fault::Fault;
    let rules = [
        format!("deny: {{ id: d, when: '{OVERFLOW}' }}\n"),
        format!("deny: {{ id: d, unless: '{OVERFLOW}' }}\n"),
        format!("limits: {{ id: d, maxTokens: 5, when: '{OVERFLOW}' }}\n"),
        format!("content: {{ id: d, modalities: [text], unless: '{OVERFLOW}' }}\n"),
        format!("sensitive: {{ id: d, detect: [email], response: deny, when: '{OVERFLOW}' }}\n"),
    ];
    for rule in rules {
        let set = policy(&rule, "");
        let verdict = set.verify(&Request::new(HAIKU).inquiry());
        let faults: Vec<_> = verdict.violations.iter().map(|one| one.fault).collect();
        assert_eq!(faults, [Fault::ServiceUnavailable], "{rule}");
        assert_eq!(verdict.violations[0].message, "its condition could not be evaluated");
    }
    let filter =
        policy(&format!("sensitive: {{ id: d, detect: [email], response: deny, when: '{OVERFLOW}' }}\n"), "");
    let request = Request::new(HAIKU);
    assert_eq!(filter.answer_filters(&request.inquiry()).len(), 1);
    assert_eq!(filter.judge_answer(&request.inquiry(), &request.facts.findings).violations.len(), 1);
    let shadow = policy(&format!("deny: {{ id: d, mode: shadow, when: '{OVERFLOW}' }}\n"), "");
    let verdict = shadow.verify(&request.inquiry());
    assert!(verdict.is_allowed() && verdict.shadow.len() == 1);
    let org = format!(
        "version: 1\nscope: org\nallow:\n  - models: \"*\"\n  - {{ id: b, models: \"*\", when: '{OVERFLOW}' }}\n"
    );
    let team = "version: 1\nscope: team/payments\nallow: { models: \"*\" }\n";
    let grants = compiled(&[("org.yaml", &org), ("teams/payments.yaml", team)]).0.unwrap();
    assert_eq!(grants.verify(&request.inquiry()).violations[0].fault, Fault::ServiceUnavailable);
}

#[test]
fn a_condition_is_checked_at_its_place_when_files_are_read() {
    let table = [
        (
            "'context.content.turn > 40'",
            "3:25",
            "attribute `content.turn` in context not found (did you mean `turns`?)",
        ),
        ("'context.content.turns > \"x\"'", "3:49", "unexpected type"),
        (
            "'context.params.temperature > 800'",
            "3:25",
            "unable to guarantee safety of access to optional attribute",
        ),
        ("'context.atoms.contains(\"x\")'", "3:25", "attribute `atoms`"),
        ("'context.env == '", "3:39", "unexpected end of input"),
        ("'true } unless { false'", "3:30", "unexpected token"),
        ("'context.env'", "3:25", "unexpected type"),
        ("prod", "3:24", "invalid variable: prod"),
    ];
    for (condition, at, expected) in table {
        let org = format!("version: 1\nscope: org\ndeny: {{ id: abc, when: {condition} }}\n");
        let (set, found) = compiled(&[("org.yaml", &org)]);
        assert!(set.is_none(), "{condition}");
        assert!(
            found.len() == 1
                && found[0].starts_with(&format!("error: org.yaml:{at}: "))
                && found[0].contains(expected),
            "{condition}: {found:#?}"
        );
    }
}
