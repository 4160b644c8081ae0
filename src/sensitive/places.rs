//! What is sensitive is found wherever a request or an answer has room for a string or a number.
//!
//! The view decides what is read, the detectors decide what is found: this holds the two together, for every format.

use serde_json::{Value, json};

use super::{DetectorSet, Scanner, find};
use crate::bedrock::format::Format;
use crate::bedrock::format::samples::samples;
use crate::bedrock::json::Document;

/// Calls `visit` with each string below `value`, which it may change for the moment.
fn each_string(value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    match value {
        Value::String(_) => visit(value),
        Value::Array(elements) => elements.iter_mut().for_each(|element| each_string(element, visit)),
        Value::Object(members) => members.values_mut().for_each(|member| each_string(member, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn strings(value: &Value) -> usize {
    let mut count = 0;
    each_string(&mut value.clone(), &mut |_| count += 1);
    count
}

/// What all detectors find in a body, or `None` when the body is refused.
fn found(format: Format, body: &Value) -> Option<DetectorSet> {
    let bytes = body.to_string();
    let document = Document::parse(bytes.as_bytes()).unwrap();
    let view = format.decode(&document).ok()?;
    let scanner = Scanner::new().unwrap();
    let scan = |text: &crate::bedrock::view::Text<'_>| scanner.scan(DetectorSet::all(), &text.text, text.key);
    Some(view.texts.iter().flat_map(scan).map(|one| one.detector).collect())
}

#[test]
fn a_value_is_found_in_place_of_any_string_of_any_format() {
    let planted = [
        ("email", "bob@example.com"),
        ("us_ssn", "219-09-9999"), // Alone it could be base64, which some members hold instead of words.
        ("aws_access_key", "key: AKIAIOSFODNN7EXAMPLE!"),
    ];
    let (mut places, mut hidden) = (0, Vec::new());
    for (format, sample) in samples() {
        for place in 0..strings(&sample) {
            let (mut body, mut at) = (sample.clone(), 0);
            let (name, value) = planted[place % planted.len()];
            each_string(&mut body, &mut |string| {
                if at == place {
                    *string = json!(value);
                }
                at += 1;
            });
            // A place that takes words of ours only refuses the body, and nothing is sent.
            let Some(found) = found(format, &body) else { continue };
            places += 1;
            if !found.contains(find(name).unwrap()) {
                hidden.push(format!("{}: {body}", format.name()));
            }
        }
    }
    assert!(hidden.is_empty(), "{hidden:#?}");
    assert!(places > 150, "{places}");
}

#[test]
fn members_names_speak_for_strings_and_numbers_of_tools() {
    let cases = [
        (json!({ "ssn": 219_099_999 }), "us_ssn"),
        (json!({ "user": { "ssn": "219099999" } }), "us_ssn"),
        (json!({ "cardNumber": 4_111_111_111_111_111_u64 }), "credit_card"),
        (json!({ "card": ["4111111111111111"] }), "credit_card"),
        (json!({ "password": "letmein" }), "password"),
        (json!({ "clientSecret": "Zm9vYmFyYmF6cXV4MTIz" }), "secret"),
        (json!({ "Authorization": "Bearer dXNlcjpwYXNzd29yZDEyMw" }), "secret"),
        (json!({ "phone_number": 2_125_550_123_u64 }), "phone"),
        (json!({ "routing_number": "021000021" }), "us_bank_routing"),
        (json!({ "account_number": 274_515_249 }), "us_bank_account"),
        (json!({ "passport": "422803052" }), "us_passport"),
        (json!({ "cvv": 123 }), "card_cvv"),
        (json!({ "expiry": "07/28" }), "card_expiry"),
        (json!({ "pin": "4921" }), "pin"),
        (json!({ "driver_license": "H96785178" }), "driver_id"),
        (json!({ "bic": "DEUTDEFF" }), "swift_code"),
        (json!({ "bob@example.com": true }), "email"),
    ];
    for (value, name) in cases {
        let input = json!({ "toolUse": { "toolUseId": "t1", "name": "look", "input": value } });
        let result = json!({ "toolResult": { "toolUseId": "t1", "content": [{ "json": value }] } });
        let body = json!({ "messages": [
            { "role": "assistant", "content": [input] },
            { "role": "user", "content": [result] },
        ] });
        let alone = |role: usize| json!({ "messages": [body["messages"][role]] });
        for body in [alone(0), alone(1)] {
            let found = found(Format::converse(), &body).unwrap_or_else(|| panic!("refused: {body}"));
            assert!(found.contains(find(name).unwrap()), "{name} in {body}: {found:?}");
        }
        // In a string of JSON, as OpenAI's tools have it, the names stand in the text itself.
        let chat = json!({ "messages": [{ "role": "assistant", "tool_calls": [
            { "id": "c1", "type": "function", "function": { "name": "look", "arguments": value.to_string() } },
        ] }] });
        let format = Format::of_family(crate::bedrock::invoke::Family::OpenAiChat);
        let found = found(format, &chat).unwrap_or_else(|| panic!("refused: {chat}"));
        assert!(found.contains(find(name).unwrap()), "{name} in {chat}: {found:?}");
    }
}
