use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::sensitive::{DetectorId, find, redact};

fn scanner() -> &'static Scanner {
    static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());
    &SCANNER
}

/// What redacting the whole text at once gives: the text up to what was denied, whether it was, and what was found.
fn batch(plan: &Plan, text: &str, key: Option<&str>) -> (String, Progress, Findings) {
    let mut findings = Findings::default();
    for found in scanner().scan(plan.report, text, key) {
        findings.add(found.detector, 1);
    }
    let mut matches = scanner().scan(plan.redact.union(plan.deny), text, key);
    let denied = matches.iter().position(|found| plan.deny.contains(found.detector));
    let (mut progress, mut end) = (Progress::Going, text.len());
    if let Some(index) = denied {
        (progress, end) = (Progress::Denied, matches[index].range.start);
        findings.add(matches[index].detector, 1);
        matches.truncate(index);
    }
    for found in &matches {
        findings.add(found.detector, 1);
    }
    let text = &text[..end];
    (redact(text, &matches, plan.redact).unwrap_or_else(|| text.to_owned()), progress, findings)
}

fn streamed(plan: &Plan, pieces: &[&str], key: Option<&str>) -> (String, Progress, Findings) {
    let mut redactor = Redactor::new(scanner(), plan, key);
    let mut out = String::new();
    for piece in pieces {
        if redactor.push(piece, &mut out) == Progress::Denied {
            break;
        }
    }
    let progress = redactor.finish(&mut out);
    (out, progress, redactor.findings().clone())
}

/// Pieces of `size` characters.
fn by_size(text: &str, size: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(size).map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn at_cuts<'t>(text: &'t str, cuts: &[Index]) -> Vec<&'t str> {
    let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.get(&bounds)).chain([0, text.len()]).collect();
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

/// Examples of all detectors, what they find and what they pass, in order of the catalogue.
fn examples() -> Vec<&'static str> {
    let of = |id: DetectorId| {
        let examples = &id.detector().examples;
        examples.found.iter().map(|(text, _)| *text).chain(examples.passed.iter().copied())
    };
    all().iter().flat_map(of).collect()
}

/// Those detectors that keep to the contract.
fn all() -> DetectorSet {
    let left_out = ["jwt", "private_key"].map(|name| find(name).unwrap());
    DetectorSet::all().iter().filter(|id| !left_out.contains(id)).collect()
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(examples()).prop_map(str::to_owned),
        2 => "\\PC{0,12}",
        2 => "[ -~]{0,12}",
        2 => "[0-9０-９ .–\u{200b}-]{0,24}",
        1 => "[a-z]{0,8}",
        1 => "[A-Za-z0-9+/]{30,70}",
        1 => "(secret|ssn|tel|card|version|order) ?:? ?",
    ]
}

/// Texts in which matches stand apart, touch, overlap, or are cut off.
fn text() -> impl Strategy<Value = String> {
    let between = prop_oneof![Just(" "), Just(", "), Just("\n"), Just("、"), Just(""), Just("\u{200b}")];
    let cut = (part(), any::<Index>(), any::<bool>()).prop_map(|(part, cut, whole)| {
        let bounds: Vec<usize> = part.char_indices().map(|(at, _)| at).chain([part.len()]).collect();
        if whole { part } else { part[..*cut.get(&bounds)].to_owned() }
    });
    prop::collection::vec((cut, between), 0..6)
        .prop_map(|parts| parts.into_iter().map(|(part, between)| part + between).collect())
}

/// For every detector: 0 off, 1 report, 2 redact, 3 deny.
fn plan() -> impl Strategy<Value = Plan> {
    let actions = prop_oneof![
        Just(vec![2; 64]),
        Just(vec![1; 64]),
        prop::collection::vec(prop_oneof![2 => Just(0), 2 => Just(1), 6 => Just(2)], 64),
        prop::collection::vec(prop_oneof![1 => Just(0), 2 => Just(2), 1 => Just(3)], 64),
    ];
    actions.prop_map(|actions: Vec<u8>| {
        let with = |action: u8| {
            let named = all().iter().zip(&actions).filter(|&(_, &of)| of == action);
            named.map(|(id, _)| id).collect()
        };
        Plan::new(with(1), with(2), with(3))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_pieces_give_what_the_whole_text_gives(
        text in text(), plan in plan(), cuts in prop::collection::vec(any::<Index>(), 0..12),
        key in prop::option::of(prop_oneof![Just("ssn"), Just("phone"), Just("content")]),
    ) {
        let expected = batch(&plan, &text, key);
        for pieces in [by_size(&text, 1), at_cuts(&text, &cuts), vec![text.as_str()]] {
            let (out, progress, findings) = streamed(&plan, &pieces, key);
            prop_assert_eq!((&out, progress), (&expected.0, expected.1), "{:?}", pieces);
            if progress == Progress::Going || plan.report.is_empty() {
                prop_assert_eq!(&findings, &expected.2, "{:?}", pieces);
            }
        }
    }
}
