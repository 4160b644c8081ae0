//! Where values stand in a request, which number each gets, and what comes back in the answer.

use serde_json::{Value, json};

use super::doors::{judged, policies};
use super::*;

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const GPT: &str = "openai.gpt-oss-20b-1:0";

const RULES: &str = "  - models: \"*\"\nsensitive:\n  - { id: pii, detect: [email, credit_card], prompt: tokenize, response: deny }\n";

/// What Bedrock would get of a Converse request, and what was tokenised.
fn sent(body: &Value) -> (Value, Tokens) {
    let (sendable, _) = judged(&policies(RULES), Operation::Converse, Some(HAIKU), body);
    let Sendable { body, tokens, .. } = sendable.unwrap();
    (serde_json::from_slice(&body).unwrap(), tokens)
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": [{ "text": text }] })
}

fn assistant(block: Value) -> Value {
    json!({ "role": "assistant", "content": [block] })
}

#[test]
fn values_are_replaced_wherever_they_stand() {
    let result = |content: Value| json!({ "role": "user", "content": [{ "toolResult": { "toolUseId": "t1", "content": [content] } }] });
    let use_of =
        |input: Value| assistant(json!({ "toolUse": { "toolUseId": "t1", "name": "find", "input": input } }));
    let rows = [
        (user("a@mail.example.com"), "/content/0/text", json!("{EMAIL_1}")),
        (
            use_of(json!({ "to": ["a@mail.example.com"], "card": 4_111_111_111_111_111_u64 })),
            "/content/0/toolUse/input",
            json!({ "to": ["{EMAIL_1}"], "card": "{CREDIT_DEBIT_CARD_NUMBER_1}" }),
        ),
        (
            result(json!({ "json": { "n": 4_111_111_111_111_111_u64 } })),
            "/content/0/toolResult/content/0/json/n",
            json!("{CREDIT_DEBIT_CARD_NUMBER_1}"),
        ),
        (
            result(json!({ "text": "of a@mail.example.com" })),
            "/content/0/toolResult/content/0/text",
            json!("of {EMAIL_1}"),
        ),
        (
            json!({ "role": "user", "content": [{ "document": { "format": "txt", "name": "n", "source": { "text": "a@mail.example.com" } } }] }),
            "/content/0/document/source/text",
            json!("{EMAIL_1}"),
        ),
    ];
    for (message, place, expected) in rows {
        let (body, tokens) = sent(&json!({ "messages": [message] }));
        assert_eq!(body["messages"][0].pointer(place), Some(&expected), "{body}");
        assert!(!tokens.is_empty());
    }
}

#[test]
fn a_value_in_a_name_is_refused() {
    let input =
        json!({ "toolUse": { "toolUseId": "t1", "name": "find", "input": { "a@mail.example.com": 1 } } });
    let body = json!({ "messages": [assistant(input)] });
    let (sendable, judgement) = judged(&policies(RULES), Operation::Converse, Some(HAIKU), &body);
    assert!(matches!(sendable, Err(Refusal::Denied)));
    assert_eq!(judgement.verdict.unwrap().violations[0].rule.as_str(), "org/sensitive/pii");
}

#[test]
fn json_in_a_string_stays_json() {
    let arguments = json!({ "to": "a@mail.example.com", "card": 4_111_111_111_111_111_u64, "said": "\"b@mail.example.com\"" });
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "find", "arguments": arguments.to_string() } });
    let body = json!({ "messages": [user_text("go"), { "role": "assistant", "content": null, "tool_calls": [call] }] });
    let (sendable, _) = judged(&policies(RULES), Operation::InvokeModel, Some(GPT), &body);
    let Sendable { body, tokens, .. } = sendable.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let sent = body["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    let expected =
        json!({ "to": "{EMAIL_1}", "card": "{CREDIT_DEBIT_CARD_NUMBER_1}", "said": "\"{EMAIL_2}\"" });
    let mut parsed: Value = serde_json::from_str(sent).unwrap();
    // In which order members are written is not the question.
    if parsed["to"] == "{EMAIL_2}" {
        (parsed["to"], parsed["said"]) = (json!("{EMAIL_1}"), json!("\"{EMAIL_2}\""));
    }
    assert_eq!(parsed, expected);
    assert_eq!(
        tokens.restore("{CREDIT_DEBIT_CARD_NUMBER_1}", crate::sensitive::Spelling::Plain).unwrap(),
        "4111111111111111"
    );
}

fn user_text(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

#[test]
fn a_turn_that_is_added_changes_no_number() {
    let mut messages = vec![user("I am a@mail.example.com")];
    let mut before: Vec<Value> = Vec::new();
    let turns = [
        assistant(json!({ "text": "Hello a@mail.example.com, this is s@mail.example.com." })),
        user("Write to b@mail.example.com"),
        assistant(json!({ "text": "Done." })),
        user("And to a@mail.example.com again"),
    ];
    for turn in turns {
        // boto3 writes `system` behind the messages, others before them.
        let (body, _) =
            sent(&json!({ "messages": messages, "system": [{ "text": "You are s@mail.example.com" }] }));
        assert_eq!(body["system"][0]["text"], "You are {EMAIL_1}");
        let now = body["messages"].as_array().unwrap();
        assert_eq!(now[..before.len()], before);
        before.clone_from(now);
        messages.push(turn);
    }
    assert_eq!(before[0]["content"][0]["text"], "I am {EMAIL_2}");
    assert_eq!(before[1]["content"][0]["text"], "Hello {EMAIL_2}, this is {EMAIL_1}.");
    assert_eq!(before[2]["content"][0]["text"], "Write to {EMAIL_3}");
}

#[test]
fn a_placeholder_of_the_callers_is_not_ours() {
    let literal = user("What does {EMAIL_1} mean? I am a@mail.example.com");
    let (body, tokens) = sent(&json!({ "messages": [literal] }));
    assert_eq!(body["messages"][0]["content"][0]["text"], "What does {EMAIL_1} mean? I am {EMAIL_2}");
    let restored = tokens.restore("{EMAIL_1} {EMAIL_2}", crate::sensitive::Spelling::Plain);
    assert_eq!(restored.unwrap(), "{EMAIL_1} a@mail.example.com");
    // Signed reasoning keeps the placeholders that it was written with.
    let thought =
        json!({ "reasoningContent": { "reasoningText": { "text": "{EMAIL_1} asks", "signature": "c2ln" } } });
    let messages = [user("I am a@mail.example.com"), assistant(thought), user("So?")];
    let (body, _) = sent(&json!({ "messages": messages }));
    assert_eq!(body["messages"][0]["content"][0]["text"], "I am {EMAIL_1}");
}

#[test]
fn what_a_stronger_rule_redacts_gets_no_placeholder() {
    let rules = format!("{RULES}  - {{ id: cards, detect: [credit_card], prompt: redact }}\n");
    let body = json!({ "messages": [user("4111 1111 1111 1111 of a@mail.example.com")] });
    let (sendable, judgement) = judged(&policies(&rules), Operation::Converse, Some(HAIKU), &body);
    let sent: Value = serde_json::from_slice(&sendable.unwrap().body).unwrap();
    assert_eq!(sent["messages"][0]["content"][0]["text"], "{CREDIT_DEBIT_CARD_NUMBER} of {EMAIL_1}");
    assert_eq!(judgement.repairs.len(), 2);
    let denied = format!("{RULES}  - {{ id: no-mail, detect: [email], prompt: deny }}\n");
    let (sendable, _) = judged(&policies(&denied), Operation::Converse, Some(HAIKU), &body);
    assert!(matches!(sendable, Err(Refusal::Denied)));
}
