//! What goes out as placeholders comes back as it was, whatever it is and however it is cut.

use proptest::prelude::*;

use super::*;
use crate::sensitive::{Scanner, find};

fn set(names: &[&str]) -> DetectorSet {
    names.iter().filter_map(|name| find(name)).collect()
}

/// `text` tokenised as the only text of its request.
fn tokenized(tokens: &mut Tokens, text: &str, which: DetectorSet) -> String {
    let scanner = Scanner::new().unwrap();
    tokens.avoid(text);
    let matches = scanner.scan(DetectorSet::all(), text, None);
    tokens.clean(text, &matches, DetectorSet::EMPTY, which).unwrap_or_else(|| text.to_owned())
}

fn streamed(tokens: &Tokens, spelling: Spelling, text: &str, cuts: &[usize]) -> String {
    let (mut restorer, mut out) = (Restorer::default(), String::new());
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    cuts.retain(|&cut| text.is_char_boundary(cut));
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        restorer.push(tokens, spelling, &text[pair[0]..pair[1]], &mut out);
    }
    restorer.finish(&mut out);
    out
}

#[test]
fn each_value_has_a_placeholder_of_its_own() {
    let which = set(&["email", "credit_card"]);
    let mut tokens = Tokens::default();
    let rows = [
        ("a@mail.example.com, b@mail.example.com", "{EMAIL_1}, {EMAIL_2}"),
        ("b@mail.example.com and c@mail.example.com", "{EMAIL_2} and {EMAIL_3}"),
        ("4111 1111 1111 1111 of a@mail.example.com", "{CREDIT_DEBIT_CARD_NUMBER_1} of {EMAIL_1}"),
        // Another spelling comes back as such.
        ("A@mail.example.com", "{EMAIL_4}"),
        ("nothing", "nothing"),
    ];
    for (text, expected) in rows {
        assert_eq!(tokenized(&mut tokens, text, which), expected);
        assert_eq!(tokens.restore(expected, Spelling::Plain).as_deref().unwrap_or(expected), text);
    }
    assert_eq!(format!("{tokens:?}"), "Tokens { values: 5, .. }");
}

#[test]
fn what_is_redacted_is_named_and_never_comes_back() {
    let scanner = Scanner::new().unwrap();
    let text = "a@mail.example.com 4111 1111 1111 1111";
    let matches = scanner.scan(DetectorSet::all(), text, None);
    let mut tokens = Tokens::default();
    let both = set(&["email", "credit_card"]);
    let clean = tokens.clean(text, &matches, set(&["credit_card"]), both).unwrap();
    assert_eq!(clean, "{EMAIL_1} {CREDIT_DEBIT_CARD_NUMBER}");
    assert_eq!(
        tokens.restore(&clean, Spelling::Plain).unwrap(),
        "a@mail.example.com {CREDIT_DEBIT_CARD_NUMBER}"
    );
}

#[test]
fn placeholders_of_others_stay_theirs() {
    let mut tokens = Tokens::default();
    let text = "{EMAIL_1} {EMAIL_03} {EMAIL} {EMAIL_2x} {{EMAIL_3}} a@mail.example.com b@mail.example.com";
    let sent = tokenized(&mut tokens, text, set(&["email"]));
    assert_eq!(sent, "{EMAIL_1} {EMAIL_03} {EMAIL} {EMAIL_2x} {{EMAIL_3}} {EMAIL_2} {EMAIL_4}");
    assert_eq!(tokens.restore(&sent, Spelling::Plain).as_deref(), Some(text));
    // Somebody writes one of ours: it is given up, and its value gets another.
    tokens.avoid("what is {EMAIL_2}?");
    assert_eq!(tokens.restore("{EMAIL_2}", Spelling::Plain), None);
    assert_eq!(tokenized(&mut tokens, "a@mail.example.com", set(&["email"])), "{EMAIL_5}");
    assert_eq!(tokens.restore("{EMAIL_5}", Spelling::Plain).unwrap(), "a@mail.example.com");
}

#[test]
fn only_what_was_issued_comes_back() {
    let mut tokens = Tokens::default();
    tokenized(&mut tokens, "a@mail.example.com", set(&["email"]));
    let rows = [
        ("{EMAIL_1}", "a@mail.example.com"),
        ("{EMAIL_1}{EMAIL_1}", "a@mail.example.coma@mail.example.com"),
        ("{{EMAIL_1}}", "{a@mail.example.com}"),
        ("{EMAIL_{EMAIL_1}", "{EMAIL_a@mail.example.com"),
        (
            "{EMAIL_2} {EMAIL_11} {EMAIL} EMAIL_1 {email_1} {EMAIL_1",
            "{EMAIL_2} {EMAIL_11} {EMAIL} EMAIL_1 {email_1} {EMAIL_1",
        ),
        ("{", "{"),
        ("", ""),
    ];
    for (said, expected) in rows {
        assert_eq!(streamed(&tokens, Spelling::Plain, said, &[]), expected, "{said}");
        let all: Vec<usize> = (0..=said.len()).collect();
        assert_eq!(streamed(&tokens, Spelling::Plain, said, &all), expected, "{said}");
    }
}

