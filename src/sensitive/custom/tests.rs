use super::*;
use crate::sensitive::{DetectorSet, redact};

fn ticket() -> Definition {
    Definition {
        name: "INTERNAL_TICKET".to_owned(),
        pattern: "SEC-[0-9]{4,6}".to_owned(),
        found: vec!["see SEC-12345.".to_owned()],
        passed: vec!["see SEC-123".to_owned()],
        ..Definition::default()
    }
}

#[test]
fn a_custom_detector_finds_what_its_pattern_says_beside_the_built_in_ones() {
    let custom = Custom::new(&ticket()).unwrap();
    let scanner = Scanner::with(std::slice::from_ref(&custom)).unwrap();
    let text = "bob@example.com wrote SEC-12345, XSEC-12345 and SEC-12345678";
    let mut both: DetectorSet = [custom.id()].into_iter().collect();
    both.insert(find("email").unwrap());
    let matches = scanner.scan(both, text, None);
    let redacted = redact(text, &matches, both).unwrap();
    assert_eq!(redacted, "{EMAIL} wrote {INTERNAL_TICKET}, XSEC-12345 and SEC-12345678");
    assert!(scanner.detectors().contains(custom.id()) && !DetectorSet::all().contains(custom.id()));
    assert_eq!(Scanner::new().unwrap().scan(both, "SEC-12345", None), []);
}

#[test]
fn a_name_keeps_its_id() {
    let (one, other) = (Custom::new(&ticket()).unwrap(), Custom::new(&ticket()).unwrap());
    assert_eq!((one.id(), one.id().name()), (other.id(), "INTERNAL_TICKET"));
    let named = Definition { name: "ANOTHER_TICKET".to_owned(), ..ticket() };
    assert_ne!(Custom::new(&named).unwrap().id(), one.id());
}

#[test]
fn keywords_are_needed_before_a_match_or_in_the_name_of_its_member() {
    let definition = Definition {
        name: "STAFF_NUMBER".to_owned(),
        pattern: "[0-9]{6}".to_owned(),
        keywords: vec!["staff no".to_owned(), "employee*".to_owned()],
        found: vec!["Staff-No: 123456".to_owned(), "employees 123456".to_owned()],
        passed: vec!["123456".to_owned(), "staff 123456".to_owned()],
        ..Definition::default()
    };
    let custom = Custom::new(&definition).unwrap();
    let scanner = Scanner::with(std::slice::from_ref(&custom)).unwrap();
    let only = [custom.id()].into_iter().collect();
    assert_eq!(scanner.scan(only, "123456", Some("employeeId")).len(), 1);
    assert_eq!(scanner.scan(only, "123456", Some("order")).len(), 0);
}

#[test]
fn arithmetic_is_applied_where_it_is_asked_for() {
    let definition = Definition {
        name: "LOYALTY_CARD".to_owned(),
        pattern: "[0-9]{11}".to_owned(),
        validator: Some(Validator::Luhn),
        found: vec!["79927398713".to_owned()],
        passed: vec!["79927398710".to_owned()],
        ..Definition::default()
    };
    assert!(Custom::new(&definition).is_ok());
}

#[test]
fn what_is_wrong_with_a_definition_is_said() {
    let with = |pattern: &str| Definition { pattern: pattern.to_owned(), ..ticket() };
    let named = |name: &str| Definition { name: name.to_owned(), ..ticket() };
    let cases = [
        (named("ticket"), CustomError::Name),
        (named(""), CustomError::Name),
        (named("EMAIL"), CustomError::Taken("EMAIL".to_owned())),
        (with("SEC-[0-9]+"), CustomError::Unbounded),
        (with("(?:SEC-)*"), CustomError::Empty),
        (with("SEC-[0-9]{4,2000}"), CustomError::LongMatch(2004)),
        (with(r"\bSEC-[0-9]{4}"), CustomError::LookAround),
        (with(&"S".repeat(501)), CustomError::TooLong(501)),
        (with("TIC-[0-9]{4}"), CustomError::NotFound(1)),
        (with("SEC-[0-9]{3,6}"), CustomError::Found(1)),
        (Definition { found: Vec::new(), ..ticket() }, CustomError::NoExamples),
        (Definition { keywords: vec!["x".to_owned()], ..ticket() }, CustomError::Keyword),
        (with(r"(?:\w{20}){50}"), CustomError::LongMatch(4000)),
    ];
    for (definition, expected) in cases {
        assert_eq!(Custom::new(&definition).unwrap_err(), expected, "{}", definition.pattern);
    }
    for pattern in ["SEC-(?=[0-9])", r"(a)\1", "SEC-[0-9"] {
        let error = Custom::new(&with(pattern)).unwrap_err();
        assert!(matches!(error, CustomError::Pattern(_)), "{pattern}: {error}");
    }
}
