use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;

use super::*;
use crate::sensitive::{Custom, Definition, DetectorId, find, redact};

fn scanner() -> &'static Scanner {
    static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());
    &SCANNER
}

/// What redacting the whole text at once gives: the text up to what was denied, whether it was, and what was found.
fn batch(plan: &Plan, text: &str, key: Option<&str>) -> (String, Progress, Findings) {
    let (mut matches, reported): (Vec<_>, Vec<_>) =
        scanner().look(plan, text, key).into_iter().partition(|found| plan.acting().contains(found.detector));
    let mut findings = Findings::of(&reported);
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
    let (text, _) = text.split_at(end);
    (redact(text, &matches, plan.redact).unwrap_or_else(|| text.to_owned()), progress, findings)
}

fn streamed(plan: &Plan, pieces: &[&str], key: Option<&str>) -> (String, Progress, Findings) {
    read_by(Redactor::new(scanner(), plan, key), pieces)
}

fn read_by(mut redactor: Redactor<'_>, pieces: &[&str]) -> (String, Progress, Findings) {
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
    cuts.windows(2).map(|pair| text.get(pair[0]..pair[1]).unwrap()).collect()
}

/// Examples of all detectors, what they find and what they pass, in order of the catalogue.
fn examples() -> Vec<&'static str> {
    let of = |id: DetectorId| {
        let examples = &id.built_in().unwrap().examples;
        examples.found.iter().map(|(text, _)| *text).chain(examples.passed.iter().copied())
    };
    all().iter().flat_map(of).collect()
}

fn all() -> DetectorSet {
    DetectorSet::all()
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
        if whole { part } else { part.split_at(*cut.get(&bounds)).0.to_owned() }
    });
    prop::collection::vec((cut, between), 0..6)
        .prop_map(|parts| parts.into_iter().map(|(part, between)| part + between).collect())
}

/// For every detector: 0 off, 1 report, 2 redact, 3 deny.
fn plan() -> impl Strategy<Value = Plan> {
    let actions = prop_oneof![
        Just(vec![2; 256]),
        Just(vec![1; 256]),
        prop::collection::vec(prop_oneof![2 => Just(0), 2 => Just(1), 6 => Just(2)], 256),
        prop::collection::vec(prop_oneof![1 => Just(0), 2 => Just(2), 1 => Just(3)], 256),
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

fn only(name: &str) -> DetectorSet {
    [find(name).unwrap()].into_iter().collect()
}

fn redacting(detectors: DetectorSet) -> Plan {
    Plan::new(DetectorSet::EMPTY, detectors, DetectorSet::EMPTY)
}

/// All that the catalogue's examples hold, in one text.
fn prose() -> String {
    let mut prose = String::new();
    for (index, example) in examples().into_iter().enumerate() {
        let filler = ["Then, as we said, ", "and ", "The next line reads: ", "see\n"];
        prose.push_str(filler[index % filler.len()]);
        prose.push_str(example);
        prose.push_str([". ", ", ", " ", "\n"][index / 3 % 4]);
    }
    prose
}

#[test]
fn examples_in_prose_are_redacted_alike_in_pieces_of_every_size() {
    let text = prose();
    let half: DetectorSet = all().iter().step_by(2).collect();
    for plan in [
        redacting(all()),
        Plan::new(all(), half, DetectorSet::EMPTY),
        Plan::new(DetectorSet::EMPTY, all(), only("jwt")),
    ] {
        let expected = batch(&plan, &text, None);
        for size in [1, 2, 3, 4, 7, 20, 64, 1000] {
            assert_eq!(streamed(&plan, &by_size(&text, size), None), expected, "{size}");
        }
    }
}

/// What peers do: each piece by itself.
fn piece_by_piece(plan: &Plan, pieces: &[&str]) -> String {
    pieces.iter().map(|piece| batch(plan, piece, None).0).collect()
}

#[test]
fn without_holding_back_the_same_texts_leak() {
    let text = prose();
    let plan = redacting(all());
    let expected = batch(&plan, &text, None).0;
    for size in [1, 2, 4, 7, 20] {
        let leaky = piece_by_piece(&plan, &by_size(&text, size));
        assert_ne!(leaky, expected, "{size}");
        assert!(leaky.matches('{').count() < expected.matches('{').count() / 2, "{size}");
    }
}

#[test]
fn an_engine_that_holds_nothing_back_fails_the_property_of_pieces() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    });
    let plan = redacting(all());
    let outcome = runner.run(&text(), |text| {
        let mutant = Redactor::without_holding(scanner(), &plan, None);
        prop_assert_eq!(read_by(mutant, &by_size(&text, 1)), batch(&plan, &text, None));
        Ok(())
    });
    assert!(matches!(outcome, Err(proptest::test_runner::TestError::Fail(..))), "{outcome:?}");
    // Of a text in one piece it makes what it should, so that holding back is all that it lacks.
    let prose = prose();
    let mutant = Redactor::without_holding(scanner(), &plan, None);
    assert_eq!(read_by(mutant, &[&prose]), batch(&plan, &prose, None));
}

