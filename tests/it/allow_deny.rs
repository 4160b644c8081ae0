//! Policy and request in, decision out, through the socket.
//!
//! Each row is one request against one pair of policy files. What is allowed must have reached Bedrock, what is denied
//! must not have.

use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, TITAN, claude_body, converse_body, tiny_png, titan_body};
use crate::support::http::Response;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const EU_SONNET: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const US_SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const OPUS: &str = "anthropic.claude-opus-4-1-20250805-v1:0";
const NOVA: &str = "amazon.nova-lite-v1:0";

/// What a request must come to.
enum Expected {
    Allowed,
    /// Allowed, and the forwarded body has this at this pointer.
    AllowedWith(&'static str, Value),
    /// Refused with this error; the message mentions the rule and whatever helps.
    Denied(&'static str, &'static [&'static str]),
    Invalid(&'static [&'static str]),
}

use Expected::{Allowed, AllowedWith, Denied, Invalid};

const ACCESS: &str = "AccessDeniedException";

#[test]
fn a_model_is_used_only_where_org_and_team_grant_it() {
    let warden = Setup::new()
        .org("allow:\n  - models: [\"anthropic.claude-*\", \"amazon.titan-*\"]\n")
        .team("allow:\n  - models: [\"anthropic.claude-3-haiku-*\", \"amazon.nova-*\", \"amazon.titan-*\"]\n")
        .start();
    judge(
        &warden,
        vec![
            ("granted by both", hello(HAIKU), Allowed),
            ("granted to InvokeModel too", Call::invoke(HAIKU, "say: hello"), Allowed),
            ("another family", Call::invoke_with(TITAN, titan_body("say: hello").to_string()), Allowed),
            ("a profile of a granted model", hello("us.anthropic.claude-3-haiku-20240307-v1:0"), Allowed),
            ("not by the team", hello(OPUS), Denied(ACCESS, &["payments/allow", OPUS, "payments/checkout"])),
            ("not by the org", hello(NOVA), Denied(ACCESS, &["org/allow", NOVA])),
            (
                "by nobody",
                hello("meta.llama3-70b-instruct-v1:0"),
                Denied(ACCESS, &["org/allow", "payments/allow"]),
            ),
            (
                "a name of a model that is not granted",
                hello("arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/deployed0001"),
                Denied(ACCESS, &["org/allow"]),
            ),
        ],
    );
}

#[test]
fn a_deny_rule_beats_every_grant() {
    let deny = "deny:\n\
                \x20 - id: no-opus\n    models: [\"anthropic.claude-opus-*\"]\n    message: Opus is for fraud review.\n\
                \x20 - id: no-computer-use\n    when: { tools: [\"computer*\"] }\n";
    let warden = Setup::new().org(&format!("{ALLOW_ALL}{deny}")).start();
    let tool = |name: &str| {
        let mut body = converse_body("say: hello");
        body["toolConfig"] = json!({ "tools": [
            { "toolSpec": { "name": name, "description": "a tool", "inputSchema": { "json": { "type": "object" } } } },
        ] });
        Call::converse_with(HAIKU, &body)
    };
    judge(
        &warden,
        vec![
            ("another model", hello(HAIKU), Allowed),
            ("another model by a profile", hello(US_SONNET), Allowed),
            ("by model", hello(OPUS), Denied(ACCESS, &["org/deny/no-opus", "Opus is for fraud review"])),
            (
                "by a profile of the model",
                hello(&format!("us.{OPUS}")),
                Denied(ACCESS, &["org/deny/no-opus", "Opus is for fraud review"]),
            ),
            ("a harmless tool", tool("weather"), Allowed),
            ("by tool", tool("computer_20250124"), Denied(ACCESS, &["org/deny/no-computer-use"])),
        ],
    );
}

#[test]
fn residency_is_judged_by_where_a_profile_may_run() {
    let warden = Setup::new().org(&format!("{ALLOW_ALL}residency:\n  - in: [eu]\n")).start();
    judge(
        &warden,
        vec![
            ("an EU profile", hello(EU_SONNET), Allowed),
            ("a US profile", hello(US_SONNET), Denied(ACCESS, &["org/residency", "eu"])),
            ("the endpoint's own region", hello(SONNET), Denied(ACCESS, &["org/residency"])),
            ("anywhere", hello(&format!("global.{SONNET}")), Denied(ACCESS, &["org/residency"])),
        ],
    );
}

#[test]
fn parameters_stay_within_the_tightest_limit() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}limits:\n  - maxTokens: {{ max: 8000, over: clamp }}\n    temperature: {{ max: 1.0, over: deny }}\n"))
        .team(&format!(
            "{ALLOW_ALL}limits:\n  - maxTokens: {{ max: 500, default: 100, over: clamp }}\n    temperature: {{ max: 0.5, over: deny }}\n    topP: {{ max: 0.9, over: clamp }}\n"
        ))
        .start();
    let tokens = "/inferenceConfig/maxTokens";
    judge(
        &warden,
        vec![
            (
                "within",
                with(json!({ "maxTokens": 400, "temperature": 0.5 })),
                AllowedWith(tokens, json!(400)),
            ),
            ("at the bound", with(json!({ "maxTokens": 500 })), AllowedWith(tokens, json!(500))),
            ("clamped", with(json!({ "maxTokens": 501 })), AllowedWith(tokens, json!(500))),
            ("absent", with(json!({})), AllowedWith(tokens, json!(100))),
            (
                "clamped elsewhere",
                with(json!({ "topP": 0.99 })),
                AllowedWith("/inferenceConfig/topP", json!(0.9)),
            ),
            (
                "too hot",
                with(json!({ "temperature": 0.51 })),
                Invalid(&["payments/limits", "temperature", "0.5"]),
            ),
            (
                "too hot for both",
                with(json!({ "temperature": 1.5 })),
                Invalid(&["org/limits", "payments/limits"]),
            ),
            (
                "in Claude's own spelling",
                Call::invoke_with(HAIKU, claude_with(9999).to_string()),
                AllowedWith("/max_tokens", json!(500)),
            ),
            (
                "smuggled beside Converse",
                Call::converse_with(HAIKU, &{
                    let mut body = converse_body("say: hello");
                    body["additionalModelRequestFields"] = json!({ "temperature": 0.9 });
                    body
                }),
                Invalid(&["payments/limits", "temperature"]),
            ),
        ],
    );
}

