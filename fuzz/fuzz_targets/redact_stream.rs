//! A text that arrives in pieces is redacted as the whole text is, whatever the pieces and the detectors.
#![no_main]

use std::sync::LazyLock;

use bedrock_warden::sensitive::{
    DetectorId, DetectorSet, Findings, Plan, Progress, Redactor, Scanner, redact,
};
use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());

/// Which detectors a number picks: each bit for every 64th of them.
fn set(bits: u64) -> DetectorSet {
    let picked = |(index, _): &(usize, DetectorId)| bits >> (index % 64) & 1 == 1;
    DetectorSet::all().iter().enumerate().filter(picked).map(|(_, id)| id).collect()
}

fn whole(plan: &Plan, text: &str) -> (String, Findings) {
    let mut findings = Findings::default();
    let acting = SCANNER.scan(plan.redact, text, None);
    for found in acting.iter().chain(&SCANNER.scan(plan.report, text, None)) {
        findings.add(found.detector, 1);
    }
    (redact(text, &acting, plan.redact).unwrap_or_else(|| text.to_owned()), findings)
}

fuzz_target!(|input: (u64, u64, Vec<u8>, &str)| {
    let (redacted, reported, sizes, text) = input;
    let plan = Plan::new(set(reported), set(redacted), DetectorSet::EMPTY);
    // What is held too long is treated more strictly than the whole text is.
    let plan = Plan { hold: usize::MAX, ..plan };
    let mut redactor = Redactor::new(&SCANNER, &plan, None);
    let (mut out, mut rest) = (String::new(), text);
    for size in sizes.into_iter().chain(std::iter::repeat(1)) {
        let end = rest.char_indices().nth(usize::from(size)).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        assert_eq!(redactor.push(piece, &mut out), Progress::Going);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(redactor.finish(&mut out), Progress::Going);
    assert_eq!((out, redactor.findings().clone()), whole(&plan, text));
});
