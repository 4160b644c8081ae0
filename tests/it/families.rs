//! Every family of models through the whole product: bounded by one rule, answered whole and in pieces, counted alike;
//! and what of a request nobody could look into.

use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, converse_body, label, tiny_png};
use crate::support::frames::decode;
use crate::support::warden::{ALLOW_ALL, Setup};

/// Models of families that talk, a request for each without its limit, and where the limit stands.
fn talking() -> Vec<(&'static str, Value, &'static str)> {
    let chat = json!({ "messages": [{ "role": "user", "content": "say: one two three four" }] });
    let prompt = json!({ "prompt": "say: one two three four" });
    vec![
        ("ai21.jamba-1-5-mini-v1:0", chat.clone(), "/max_tokens"),
        ("cohere.command-r-v1:0", json!({ "message": "say: one two three four" }), "/max_tokens"),
        ("meta.llama3-8b-instruct-v1:0", prompt.clone(), "/max_gen_len"),
        ("mistral.mistral-7b-instruct-v0:2", prompt.clone(), "/max_tokens"),
        ("us.mistral.pixtral-large-2502-v1:0", chat.clone(), "/max_tokens"),
        ("us.deepseek.r1-v1:0", prompt, "/max_tokens"),
        ("us.deepseek.r1-v1:0", chat.clone(), "/max_tokens"),
        ("openai.gpt-oss-20b-1:0", chat.clone(), "/max_completion_tokens"),
        ("us.writer.palmyra-x5-v1:0", chat.clone(), "/max_tokens"),
        ("moonshotai.kimi-k2.5", chat, "/max_tokens"),
        (
            "twelvelabs.pegasus-1-2-v1:0",
            json!({ "inputPrompt": "say: one two three four",
                "mediaSource": { "s3Location": { "uri": "s3://bucket/film.mp4" } } }),
            "/maxOutputTokens",
        ),
    ]
}

#[test]
fn every_family_that_talks_is_given_a_limit_and_counted() {
    let rule = format!("{ALLOW_ALL}limits:\n  - maxTokens: {{ max: 2, over: clamp }}\n");
    let warden = Setup::new().org(&rule).start();
    for (model, body, limit) in talking() {
        for operation in ["invoke", "invoke-with-response-stream"] {
            let target = format!("/model/{}/{operation}", label(model));
            let response = warden.send(Call::new("POST", target, body.to_string()));
            response.assert_ok();
            let sent = warden.upstream().last().unwrap().json();
            assert_eq!(sent.pointer(limit), Some(&json!(2)), "{model}: {sent}");
            let outcome = warden.record_of(&response);
            assert_eq!(outcome.text("end_state"), "complete", "{model} {operation}");
            assert_eq!(outcome.number("out_tokens"), Some(2), "{model} {operation}");
            assert!(outcome.number("in_tokens") > Some(0), "{model} {operation}");
            assert!(!outcome.text("stop_reason").is_empty(), "{model} {operation}");
            if operation != "invoke" {
                assert!(decode(&response.body).len() > 1, "{model}");
            }
        }
    }
}

#[test]
fn a_body_that_names_another_model_than_the_path_is_refused() {
    let warden = Setup::new().org(ALLOW_ALL).start();
    let body =
        |model: &str| json!({ "model": model, "messages": [{ "role": "user", "content": "say: hi" }] });
    let send = |body: Value| warden.send(Call::invoke_with("qwen.qwen3-32b-v1:0", body.to_string()));
    send(body("qwen.qwen3-32b-v1:0")).assert_ok();
    let message = send(body("openai.gpt-oss-120b-1:0")).assert_refused(403, "AccessDeniedException");
    assert!(message.contains("another model"), "{message}");
    assert_eq!(warden.upstream().len(), 1);
}

#[test]
fn families_that_do_not_talk_are_answered() {
    let warden = Setup::new().org(ALLOW_ALL).start();
    let rows = [
        (
            "amazon.titan-embed-image-v1",
            json!({ "inputText": "rain", "inputImage": tiny_png() }),
            "/embedding/0",
        ),
        (
            "amazon.nova-canvas-v1:0",
            json!({ "taskType": "TEXT_IMAGE", "textToImageParams": { "text": "rain" } }),
            "/images/0",
        ),
        (
            "amazon.nova-2-multimodal-embeddings-v1:0",
            json!({ "taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": { "text": { "value": "rain" } } }),
            "/embeddings/0/embedding/0",
        ),
        ("amazon.rerank-v1:0", json!({ "query": "rain", "documents": ["wind"] }), "/results/0/index"),
        (
            "cohere.rerank-v3-5:0",
            json!({ "query": "rain", "documents": ["wind"], "api_version": 2 }),
            "/results/0",
        ),
        ("stability.sd3-5-large-v1:0", json!({ "prompt": "rain" }), "/images/0"),
        (
            "twelvelabs.marengo-embed-2-7-v1:0",
            json!({ "inputType": "text", "inputText": "rain" }),
            "/data/0/embedding/0",
        ),
    ];
    for (model, body, member) in rows {
        let response = warden.send(Call::invoke_with(model, body.to_string()));
        assert!(response.assert_ok().json().pointer(member).is_some(), "{model}: {}", response.text());
    }
}

#[test]
fn models_that_answer_asynchronously_are_refused_with_a_way_out() {
    let warden = Setup::new().org(ALLOW_ALL).start();
    for model in ["amazon.nova-reel-v1:0", "luma.ray-v2:0"] {
        let response = warden.send(Call::invoke_with(model, json!({ "prompt": "rain" }).to_string()));
        assert!(matches!(response.status, 400 | 403), "{}", response.text());
        assert!(response.message().contains("StartAsyncInvoke"), "{}", response.message());
    }
    assert!(warden.upstream().is_empty());
}

#[test]
fn what_nobody_could_look_into_is_recorded_and_can_be_refused() {
    let mut body = converse_body("say: hello");
    let image = json!({ "image": { "format": "png", "source": { "bytes": tiny_png() } } });
    let film =
        json!({ "video": { "format": "mp4", "source": { "s3Location": { "uri": "s3://bucket/film" } } } });
    let content = body["messages"][0]["content"].as_array_mut().unwrap();
    content.extend([image, film]);

    let warden = Setup::new().org(ALLOW_ALL).start();
    let response = warden.send(Call::converse_with(HAIKU, &body));
    response.assert_ok();
    let journal = warden.journal();
    let intent = journal.intents().next().unwrap();
    assert!(intent.number("inspected_bytes") > Some(10));
    for text in ["/messages/0/content/1/image/source/bytes", "/messages/0/content/2/video/source/s3Location"]
    {
        assert!(intent.mentions(text), "{text}");
    }

    let strict = format!("{ALLOW_ALL}content:\n  - uninspected: [image]\n");
    let warden = Setup::new().org(&strict).start();
    let message = warden.send(Call::converse_with(HAIKU, &body)).assert_refused(403, "AccessDeniedException");
    assert!(message.contains("s3 content that cannot be inspected"), "{message}");
    body["messages"][0]["content"].as_array_mut().unwrap().pop();
    warden.send(Call::converse_with(HAIKU, &body)).assert_ok();
}
