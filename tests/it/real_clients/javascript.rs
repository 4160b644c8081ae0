//! The AWS SDK for JavaScript, which speaks HTTP/2 to the runtime and signs `:authority`.

use super::application::{Application, Language};
use super::expected::{CASES, bad_keys, case_names, check_run, warden};
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
fn the_javascript_sdk_with_a_bad_key_is_refused() {
    let warden = warden();
    for bad in bad_keys(&warden) {
        let Some(observed) = APPLICATION.run_with(&warden, &["converse"], &bad.key, &[]) else { return };
        bad.expected.check(bad.what, &observed[0]);
    }
    assert!(warden.upstream().is_empty());
}