#[test]
fn a_long_key_is_dropped_to_its_end_whatever_the_pieces() {
    let plan = redacting(all());
    let line = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfnygWzM5Yk4c7xK0NqYf0x6Qd8wJb1s7T2u\n";
    let text = format!(
        "key -----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----, bob@example.com.",
        line.repeat(200)
    );
    let expected = "key {PRIVATE_KEY}, {EMAIL}.";
    assert_eq!(batch(&plan, &text, None).0, expected);
    for size in [37, 4000, 9000, 10_000, 13_000, text.len()] {
        assert_eq!(streamed(&plan, &by_size(&text, size), None).0, expected, "{size}");
    }
}

#[test]
fn no_beginning_of_a_match_is_let_go() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for id in all().iter() {
        let plan = Plan { hold: usize::MAX, ..redacting([id].into_iter().collect()) };
        let words = proptest::string::string_regex(id.built_in().unwrap().pattern).unwrap();
        for _ in 0..25 {
            let word = words.new_tree(&mut runner).unwrap().current();
            let bounds: Vec<usize> = word.char_indices().map(|(at, _)| at).skip(1).collect();
            let every = bounds.len() / 30 + 1;
            for &end in bounds.iter().step_by(every).chain([&word.len()]) {
                let mut redactor = Redactor::new(scanner(), &plan, None);
                let mut out = String::new();
                for piece in ["so: ", word.split_at(end).0] {
                    assert_eq!(redactor.push(piece, &mut out), Progress::Going);
                }
                assert!("so: ".starts_with(&out), "{id}: {word:?} up to {end}: {out:?}");
            }
        }
    }
}

#[test]
fn only_the_word_that_is_being_written_is_held_in_prose() {
    let plan = redacting(all());
    let mut redactor = Redactor::new(scanner(), &plan, None);
    let mut out = String::new();
    let text = "The harbour lay quiet in the early light, and the boats had not yet gone out. ";
    let mut most = 0;
    for piece in by_size(&text.repeat(4), 4) {
        assert_eq!(redactor.push(piece, &mut out), Progress::Going);
        most = most.max(redactor.held());
    }
    assert!(most <= 12, "{most}");
    assert_eq!(redactor.push("\n\n", &mut out), Progress::Going);
    assert!(!redactor.is_holding());
    assert_eq!(out, text.repeat(4) + "\n\n");
}

#[test]
fn what_only_reports_delays_nothing() {
    let plan = Plan::new(all(), DetectorSet::EMPTY, DetectorSet::EMPTY);
    let mut redactor = Redactor::new(scanner(), &plan, None);
    let mut out = String::new();
    let text = prose();
    for (at, piece) in by_size(&text, 3).into_iter().enumerate() {
        assert_eq!(redactor.push(piece, &mut out), Progress::Going);
        assert!(!redactor.is_holding());
        assert_eq!(out.chars().count(), text.chars().count().min(3 * (at + 1)));
    }
    assert_eq!(redactor.finish(&mut out), Progress::Going);
    assert_eq!((out, Progress::Going, redactor.findings().clone()), batch(&plan, &text, None));
}

#[test]
fn a_denied_match_ends_the_text_before_it_begins() {
    let plan = Plan::new(DetectorSet::EMPTY, only("phone"), only("email"));
    let text = "call +44 121 234 5899 or write to bob@example.com today, or ann@example.com";
    for size in [1, 5, 100] {
        let (out, progress, findings) = streamed(&plan, &by_size(text, size), None);
        assert_eq!((out.as_str(), progress), ("call {PHONE} or write to ", Progress::Denied), "{size}");
        assert_eq!(findings.detectors(), only("phone").union(only("email")));
    }
}

#[test]
fn the_value_of_a_member_that_says_what_it_is_is_held_to_its_end() {
    let plan = redacting(only("password"));
    let mut redactor = Redactor::new(scanner(), &plan, Some("password"));
    let mut out = String::new();
    for piece in by_size(" correct horse, battery. ", 3) {
        assert_eq!(redactor.push(piece, &mut out), Progress::Going);
        assert_eq!(out, "");
    }
    assert_eq!(redactor.finish(&mut out), Progress::Going);
    assert_eq!(out, " {PASSWORD} ");
    let long = Plan { hold: 64, ..plan };
    let (out, progress, _) = streamed(&long, &by_size(&"word ".repeat(40), 3), Some("password"));
    assert_eq!((out.as_str(), progress), ("{PASSWORD}", Progress::Going));
}

fn token(length: usize) -> String {
    format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0{}.c2lnbmF0dXJl", "A".repeat(length))
}