#[test]
fn every_family_is_clamped_in_its_own_spelling() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}limits:\n  - maxTokens: {{ max: 100, over: clamp }}\n"))
        .start();
    let claude_2 = "\n\nHuman: say: hello\n\nAssistant:";
    let user = json!([{ "role": "user", "content": [{ "text": "say: hello" }] }]);
    let rows = [
        ("amazon.titan-text-lite-v1", titan_with(999), "/textGenerationConfig/maxTokenCount"),
        (
            "amazon.titan-text-express-v1",
            json!({ "inputText": "say: hello" }),
            "/textGenerationConfig/maxTokenCount",
        ),
        ("ai21.j2-mid-v1", json!({ "prompt": "say: hello", "maxTokens": 999 }), "/maxTokens"),
        ("ai21.j2-ultra-v1", json!({ "prompt": "say: hello" }), "/maxTokens"),
        (
            "anthropic.claude-v2:1",
            json!({ "prompt": claude_2, "max_tokens_to_sample": 999 }),
            "/max_tokens_to_sample",
        ),
        (HAIKU, claude_with(999), "/max_tokens"),
        ("cohere.command-text-v14", json!({ "prompt": "say: hello", "max_tokens": 999 }), "/max_tokens"),
        (
            NOVA,
            json!({ "messages": user, "inferenceConfig": { "maxTokens": 999 } }),
            "/inferenceConfig/maxTokens",
        ),
        (
            NOVA,
            json!({ "messages": user, "inferenceConfig": { "max_new_tokens": 999 } }),
            "/inferenceConfig/max_new_tokens",
        ),
    ];
    let rows = rows.into_iter().map(|(model, body, pointer)| {
        (model, Call::invoke_with(model, body.to_string()), AllowedWith(pointer, json!(100)))
    });
    judge(&warden, rows.collect());
}

