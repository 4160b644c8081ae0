use serde_json::{Value, json};

use super::*;

fn talk(events: &[(&str, Value)]) -> Result<Vec<Act>, Refusal> {
    let mut talk = Talk::default();
    let mut acts = Vec::new();
    for (name, body) in events {
        acts.extend(talk.hear(&json!({ "event": { *name: body } }))?);
    }
    Ok(acts)
}

fn turn(kind: &str, role: &str, piece: (&'static str, &str)) -> Vec<(&'static str, Value)> {
    let place = json!({ "promptName": "p", "contentName": "c" });
    let with = |more: Value| {
        let mut body = place.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        ("contentStart", with(json!({ "type": kind, "role": role }))),
        (piece.0, with(json!({ "content": piece.1 }))),
        ("contentEnd", place.clone()),
    ]
}

fn opened(more: Vec<(&'static str, Value)>) -> Vec<(&'static str, Value)> {
    let mut events = vec![("sessionStart", json!({})), ("promptStart", json!({ "promptName": "p" }))];
    events.extend(more);
    events
}

fn said(acts: &[Act]) -> String {
    let text = |act: &Act| match act {
        Act::Say(document) => {
            document.pointer("/event/textOutput/content").and_then(Value::as_str).map(str::to_owned)
        }
        Act::Fail(..) | Act::BreakOff | Act::Stall => None,
    };
    acts.iter().filter_map(text).collect()
}

#[test]
fn every_content_of_the_users_is_answered() {
    let rows = [
        (turn("TEXT", "USER", ("textInput", "hello")), "You said: hello"),
        (turn("TEXT", "USER", ("textInput", "x\nsay: y")), "y"),
        (turn("TOOL", "TOOL", ("toolResult", "{}")), "You said: {}"),
        (turn("AUDIO", "USER", ("audioInput", "AAAA")), "(3 bytes of sound)I heard 3 bytes."),
        (turn("TEXT", "SYSTEM", ("textInput", "be kind")), ""),
        (turn("TEXT", "ASSISTANT", ("textInput", "as I said")), ""),
    ];
    for (events, expected) in rows {
        assert_eq!(said(&talk(&opened(events.clone())).unwrap()), expected, "{events:?}");
    }
}

#[test]
fn a_completion_begins_with_the_first_answer_and_ends_with_the_prompt() {
    let mut events = opened(turn("TEXT", "USER", ("textInput", "one")));
    events.extend(turn("TEXT", "USER", ("textInput", "two")));
    events.extend([("promptEnd", json!({ "promptName": "p" })), ("sessionEnd", json!({}))]);
    let acts = talk(&events).unwrap();
    let count = |name: &str| {
        let named = |act: &&Act| matches!(act, Act::Say(document) if document["event"].get(name).is_some());
        acts.iter().filter(named).count()
    };
    assert_eq!((count("completionStart"), count("usageEvent"), count("completionEnd")), (1, 2, 1));
}

#[test]
fn a_prompt_line_asks_for_a_disturbance() {
    let asked =
        |line: &str| talk(&opened(turn("TEXT", "USER", ("textInput", line)))).map(|acts| acts[0].clone());
    assert_eq!(asked("simulate: reset"), Ok(Act::BreakOff));
    assert_eq!(asked("simulate: stall"), Ok(Act::Stall));
    assert!(matches!(asked("simulate: exception-mid-stream"), Ok(Act::Fail(Fault::ModelStreamError, _))));
    assert!(asked("simulate: rain").is_err());
}

#[test]
fn events_out_of_order_end_the_session() {
    let prompt = ("promptStart", json!({ "promptName": "p" }));
    let rows: Vec<Vec<(&'static str, Value)>> = vec![
        vec![prompt.clone()],
        opened(vec![("sessionStart", json!({}))]),
        opened(vec![prompt]),
        opened(vec![("contentEnd", json!({ "promptName": "p", "contentName": "c" }))]),
        opened(vec![("promptEnd", json!({ "promptName": "q" }))]),
        opened(turn("TEXT", "USER", ("audioInput", "AAAA"))),
        opened(turn("AUDIO", "USER", ("audioInput", "no sound"))),
        opened(vec![("sessionEnd", json!({})), ("sessionEnd", json!({}))]),
        opened(vec![("hello", json!({}))]),
    ];
    for events in rows {
        assert!(talk(&events).is_err(), "{events:?}");
    }
}
