//! Policy files compile or are refused with a place, never a panic.
#![no_main]

use bedrock_warden::policy;
use bedrock_warden::yaml::{Diagnostics, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut diagnostics = Diagnostics::default();
    let policies = policy::compile(&[Source::new("org.yaml", text)], jiff::Timestamp::UNIX_EPOCH, &mut diagnostics);
    assert!(policies.is_some() || diagnostics.errors() > 0);
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.line() >= 1));
    drop(diagnostics.render(false));
});
