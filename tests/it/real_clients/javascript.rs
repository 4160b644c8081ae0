//! The AWS SDK for JavaScript, which speaks HTTP/2 to the runtime and signs `:authority`.

use serde_json::Value;

use crate::support::warden::Setup;

use super::application::{Application, Language};
use super::expected::{
    CASES, EDITED, TOKENISED, bad_keys, case_names, check_edited, check_run, check_tokenised, editing,
    tokenising, warden,
};
use super::table;

const APPLICATION: Application = Application { language: Language::JavaScript, program: "aws_sdk.mjs" };

#[test]
fn the_javascript_sdk_sees_native_answers_and_typed_refusals() {
    let warden = warden();
    let Some(observed) = APPLICATION.run(&warden, &case_names(CASES)) else { return };
    check_run(&warden, &observed);
    for line in &observed {
        // The SDK makes a class for each modelled exception; an unmodelled one would be its base class.
        assert!(line["code"].is_null() || line["error"] == line["code"], "{line}");
    }
    table::check_row(&table::JAVASCRIPT, &warden, &observed);
}

#[test]
fn the_javascript_sdk_reads_streams_that_policy_changes() {
    let warden = editing();
    let Some(observed) = APPLICATION.run(&warden, &case_names(EDITED)) else { return };
    check_edited(&observed);
}

#[test]
fn the_javascript_sdk_gets_back_what_the_model_never_sees() {
    let warden = tokenising();
    let Some(observed) = APPLICATION.run(&warden, &case_names(TOKENISED)) else { return };
    check_tokenised(&warden, &observed);
}

#[test]
fn the_javascript_sdk_with_a_bad_key_is_refused() {
    let warden = warden();
    for bad in bad_keys(&warden) {
        let Some(observed) = APPLICATION.run_with(&warden, &["converse"], &bad.key, &[]) else { return };
        bad.expected.check(bad.what, &observed[0]);
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn the_javascript_sdk_holds_live_sessions() {
    const POLICY: &str = "allow:\n  - models: [\"amazon.nova-sonic-*\"]\nlimits:\n  - temperature: { max: 0.9 }\n\
        sensitive:\n  - { id: pii, detect: [email], prompt: redact }\n  - { id: keys, detect: [aws_access_key], prompt: deny }\n";
    let warden = Setup::new().team(POLICY).start();
    let cases = ["session", "session_denied_model", "session_denied_parameter", "session_denied_text"];
    let Some(observed) = APPLICATION.run(&warden, &cases) else { return };
    let [whole, model, parameter, text] = &observed[..] else { panic!("{observed:?}") };
    assert_eq!(whole["text"], "You said: one | You said: mail {EMAIL} | You said: three", "{whole}");
    assert_eq!(whole["finished"], true, "{whole}");
    let refused = |line: &Value, code: &str, mention: &str| {
        assert_eq!((line["code"].as_str(), &line["error"]), (Some(code), &line["code"]), "{line}");
        assert!(line["message"].as_str().is_some_and(|message| message.contains(mention)), "{line}");
    };
    refused(model, "AccessDeniedException", "payments/allow");
    refused(parameter, "ValidationException", "payments/limits");
    refused(text, "ValidationException", "payments/sensitive/keys");
    let ends: Vec<_> =
        warden.journal().records.iter().map(|record| record.text("end_state").to_owned()).collect();
    for (state, count) in [("complete", 1), ("policy_abort", 1), ("refused", 2)] {
        assert_eq!(ends.iter().filter(|end| *end == state).count(), count, "{ends:?}");
    }
}
