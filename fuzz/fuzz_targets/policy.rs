//! Policy files compile or are refused with a place, never a panic.
#![no_main]

use bedrock_warden::policy;
use bedrock_warden::yaml::{Diagnostics, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut diagnostics = Diagnostics::default();
    let files = [Source::new("org.yaml", text), Source::new("exceptions.yaml", text)];
    let policies = policy::compile(&files, jiff::Timestamp::UNIX_EPOCH, &mut diagnostics);
    assert!(policies.is_some() || diagnostics.errors() > 0);
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.line() >= 1));
    drop(diagnostics.render(false));
});
