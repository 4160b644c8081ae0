//! The AWS SDK for Python.

use serde_json::Value;

use crate::support::obtain::clients::Packages;

use super::application::{Application, Language};
use super::expected::{CASES, bad_keys, case_names, check_run, warden};
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

#[test]
fn boto3_with_a_bad_key_is_refused() {
    let warden = warden();
    for bad in bad_keys(&warden) {
        let Some(observed) = APPLICATION.run_with(&warden, &["converse"], &bad.key, &[]) else { return };
        bad.expected.check(bad.what, &observed[0]);
    }
    assert!(warden.upstream().is_empty());
}
