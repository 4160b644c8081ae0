//! Scanning never panics, matches lie on character boundaries, and redacting removes what was found.
#![no_main]

use std::sync::LazyLock;

use bedrock_warden::sensitive::{DetectorSet, Scanner, redact};
use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());

fuzz_target!(|text: &str| {
    let matches = SCANNER.scan(DetectorSet::all(), text, None);
    for one in &matches {
        assert!(text.get(one.range.clone()).is_some());
    }
    assert_eq!(redact(text, &matches, DetectorSet::all()).is_some(), !matches.is_empty());
});
