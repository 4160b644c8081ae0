//! The AWS SDK for Python.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::support::obtain::clients::Packages;
use crate::support::warden::{Setup, TestWarden};

use super::application::{Application, Language};
use super::expected::{
    CASES, EDITED, Expected, TOKENISED, bad_keys, case_names, check_edited, check_run, check_tokenised,
    editing, tokenising, warden,
};
use super::table;

const APPLICATION: Application =
    Application { language: Language::Python(Packages::Current), program: "boto3_client.py" };

#[test]
fn boto3_sees_native_answers_and_typed_refusals() {
    let warden = warden();
    let Some(observed) = APPLICATION.run(&warden, &case_names(CASES)) else { return };
    check_run(&warden, &observed);
    for line in &observed {
        // boto3 makes a class for each modelled exception; an unmodelled one would be a bare `ClientError`. Out of a
        // stream, every exception is an `EventStreamError`.
        let broken = line["case"].as_str().unwrap().starts_with("broken_");
        let class = if broken { &Value::from("EventStreamError") } else { &line["code"] };
        assert!(line["code"].is_null() || line["error"] == *class, "{line}");
    }
    table::check_row(&table::BOTO3, &warden, &observed);
}

/// Operations that only the policy of [`doors`] grants.
const DOORS: &[(&str, Expected)] = &[
    ("count_tokens", Expected::Text("True")),
    ("apply_guardrail", Expected::Text("GUARDRAIL_INTERVENED not this")),
    ("guardrail_checks", Expected::Text("JAILBREAK")),
    ("async_invoke", Expected::Text("Completed 1")),
    ("async_conflict", Expected::Refused { code: "ConflictException", status: 400, mentions: &[] }),
    (
        "async_elsewhere",
        Expected::Refused {
            code: "AccessDeniedException",
            status: 403,
            mentions: &["payments/allow", "s3://results/*"],
        },
    ),
    (
        "list_profiles",
        Expected::Models {
            with: "us.anthropic.claude-3-haiku-20240307-v1:0",
            without: "us.amazon.nova-lite-v1:0",
        },
    ),
    (
        "describe",
        Expected::Text("amazon.titan-text-express-v1 us.anthropic.claude-3-haiku-20240307-v1:0 DRAFT"),
    ),
    (
        "denied_profile",
        Expected::Refused {
            code: "AccessDeniedException",
            status: 403,
            mentions: &["bedrock:GetInferenceProfile", "payments/allow"],
        },
    ),
    (
        "batch_job",
        Expected::Refused {
            code: "AccessDeniedException",
            status: 403,
            mentions: &["CreateModelInvocationJob is refused: prompts of batch jobs never cross the warden"],
        },
    ),
];

/// A warden that lets a team count, check and start, and keeps e-mail addresses on the machine.
fn doors() -> TestWarden {
    let named = "  - { id: checks, actions: [ApplyGuardrail, InvokeGuardrailChecks] }\n  \
                 - { id: async, models: [\"amazon.titan-text-*\"], actions: [StartAsyncInvoke], outputs: [\"s3://results/*\"] }\n";
    let rules = "sensitive:\n  - { id: mail, detect: [email], prompt: redact }\n";
    Setup::new()
        .org(&format!("allow:\n  - models: [\"*\"]\n{named}{rules}"))
        .team(&format!("allow:\n  - models: [\"anthropic.claude-*\", \"amazon.titan-text-*\"]\n{named}"))
        .start()
}

#[test]
fn boto3_uses_every_kind_of_operation() {
    let warden = doors();
    let Some(observed) = APPLICATION.run(&warden, &case_names(DOORS)) else { return };
    for ((case, expected), line) in DOORS.iter().zip(&observed) {
        expected.check(case, line);
        assert!(line["code"].is_null() || line["error"] == line["code"], "{line}");
    }
    // Neither in the clear nor in base64.
    for seen in warden.upstream() {
        assert!(!seen.body().contains("jane.doe"), "{seen:?}");
        assert!(!seen.body().contains(&BASE64_STANDARD.encode("jane.doe")), "{seen:?}");
    }
}

#[test]
fn boto3_reads_streams_that_policy_changes() {
    let warden = editing();
    let Some(observed) = APPLICATION.run(&warden, &case_names(EDITED)) else { return };
    check_edited(&observed);
}

#[test]
fn boto3_gets_back_what_the_model_never_sees() {
    let warden = tokenising();
    let Some(observed) = APPLICATION.run(&warden, &case_names(TOKENISED)) else { return };
    check_tokenised(&warden, &observed);
}

#[test]
fn boto3_with_a_bad_key_is_refused() {
    let warden = warden();
    for bad in bad_keys(&warden) {
        let Some(observed) = APPLICATION.run_with(&warden, &["converse"], &bad.key, &[]) else { return };
        bad.expected.check(bad.what, &observed[0]);
    }
    assert!(warden.upstream().is_empty());
}
