//! The APIs of OpenAI and Anthropic: answered, streamed, filtered and refused in their own forms.
//!
//! Server-sent events are read here by the letter of the standard, not by the code under test.

use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, PROMPT_CANARY};
use crate::support::http::Response;
use crate::support::journal::Record;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const GPT: &str = "openai.gpt-oss-20b-1:0";
const CARD: &str = "4111 1111 1111 1111";

/// Path, model, and the operation as records name it.
const ROUTES: [(&str, &str, &str); 4] = [
    ("/openai/v1/chat/completions", GPT, "ChatCompletions"),
    ("/v1/chat/completions", GPT, "ChatCompletions"),
    ("/openai/v1/responses", GPT, "Responses"),
    ("/anthropic/v1/messages", HAIKU, "Messages"),
];

fn body(path: &str, model: &str, prompt: &str) -> Value {
    let user = json!({ "role": "user", "content": prompt });
    match path {
        "/openai/v1/responses" => json!({ "model": model, "instructions": PROMPT_CANARY, "input": [user] }),
        "/anthropic/v1/messages" => {
            json!({ "model": model, "max_tokens": 64, "system": PROMPT_CANARY, "messages": [user] })
        }
        _ => json!({ "model": model, "messages": [{ "role": "system", "content": PROMPT_CANARY }, user] }),
    }
}

fn call(path: &str, body: &Value) -> Call {
    Call::new("POST", path, body.to_string())
        .header("content-type", "application/json")
        .header("anthropic-version", "2023-06-01")
}

fn streamed(path: &str, model: &str, prompt: &str) -> Call {
    let mut body = body(path, model, prompt);
    body["stream"] = true.into();
    call(path, &body)
}

/// What the model said in a whole answer.
fn whole(answer: &Value) -> &str {
    let places = ["/choices/0/message/content", "/output/0/content/0/text", "/content/0/text"];
    places.iter().find_map(|place| answer.pointer(place)?.as_str()).unwrap_or_else(|| panic!("{answer}"))
}

/// Names and data of the events in a body.
fn events(response: &Response) -> Vec<(String, String)> {
    let text = response.text();
    let field = |block: &str, name: &str| {
        let lines = block.lines().filter_map(|line| line.strip_prefix(name));
        lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect::<Vec<_>>().join("\n")
    };
    assert!(text.ends_with("\n\n"), "{text}");
    let blocks = text.trim_end().split("\n\n");
    blocks.map(|block| (field(block, "event:"), field(block, "data:"))).collect()
}

/// What the model said in the pieces of a stream.
fn pieces(events: &[(String, String)]) -> String {
    let places = ["/choices/0/delta/content", "/delta/text", "/delta"];
    let piece = |(_, data): &(String, String)| {
        let event: Value = serde_json::from_str(data).ok()?;
        places.iter().find_map(|place| event.pointer(place)?.as_str().map(str::to_owned))
    };
    events.iter().filter_map(piece).collect()
}

/// Whether the last event is the one that ends a good answer.
fn ends_well(path: &str, events: &[(String, String)]) -> bool {
    let (name, data) = events.last().unwrap();
    match path {
        "/openai/v1/responses" => name == "response.completed",
        "/anthropic/v1/messages" => name == "message_stop",
        _ => data == "[DONE]",
    }
}

