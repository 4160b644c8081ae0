use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

fn scanner() -> &'static Scanner {
    static SCANNER: LazyLock<Scanner> = LazyLock::new(|| Scanner::new().unwrap());
    &SCANNER
}

fn found(
    scanner: &Scanner,
    detectors: DetectorSet,
    text: &str,
    key: Option<&str>,
) -> Vec<(&'static str, String)> {
    let matches = scanner.scan(detectors, text, key);
    matches
        .iter()
        .map(|found| (found.detector.name(), text.get(found.range.clone()).unwrap().to_owned()))
        .collect()
}

fn only(name: &str) -> DetectorSet {
    [find(name).unwrap()].into_iter().collect()
}

#[test]
fn every_detector_does_what_its_examples_say() {
    let scanner = scanner();
    let mut wrong = Vec::new();
    for id in DetectorSet::all().iter() {
        let examples = &id.built_in().unwrap().examples;
        for (text, expected) in examples.found {
            let found = found(scanner, only(id.name()), text, None);
            if !found.iter().any(|(_, part)| part == expected) {
                wrong.push(format!("{id} in {text:?}: {found:?}, not {expected:?}"));
            }
        }
        for text in examples.passed {
            let found = found(scanner, only(id.name()), text, None);
            if !found.is_empty() {
                wrong.push(format!("{id} in {text:?}: {found:?}, not nothing"));
            }
        }
        assert!(!examples.found.is_empty() && !examples.passed.is_empty(), "{id} needs examples");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_and_short_spellings_find_the_same_detector() {
    for id in DetectorSet::all().iter() {
        assert_eq!((find(id.name()), find(id.short())), (Some(id), Some(id)));
        assert_eq!(find(&id.name().to_ascii_lowercase()), Some(id));
    }
    assert_eq!(find("ssn"), None);
    assert_eq!(find("BANK_ROUTING"), find("us_bank_routing"), "Amazon Comprehend's names are known as well");
    assert_eq!(DetectorSet::all().iter().count(), super::detectors::CATALOGUE.len());
}

#[test]
fn sets_and_findings_hold_what_was_added() {
    let (email, phone) = (find("email").unwrap(), find("phone").unwrap());
    let mut set = DetectorSet::EMPTY;
    set.insert(email);
    assert!(set.contains(email) && !set.contains(phone) && !set.is_empty());
    let both: DetectorSet = [phone, email].into_iter().collect();
    assert_eq!(both.intersection(set), set);
    assert_eq!(set.union(only("phone")), both);
    assert_eq!(format!("{both:?}"), "{EMAIL, PHONE}");
    let mut findings = Findings::default();
    findings.add(phone, 0);
    assert!(findings.is_empty());
    findings.add(phone, 2);
    findings.add(phone, u32::MAX);
    assert_eq!(findings.iter().collect::<Vec<_>>(), [(phone, u32::MAX)]);
    assert_eq!(findings.detectors(), only("phone"));
}

#[test]
fn the_name_of_the_member_speaks_for_its_value() {
    let scanner = scanner();
    let cases = [
        ("us_ssn", "ssn", "219099999"),
        ("us_ssn", "applicantSSN", "219 09 9999"),
        ("phone", "mobile_phone", "2125550123"),
        ("credit_card", "cardNumber", "6759649826438453"),
        ("aws_secret_key", "SecretAccessKey", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ];
    for (detector, key, value) in cases {
        let detectors = only(detector);
        assert_eq!(found(scanner, detectors, value, Some(key)).len(), 1, "{key}");
        assert_eq!(found(scanner, detectors, value, Some("note")), [], "{key}");
        assert_eq!(found(scanner, detectors, value, None), [], "{key}");
    }
}

#[test]
fn the_better_founded_claim_wins() {
    let scanner = scanner();
    let cases = [
        ("tel 4111 1111 1111 1111", vec!["CREDIT_DEBIT_CARD_NUMBER"]),
        ("ssn 219-09-9999, tel 212-555-0123", vec!["US_SOCIAL_SECURITY_NUMBER", "PHONE"]),
        ("call DE89 3704 0044 0532 0130 00", vec!["INTERNATIONAL_BANK_ACCOUNT_NUMBER"]),
        ("bob@example.com, 52.98.176.142", vec!["EMAIL", "IP_ADDRESS"]),
    ];
    for (text, expected) in cases {
        let names: Vec<_> =
            found(scanner, DetectorSet::all(), text, None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected, "{text}");
    }
}

#[test]
fn redaction_replaces_what_it_should_and_nothing_else() {
    let scanner = scanner();
    let text = "日本 bob@example.com, ssn 219-09-9999\u{200b}!";
    let matches = scanner.scan(DetectorSet::all(), text, None);
    let all = redact(text, &matches, DetectorSet::all()).unwrap();
    assert_eq!(all, "日本 {EMAIL}, ssn {US_SOCIAL_SECURITY_NUMBER}\u{200b}!");
    assert_eq!(redact(text, &matches, only("email")).unwrap(), "日本 {EMAIL}, ssn 219-09-9999\u{200b}!");
    assert_eq!(redact(text, &matches, only("iban")), None);
    assert_eq!(redact("nothing", &[], DetectorSet::all()), None);
}

#[test]
fn hostile_texts_take_time_in_proportion_to_their_length() {
    let scanner = scanner();
    for unit in [
        "1",
        "1 ",
        "a@",
        "a@b.",
        "eyJ",
        "A1b2/",
        "::",
        "1.1.",
        "-----BEGIN PRIVATE KEY-----",
        "+1-",
        "aa11",
        "()",
    ] {
        let time = |length: usize| {
            let text = unit.repeat(length / unit.len());
            let start = crate::clock::instant();
            let found = scanner.scan(DetectorSet::all(), &text, Some("secret"));
            (start.elapsed(), found.len())
        };
        // Wide limits: this is to notice a square, not a slow machine. The square of 16 is 256.
        let ((short, _), (long, _)) = (time(2 * 1024), time(32 * 1024));
        assert!(long < short * 80 + std::time::Duration::from_millis(200), "{unit}: {short:?} {long:?}");
    }
}

/// Text with sensitive parts, in the scripts and spellings that people and attackers use.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "\\PC{0,12}",
        2 => "[ -~]{0,12}",
        1 => "[0-9０-９ .–\u{200b}-]{0,24}",
        1 => Just("bob@example.com".to_owned()),
        1 => Just("219-09-9999".to_owned()),
        1 => Just("ssn ２１９–０９–９９９９".to_owned()),
        1 => Just("4111 1111 1111 1111".to_owned()),
        1 => Just("+44 121 234 5899".to_owned()),
        1 => Just("DE89 3704 0044 0532 0130 00".to_owned()),
        1 => Just("fe80::e8ea:333d".to_owned()),
        1 => Just("-----BEGIN PRIVATE KEY-----\nTWFkZSB1cCBmb3IgYSB0ZXN0\n".to_owned()),
        1 => Just("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned()),
        1 => Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
    ];
    let between = prop_oneof![Just(" "), Just(", "), Just("\n"), Just("、")];
    prop::collection::vec((part, between), 0..8)
        .prop_map(|parts| parts.into_iter().map(|(part, between)| part + between).collect())
}

proptest! {
    #[test]
    fn matches_are_sorted_apart_and_on_characters(text in text(), key in prop::option::of("[a-zA-Z_]{0,8}")) {
        let mut end = 0;
        for found in scanner().scan(DetectorSet::all(), &text, key.as_deref()) {
            prop_assert!(found.range.start >= end && found.range.start < found.range.end);
            prop_assert!(text.get(found.range.clone()).is_some());
            end = found.range.end;
        }
    }

    #[test]
    fn redaction_leaves_nothing_to_find_and_all_else_as_it_was(text in text()) {
        let scanner = scanner();
        let matches = scanner.scan(DetectorSet::all(), &text, None);
        let redacted = redact(&text, &matches, DetectorSet::all()).unwrap_or_else(|| text.clone());
        let mut rest = redacted.as_str();
        let mut copied = 0;
        for found in &matches {
            rest = rest.strip_prefix(text.get(copied..found.range.start).unwrap()).unwrap();
            rest = rest.strip_prefix(&format!("{{{}}}", found.detector)).unwrap();
            copied = found.range.end;
        }
        prop_assert_eq!(rest, text.get(copied..).unwrap());
        let again = scanner.scan(DetectorSet::all(), &redacted, None);
        prop_assert_eq!(again, vec![], "{:?}", redacted);
    }
}