#[test]
fn families_without_a_length_are_served_as_they_are() {
    let warden = Setup::new().start();
    let rows = [
        ("amazon.titan-embed-text-v1", json!({ "inputText": "hello" })),
        (
            "amazon.titan-embed-text-v2:0",
            json!({ "inputText": "hello", "dimensions": 256, "normalize": true }),
        ),
        ("cohere.embed-english-v3", json!({ "texts": ["hello", "world"], "input_type": "search_document" })),
        (
            "stability.stable-diffusion-xl-v1",
            json!({ "text_prompts": [{ "text": "a lighthouse" }], "cfg_scale": 10, "steps": 30, "seed": 0 }),
        ),
    ];
    let rows = rows.into_iter().map(|(model, body)| {
        let sent = body.to_string();
        (model, Call::invoke_with(model, sent), AllowedWith("", body))
    });
    judge(&warden, rows.collect());
}

#[test]
fn content_is_limited_to_what_is_granted() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}content:\n  - modalities: [text]\nlimits:\n  - turns: {{ max: 2 }}\n"))
        .start();
    let mut picture = converse_body("say: hello");
    let image = json!({ "image": { "format": "png", "source": { "bytes": tiny_png() } } });
    picture["messages"][0]["content"].as_array_mut().unwrap().push(image);
    let mut long = converse_body("say: hello");
    let turn = long["messages"][0].clone();
    long["messages"] = json!([turn, { "role": "assistant", "content": [{ "text": "yes?" }] }, turn]);
    judge(
        &warden,
        vec![
            ("text", hello(HAIKU), Allowed),
            ("an image", Call::converse_with(HAIKU, &picture), Denied(ACCESS, &["org/content", "image"])),
            ("a long conversation", Call::converse_with(HAIKU, &long), Invalid(&["org/limits", "turns"])),
        ],
    );
}

#[test]
fn a_guardrail_is_put_where_it_is_missing() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}guardrail:\n  - oneOf: [\"gr0corp:7\"]\n    missing: inject\n"))
        .start();
    let mut other = converse_body("say: hello");
    other["guardrailConfig"] = json!({ "guardrailIdentifier": "gr0mine", "guardrailVersion": "1" });
    let own = |id: &str| {
        Call::invoke(HAIKU, "say: hello")
            .header("x-amzn-bedrock-guardrailidentifier", id)
            .header("x-amzn-bedrock-guardrailversion", "7")
    };
    judge(
        &warden,
        vec![
            (
                "missing in Converse",
                hello(HAIKU),
                AllowedWith("/guardrailConfig/guardrailIdentifier", json!("gr0corp")),
            ),
            ("missing in InvokeModel", Call::invoke(HAIKU, "say: hello"), Allowed),
            (
                "another one",
                Call::converse_with(HAIKU, &other),
                Denied(ACCESS, &["org/guardrail", "gr0corp:7"]),
            ),
            ("another one in headers", own("gr0mine"), Denied(ACCESS, &["org/guardrail"])),
            ("the right one", own("gr0corp"), Allowed),
        ],
    );
    let requests = warden.upstream();
    for seen in requests.iter().filter(|seen| seen.path().ends_with("/invoke")) {
        assert_eq!(seen.header("x-amzn-bedrock-guardrailidentifier"), Some("gr0corp"), "{seen:?}");
        assert_eq!(seen.header("x-amzn-bedrock-guardrailversion"), Some("7"), "{seen:?}");
    }
}

#[test]
fn a_guardrail_that_is_demanded_looks_at_everything_before_anybody_else_does() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}guardrail:\n  - oneOf: [\"gr0corp:7\"]\n    missing: inject\n"))
        .start();
    let native = |config: Value| {
        let mut body = claude_body("say: hello");
        body["amazon-bedrock-guardrailConfig"] = config;
        Call::invoke_with(HAIKU, body.to_string())
    };
    let mut marked = converse_body("say: hello");
    let content = marked["messages"][0]["content"].as_array_mut().unwrap();
    content.push(json!({ "guardContent": { "text": { "text": "hi" } } }));
    judge(
        &warden,
        vec![
            ("a synchronous stream", native(json!({ "streamProcessingMode": "SYNCHRONOUS" })), Allowed),
            (
                "marks in a native prompt",
                native(json!({ "tagSuffix": "x" })),
                Denied(ACCESS, &["org/guardrail", "whole prompt"]),
            ),
            (
                "an answer before it is checked",
                native(json!({ "streamProcessingMode": "ASYNCHRONOUS" })),
                Denied(ACCESS, &["org/guardrail", "streamProcessingMode"]),
            ),
            (
                "a guardrail in a native body",
                native(json!({ "guardrailIdentifier": "gr0mine" })),
                Denied(ACCESS, &["guardrailIdentifier"]),
            ),
            ("marks in Converse", Call::converse_with(HAIKU, &marked), Denied(ACCESS, &["org/guardrail"])),
        ],
    );
}