/// The message of the error in the last event.
fn failure(events: &[(String, String)]) -> String {
    let event: Value = serde_json::from_str(&events.last().unwrap().1).unwrap();
    event["error"]["message"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned()
}

fn filtering(response: &str) -> String {
    let rule = format!("detect: [credit_card]\n    prompt: report\n    response: {response}\n");
    format!("{ALLOW_ALL}sensitive:\n  - id: pii\n    {rule}")
}

/// The outcome of a call whose intent says what was asked for.
fn recorded(warden: &TestWarden, response: &Response, operation: &str, model: &str, stream: bool) -> Record {
    let id = response.decision_id();
    let journal = warden.journal();
    let intent = journal.intents().find(|intent| intent.request_id() == Some(&id)).expect("an intent");
    assert_eq!((intent.text("operation"), &intent.0["stream"]), (operation, &json!(stream)), "{intent:?}");
    assert!(intent.mentions(model), "{intent:?}");
    let outcome = warden.record_of(response);
    assert_eq!(outcome.text("end_state"), "complete", "{outcome:?}");
    outcome
}

#[test]
fn every_route_answers_whole_and_in_pieces_with_a_key_of_either_kind() {
    let warden = Setup::new().start();
    let bearer = warden.add_bearer("payments", "chat");
    for (path, model, operation) in ROUTES {
        let plain = call(path, &body(path, model, "say: hello there"));
        let signed = warden.send(plain.clone());
        let token = warden.tls().send(&plain.bearer(&bearer, &warden.authority()));
        for response in [signed, token] {
            assert_eq!(whole(&response.assert_ok().json()), "hello there", "{path}");
            let outcome = recorded(&warden, &response, operation, model, false);
            assert!(outcome.number("out_tokens").is_some(), "{outcome:?}");
        }
        let response = warden.send(streamed(path, model, "say: hello there"));
        let outcome = recorded(&warden, &response, operation, model, true);
        assert!(!outcome.text("stop_reason").is_empty(), "{outcome:?}");
        let kind = response.assert_ok().header("content-type").unwrap().to_owned();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let events = events(&response);
        assert_eq!(pieces(&events), "hello there", "{path} {events:?}");
        assert!(ends_well(path, &events), "{path} {events:?}");
    }
    for seen in warden.upstream().iter().filter(|seen| seen.path() != "/foundation-models") {
        assert!(seen.signature_ok() && ROUTES.iter().any(|(path, ..)| *path == seen.path()), "{seen:?}");
        assert_eq!(seen.header("x-amzn-bedrock-request-metadata"), None);
    }
}

#[test]
fn a_stream_of_chat_counts_tokens_only_where_the_caller_asks_for_them() {
    let warden = Setup::new().start();
    for asks in [false, true] {
        let mut body = body("/v1/chat/completions", GPT, "say: hello");
        body["stream"] = true.into();
        if asks {
            body["stream_options"] = json!({ "include_usage": true });
        }
        let response = warden.send(call("/v1/chat/completions", &body));
        let record = warden.record_of(&response);
        assert_eq!(record.number("out_tokens").is_some(), asks, "{record:?}");
    }
}

#[test]
fn an_answer_is_redacted_whole_and_in_pieces_wherever_it_is_repeated() {
    let warden = Setup::new().org(&filtering("redact")).start();
    let (prompt, clean) = (
        format!("say: pay {CARD} now, or {CARD}"),
        "pay {CREDIT_DEBIT_CARD_NUMBER} now, or {CREDIT_DEBIT_CARD_NUMBER}",
    );
    for (path, model, _) in ROUTES {
        let response = warden.send(call(path, &body(path, model, &prompt)));
        assert_eq!(whole(&response.assert_ok().json()), clean, "{path}");
        let response = warden.send(streamed(path, model, &prompt));
        let record = warden.record_of(&response);
        let events = events(&response);
        assert_eq!(pieces(&events), clean, "{path} {events:?}");
        assert!(ends_well(path, &events), "{path} {events:?}");
        assert!(!response.text().contains("1111"), "{path} {}", response.text());
        if path == "/openai/v1/responses" {
            let repeated =
                events.iter().filter(|(name, data)| data.contains(clean) && !name.ends_with("delta")).count();
            assert_eq!(repeated, 4, "{events:?}");
        }
        let findings = record.0["findings"].to_string();
        assert!(findings.contains("\"count\":2") || findings.contains(":2"), "{path}: {findings}");
    }
}

#[test]
fn what_a_tool_is_called_with_is_redacted_and_still_parses() {
    let warden = Setup::new().org(&filtering("redact")).start();
    let path = "/openai/v1/responses";
    let mut body = body(path, GPT, &format!("say: {CARD}"));
    body["tools"] = json!([{ "type": "function", "name": "pay", "parameters": {} }]);
    body["tool_choice"] = json!({ "type": "function", "name": "pay" });
    body["stream"] = true.into();
    let response = warden.send(call(path, &body));
    let events = events(response.assert_ok());
    assert!(!response.text().contains("1111"), "{events:?}");
    let expected = json!({ "text": "{CREDIT_DEBIT_CARD_NUMBER}" });
    assert_eq!(serde_json::from_str::<Value>(&pieces(&events)).unwrap(), expected, "{events:?}");
    let last: Value = serde_json::from_str(&events.last().unwrap().1).unwrap();
    let arguments = last["response"]["output"][0]["arguments"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(arguments).unwrap(), expected);
}

#[test]
fn an_answer_that_is_denied_ends_with_an_error_of_the_route() {
    let warden = Setup::new().org(&filtering("deny")).start();
    for (path, model, _) in ROUTES {
        let prompt = format!("say: this is your card {CARD}, keep it");
        let response = warden.send(streamed(path, model, &prompt));
        let record = warden.record_of(&response);
        let events = events(&response);
        assert!(!ends_well(path, &events) && !response.text().contains("1111"), "{path} {events:?}");
        assert!(failure(&events).contains("org/sensitive/pii"), "{path} {events:?}");
        assert_eq!(record.text("end_state"), "policy_abort", "{record:?}");
        let response = warden.send(call(path, &body(path, model, &prompt)));
        assert_eq!(response.status, 400, "{path} {}", response.text());
        assert!(response.json()["error"]["message"].as_str().unwrap().contains("org/sensitive/pii"));
    }
}

#[test]
fn a_stream_that_breaks_never_looks_whole() {
    let warden = Setup::new().start();
    for fault in ["truncate-frame", "bad-crc", "exception-mid-stream"] {
        for (path, model, _) in ROUTES {
            let response = warden.send(streamed(path, model, &format!("simulate: {fault}")));
            let record = warden.record_of(&response);
            let events = events(&response);
            assert!(events.len() > 2 && !ends_well(path, &events), "{fault} {path} {events:?}");
            assert!(!failure(&events).is_empty(), "{fault} {path} {events:?}");
            assert_eq!(record.text("end_state"), "upstream_abort", "{fault} {path} {record:?}");
            assert_eq!(record.text("error_code"), "ModelStreamErrorException", "{fault} {path}");
        }
    }
}

#[test]
fn refusals_have_the_form_that_the_clients_of_a_route_read() {
    let team = "allow:\n  - models: [\"anthropic.claude-3-haiku-*\", \"openai.gpt-oss-20b-1:0\"]\n\
                limits:\n  - temperature: { max: 0.5 }\n";
    let warden = Setup::new().team(team).start();
    for (path, model, _) in ROUTES {
        let forbidden = body(path, "openai.gpt-oss-120b-1:0", "hello");
        let mut hot = body(path, model, "hello");
        hot["temperature"] = json!(0.9);
        let mut odd = body(path, model, "hello");
        odd["conversation_memory"] = json!("x");
        for (body, status, code, kind, mention) in [
            (&forbidden, 403, "AccessDeniedException", "permission_error", "payments/allow"),
            (&hot, 400, "ValidationException", "invalid_request_error", "payments/limits"),
            (&odd, 403, "AccessDeniedException", "permission_error", "conversation_memory"),
        ] {
            let response = warden.send(call(path, body));
            let answer = response.json();
            assert_eq!((response.status, response.error_type()), (status, code), "{path} {answer}");
            assert_eq!(answer["error"]["type"], kind, "{path} {answer}");
            assert!(answer["error"]["message"].as_str().unwrap().contains(mention), "{path} {answer}");
            let is_anthropic = path.starts_with("/anthropic");
            assert_eq!(answer["type"] == "error", is_anthropic, "{answer}");
            assert_eq!(answer["error"]["code"] == code, !is_anthropic, "{answer}");
        }
    }
    for (path, shape) in [
        ("/openai/v1/files", "code"),
        ("/openai/v1/responses/resp_1", "code"),
        ("/anthropic/v1/messages/count_tokens", "type"),
    ] {
        let response = warden.send(call(path, &json!({ "model": GPT })));
        assert_eq!(response.status, 403, "{path}");
        assert!(response.json()["error"][shape].is_string(), "{path} {}", response.text());
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_model_is_judged_with_and_without_its_version() {
    let team = format!("{ALLOW_ALL}deny:\n  - {{ id: big, models: [\"openai.gpt-oss-120b-1:0\"] }}\n");
    let warden = Setup::new().team(&team).start();
    let path = "/openai/v1/chat/completions";
    for (model, status) in [("openai.gpt-oss-120b", 403), ("openai.gpt-oss-20b", 200)] {
        let response = warden.send(call(path, &body(path, model, "say: hello")));
        assert_eq!(response.status, status, "{model} {}", response.text());
    }
}

#[test]
fn a_guardrail_is_put_into_the_headers_of_every_route() {
    let guardrail = "guardrail:\n  - oneOf: [\"gr0corp:7\"]\n    missing: inject\n";
    let warden = Setup::new().org(&format!("{ALLOW_ALL}{guardrail}")).start();
    for (path, model, _) in ROUTES {
        let plain = call(path, &body(path, model, "say: hello"));
        warden.send(plain.clone()).assert_ok();
        let other = plain
            .header("x-amzn-bedrock-guardrailidentifier", "gr0mine")
            .header("x-amzn-bedrock-guardrailversion", "1");
        assert_eq!(warden.send(other).status, 403, "{path}");
    }
    let seen = warden.upstream();
    assert_eq!(seen.len(), ROUTES.len());
    for seen in seen {
        assert_eq!(seen.header("x-amzn-bedrock-guardrailidentifier"), Some("gr0corp"), "{seen:?}");
        assert_eq!(seen.header("x-amzn-bedrock-guardrailversion"), Some("7"), "{seen:?}");
    }
}

#[test]
fn headers_of_anthropic_cross_to_its_route_only_and_hold_nothing_but_features() {
    let warden = Setup::new().start();
    for (path, model, _) in ROUTES {
        let plain = call(path, &body(path, model, "say: hello"));
        warden.send(plain.clone().header("anthropic-beta", "token-efficient-tools-2025-02-19")).assert_ok();
        let seen = warden.upstream().pop().unwrap();
        let is_anthropic = path.starts_with("/anthropic");
        assert_eq!(seen.header("anthropic-version").is_some(), is_anthropic, "{seen:?}");
        assert_eq!(seen.header("anthropic-beta").is_some(), is_anthropic, "{seen:?}");
        let response = warden.send(plain.header("anthropic-beta", "Jane.Doe@example.com"));
        assert_eq!(response.status, if is_anthropic { 400 } else { 200 }, "{path}");
    }
}

#[test]
fn the_list_of_models_is_cut_down_to_what_the_caller_may_use() {
    let warden = Setup::new().team("allow:\n  - models: [\"openai.gpt-oss-20b-*\"]\n").start();
    for path in ["/openai/v1/models", "/v1/models"] {
        let response = warden.send(Call::new("GET", path, ""));
        let answer = response.assert_ok().json();
        let ids: Vec<_> = answer["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
        assert_eq!((ids, &answer["object"]), (vec![&json!(GPT)], &json!("list")), "{path}");
    }
}