#[test]
fn nothing_is_held_that_can_be_no_placeholder() {
    let mut tokens = Tokens::default();
    tokenized(&mut tokens, "a@mail.example.com", set(&["email"]));
    for (piece, held) in
        [("words", false), ("{", true), ("{EM", true), ("{\"", false), ("{x", false), ("{EMAIL_2", false)]
    {
        let (mut restorer, mut out) = (Restorer::default(), String::new());
        restorer.push(&tokens, Spelling::Plain, piece, &mut out);
        assert_eq!(restorer.is_holding(), held, "{piece}");
        assert_eq!(out.is_empty(), held, "{piece}");
    }
}

#[test]
fn a_value_in_json_is_spelt_as_json() {
    let mut tokens = Tokens::default();
    let value = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----";
    let sent = tokenized(&mut tokens, value, set(&["private_key"]));
    let input = format!("{{\"key\": \"{sent}\"}}");
    assert_eq!(Spelling::of_input(&input), Spelling::Json);
    let restored: serde_json::Value =
        serde_json::from_str(&tokens.restore(&input, Spelling::Json).unwrap()).unwrap();
    assert_eq!(restored["key"], value);
    for text in ["plain", "{PRIVATE_KEY_1} is it", "[{PRIVATE_KEY_1}", "\"a\"", "12"] {
        assert_eq!(Spelling::of_input(text), Spelling::Plain, "{text}");
    }
}

#[test]
fn no_placeholder_is_a_finding() {
    let scanner = Scanner::new().unwrap();
    let words = ["", "password: ", "api key=", "age ", "pin ", "card number ", "ssn ", "https://", "user "];
    let keys = ["password", "secret", "ssn", "pin", "authorization"];
    for detector in DetectorSet::all().iter() {
        for number in [1, 9, 10, 12_345, 123_456_789, u32::MAX] {
            let placeholder = format!("{{{}_{number}}}", detector.name());
            for word in words {
                let text = format!("{word}{placeholder}");
                assert_eq!(scanner.scan(DetectorSet::all(), &text, None), [], "{text}");
            }
            for key in keys {
                assert_eq!(
                    scanner.scan(DetectorSet::all(), &placeholder, Some(key)),
                    [],
                    "{placeholder} {key}"
                );
            }
        }
    }
}

#[test]
fn a_text_of_nothing_but_braces_costs_no_more_than_any_other() {
    let mut tokens = Tokens::default();
    let braces = "{".repeat(1 << 20);
    assert_eq!(tokenized(&mut tokens, "a@mail.example.com", set(&["email"])), "{EMAIL_1}");
    // Quadratic work on a megabyte would not end in time.
    assert_eq!(tokens.restore(&braces, Spelling::Plain), None);
    tokens.avoid(&braces);
}

fn fragment() -> impl Strategy<Value = String> {
    let whole = prop::sample::select(vec![
        "a@mail.example.com",
        "b.c@mail.example.com",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "{EMAIL_1}",
        "{EMAIL_2}",
        "{EMAIL}",
        "{EMAIL_",
        "{",
        "}",
        "\u{e9}\u{1f600}",
        "\"\\\n",
        " ",
    ]);
    prop_oneof![whole.prop_map(str::to_owned), "[ -~\u{e9}]{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_tokenised_comes_back_whatever_the_pieces(
        fragments in prop::collection::vec(fragment(), 0..16),
        cuts in prop::collection::vec(any::<usize>(), 0..24),
    ) {
        let text = fragments.concat();
        let mut tokens = Tokens::default();
        let sent = tokenized(&mut tokens, &text, DetectorSet::all());
        prop_assert_eq!(&streamed(&tokens, Spelling::Plain, &sent, &cuts), &text);
        prop_assert_eq!(tokens.restore(&sent, Spelling::Plain).unwrap_or(sent), text);
    }

    #[test]
    fn a_history_that_grows_keeps_its_numbers(
        history in prop::collection::vec("[a-c]{1,3}@mail[.]example[.]com", 0..12),
        more in "[a-c]{1,3}@mail[.]example[.]com",
    ) {
        let which = set(&["email"]);
        let (mut before, mut after) = (Tokens::default(), Tokens::default());
        let first: Vec<_> = history.iter().map(|text| tokenized(&mut before, text, which)).collect();
        let second: Vec<_> = history.iter().chain([&more]).map(|text| tokenized(&mut after, text, which)).collect();
        prop_assert_eq!(&first[..], &second[..history.len()]);
    }

    #[test]
    fn json_stays_json(
        values in prop::collection::vec("[ -~\n]{0,8}", 0..4),
        cuts in prop::collection::vec(any::<usize>(), 0..24),
    ) {
        let mut tokens = Tokens::default();
        let email = find("email").unwrap();
        let names: Vec<String> = values.iter().map(|value| tokens.stand_in(email, value, set(&["email"]))).collect();
        let sent = serde_json::to_string(&serde_json::json!({ "v": names })).unwrap();
        let restored = streamed(&tokens, Spelling::Json, &sent, &cuts);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&restored).unwrap(), serde_json::json!({ "v": values }));
    }
}