#[test]
fn what_a_guardrail_stops_is_recorded_alike_in_every_form() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}guardrail:\n  - oneOf: [\"gr0corp:7\"]\n    missing: inject\n"))
        .start();
    let prompt = "intervene: Not here.";
    for call in [
        Call::converse(HAIKU, prompt),
        Call::converse_stream(HAIKU, prompt),
        Call::invoke(HAIKU, prompt),
        Call::invoke_stream(HAIKU, prompt),
    ] {
        let response = warden.send(call);
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(warden.record_of(&response).text("stop_reason"), "guardrail_intervened", "{response:?}");
    }
}

#[test]
fn a_guardrail_that_may_not_be_missing_is_asked_for() {
    let warden = Setup::new()
        .org(&format!("{ALLOW_ALL}guardrail:\n  - oneOf: [\"gr0corp:7\"]\n    missing: deny\n"))
        .start();
    judge(&warden, vec![("missing", hello(HAIKU), Denied(ACCESS, &["org/guardrail", "gr0corp:7"]))]);
}

#[test]
fn a_shadow_rule_changes_nothing_but_the_record() {
    let shadow = "limits:\n  - id: cooler\n    mode: shadow\n    temperature: { max: 0.3, over: deny }\n";
    let warden = Setup::new().team(&format!("{ALLOW_ALL}{shadow}")).start();
    let body = {
        let mut body = converse_body("say: hello");
        body["inferenceConfig"] = json!({ "temperature": 0.7 });
        body
    };
    let response = warden.send(Call::converse_with(HAIKU, &body));
    assert_eq!(response.converse_text(), "hello");
    assert_eq!(warden.upstream_request().body(), body.to_string(), "forwarded byte for byte");
    let journal = warden.journal();
    let intent = journal.intents().next().unwrap();
    assert!(intent.0["shadow"].to_string().contains("payments/limits/cooler"), "{intent:?}");
}

#[test]
fn every_violated_rule_is_named_at_once() {
    let warden = Setup::new()
        .org("allow:\n  - models: [\"anthropic.*\"]\nresidency:\n  - in: [eu]\n")
        .team(&format!("{ALLOW_ALL}limits:\n  - temperature: {{ max: 0.5, over: deny }}\n"))
        .start();
    let mut body = converse_body("say: hello");
    body["inferenceConfig"] = json!({ "temperature": 0.9 });
    let response = warden.send(Call::converse_with("us.amazon.nova-lite-v1:0", &body));
    let message = response.assert_refused(403, ACCESS);
    for rule in ["org/allow", "org/residency", "payments/limits"] {
        assert!(message.contains(rule), "{rule}: {message}");
    }
    let record = warden.record_of(&response);
    for rule in ["org/allow", "org/residency", "payments/limits"] {
        assert!(record.mentions(rule), "{rule}: {record:?}");
    }
}

#[test]
fn a_team_without_a_file_may_use_nothing() {
    let warden = Setup::new().start();
    let stranger = warden.add_caller("marketing", "slogans");
    warden.wait_until_known(&stranger);
    let call = hello(HAIKU).sign(&stranger, &warden.authority());
    let response = warden.tls().send(&call);
    let message = response.assert_refused(403, ACCESS);
    assert!(message.contains("marketing/slogans"), "{message}");
    let record = warden.record_of(&response);
    assert_eq!((record.text("team"), record.text("app")), ("marketing", "slogans"), "{record:?}");
    assert!(warden.upstream().is_empty());
}