#[test]
fn more_than_may_be_held_is_replaced_or_denied_and_never_let_go() {
    let text = format!("The token {} is mine, bob@example.com.", token(400));
    let expected = "The token {JWT} is mine, {EMAIL}.";
    let plan = redacting(only("jwt").union(only("email")));
    assert_eq!(batch(&plan, &text, None).0, expected);
    for size in [1, 7, 64] {
        let pieces = by_size(&text, size);
        let small = Plan { hold: 100, ..plan.clone() };
        let (out, progress, findings) = streamed(&small, &pieces, None);
        assert_eq!((out.as_str(), progress), (expected, Progress::Going), "{size}");
        assert_eq!(findings, batch(&plan, &text, None).2);
        let strict = Plan { overflow: Overflow::Deny, ..small.clone() };
        let (out, progress, _) = streamed(&strict, &pieces, None);
        assert_eq!((out.as_str(), progress), ("The token ", Progress::Denied), "{size}");
        let denied = Plan { hold: 100, ..Plan::new(DetectorSet::EMPTY, only("email"), only("jwt")) };
        let (out, progress, _) = streamed(&denied, &pieces, None);
        assert_eq!((out.as_str(), progress), ("The token ", Progress::Denied), "{size}");
    }
}

#[test]
fn a_key_of_megabytes_is_dropped_in_little_memory() {
    let plan = redacting(all());
    let mut redactor = Redactor::new(scanner(), &plan, None);
    let mut out = String::new();
    let line = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfnygWzM5Yk4c7xK0NqYf0x6Qd8wJb1s7T2u\n";
    let pieces = ["cat key\n-----BEGIN RSA PRIVATE", " KEY-----\n"];
    let end = ["-----END RSA PRI", "VATE KEY-----", "\nand so it ends, bob@exam", "ple.com.\n"];
    let mut most = 0;
    for piece in pieces.into_iter().chain(std::iter::repeat_n(line, 16 * 1024)).chain(end) {
        assert_eq!(redactor.push(piece, &mut out), Progress::Going);
        most = most.max(redactor.acting.as_ref().unwrap().memory());
    }
    assert_eq!(redactor.finish(&mut out), Progress::Going);
    assert_eq!(out, "cat key\n{PRIVATE_KEY}\nand so it ends, {EMAIL}.\n");
    assert!(most <= 32 * 1024, "{most}");
}

#[test]
fn what_begins_in_dropped_text_and_ends_behind_it_is_found() {
    let plan = Plan { hold: 100, ..redacting(only("jwt").union(only("email"))) };
    let text = format!("{}.bob@example.com now", token(300));
    for size in [1, 13, 50] {
        let (out, progress, _) = streamed(&plan, &by_size(&text, size), None);
        assert_eq!(progress, Progress::Going);
        assert_eq!(out, "{JWT}{EMAIL} now", "{size}");
    }
}

#[test]
fn a_custom_detector_is_held_like_any_other() {
    let custom = Custom::new(&Definition {
        name: "CASE".to_owned(),
        pattern: "case-[0-9]{6}".to_owned(),
        found: vec!["case-123456".to_owned()],
        passed: vec!["case-12345".to_owned()],
        ..Definition::default()
    });
    let scanner = Scanner::with(&[custom.unwrap()]).unwrap();
    let plan = redacting(scanner.detectors());
    let mut redactor = Redactor::new(&scanner, &plan, None);
    let mut out = String::new();
    for piece in by_size("A case of case-123456, and not case-12345.", 1) {
        assert_eq!(redactor.push(piece, &mut out), Progress::Going);
    }
    assert_eq!(redactor.finish(&mut out), Progress::Going);
    assert_eq!(out, "A case of {CASE}, and not case-12345.");
}

/// Counts how often bytes are read.
fn steps(plan: &Plan, text: &str, size: usize) -> u64 {
    let mut redactor = Redactor::new(scanner(), plan, None);
    let mut out = String::new();
    for piece in by_size(text, size) {
        if redactor.push(piece, &mut out) == Progress::Denied {
            break;
        }
    }
    redactor.acting.as_ref().unwrap().steps()
}

#[test]
fn hostile_texts_cost_the_same_for_every_byte() {
    let plan = redacting(all());
    for unit in [
        "a",
        "1",
        "1 ",
        "1-",
        "A1b2/",
        "a.",
        "a@",
        "a@b.",
        "eyJ",
        "eyJhbGciOiJIUzI1NiJ9.",
        "::",
        "+1-",
        "()",
        "-----BEGIN ",
        "http://",
    ] {
        let work = |length: usize| steps(&plan, &unit.repeat(length / unit.len()), 16);
        let (short, long) = (work(8 * 1024), work(32 * 1024));
        assert!(long < 5 * short, "{unit}: {short} {long}");
        assert!(long < 400 * 32 * 1024, "{unit}: {long}");
    }
}