#[test]
fn lists_show_what_the_caller_may_use() {
    let warden = Setup::new().team("allow:\n  - models: [\"anthropic.claude-3-*\"]\n").start();
    let response = warden.send(Call::list_models());
    let summaries = response.assert_ok().json()["modelSummaries"].as_array().unwrap().clone();
    assert!(!summaries.is_empty());
    for summary in summaries {
        assert!(summary["modelId"].as_str().unwrap().starts_with("anthropic.claude-3-"), "{summary}");
    }
}

#[test]
fn an_untouched_request_is_forwarded_byte_for_byte() {
    let warden = Setup::new().start();
    // Members in no SDK's order, numbers and escapes as no SDK spells them, white space of every kind.
    let odd = "\r\n{ \"inferenceConfig\":{\"temperature\":0.50,\"topP\":9E-1 ,\"maxTokens\": 64},\n\
               \t\"messages\" : [ {\"content\":[{\"te\\u0078t\":\"say: caf\\u00e9 \u{2713} \\/\"}],\"role\":\"user\"} ] } ";
    let call = Call::new("POST", "/model/anthropic.claude-3-haiku-20240307-v1:0/converse", odd)
        .header("content-type", "application/json");
    assert_eq!(warden.send(call).converse_text(), "café ✓ /");
    let seen = warden.upstream_request();
    assert_eq!(seen.body(), odd);
    assert_eq!(seen.path(), "/model/anthropic.claude-3-haiku-20240307-v1:0/converse");
    assert!(seen.signature_ok());
}

/// What people ask first about a proxy: what is its own share of the time?
#[test]
fn the_record_tells_bedrocks_time_from_the_wardens_own() {
    let warden = Setup::new().start();
    warden.send(Call::converse(HAIKU, "simulate: slow=300")).assert_ok();
    let outcome = warden.only_outcome();
    let number = |member: &str| outcome.number(member).unwrap_or_else(|| panic!("no {member}"));
    let (latency, upstream) = (number("latency_ms"), number("upstream_ms"));
    assert!(upstream >= 300 && latency >= upstream, "{latency} ms in all, {upstream} ms of them Bedrock's");
    assert!(number("overhead_us") <= (latency - upstream + 1) * 1000);
}

fn hello(model: &str) -> Call {
    Call::converse(model, "say: hello")
}

fn with(inference: Value) -> Call {
    let mut body = converse_body("say: hello");
    body["inferenceConfig"] = inference;
    Call::converse_with(HAIKU, &body)
}

fn claude_with(max_tokens: u32) -> Value {
    let mut body = claude_body("say: hello");
    body["max_tokens"] = json!(max_tokens);
    body
}

fn titan_with(max_tokens: u32) -> Value {
    json!({ "inputText": "say: hello", "textGenerationConfig": { "maxTokenCount": max_tokens } })
}

fn judge(warden: &TestWarden, rows: Vec<(&str, Call, Expected)>) {
    for (what, call, expected) in rows {
        let before = warden.upstream().len();
        let response = warden.send(call);
        let forwarded = &warden.upstream()[before..];
        expected.check(what, &response);
        match expected {
            Allowed => assert_eq!(forwarded.len(), 1, "{what}"),
            AllowedWith(pointer, value) => {
                let body = forwarded[0].json();
                assert_eq!(body.pointer(pointer), Some(&value), "{what}: {body}");
            }
            Denied(..) | Invalid(_) => {
                assert_eq!(forwarded.len(), 0, "{what}");
                assert!(warden.record_of(&response).is_denial(), "{what}");
            }
        }
    }
}

impl Expected {
    fn check(&self, what: &str, response: &Response) {
        let (status, error, mentions) = match self {
            Allowed | AllowedWith(..) => {
                assert_eq!(response.status, 200, "{what}: {}", response.text());
                return;
            }
            Denied(error, mentions) => (403, *error, *mentions),
            Invalid(mentions) => (400, "ValidationException", *mentions),
        };
        let seen = (response.status, response.error_type());
        assert_eq!(seen, (status, error), "{what}: {}", response.text());
        let message = response.message();
        for mention in mentions {
            assert!(message.contains(mention), "{what} must mention `{mention}`: {message}");
        }
        assert_eq!(response.decision_id(), response.request_id(), "{what}");
    }
}
