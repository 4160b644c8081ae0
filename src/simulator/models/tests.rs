use serde_json::json;

use super::*;
use crate::bedrock::model::ModelReference;

fn model(id: &str) -> &'static Model {
    Model::resolve(&ModelReference::parse(id).unwrap(), "us-east-1").unwrap()
}

struct Answered {
    whole: Value,
    chunks: Option<Vec<Value>>,
}

fn answer(id: &str, body: &Value) -> Result<Answered, Malformed> {
    let model = model(id);
    let fields = Fields::of(body)?;
    let family = model.family.of_body(&fields);
    let prompt = family.read(&fields)?;
    let mut random = prompt.random(id);
    let completions = prompt.complete(&mut random);
    let exchange = Exchange { model, body: &fields, prompt: &prompt, completions: &completions };
    Ok(Answered {
        whole: family.whole(&exchange, &mut random.clone())?,
        chunks: family.chunks(&exchange, &mut random.clone()),
    })
}

/// Joins what stands at `pointer` in each chunk.
fn joined(chunks: &[Value], pointer: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer(pointer)?.as_str()).collect()
}

const TITAN: &str = "amazon.titan-text-express-v1";
const CLAUDE_2: &str = "anthropic.claude-v2:1";
const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const COMMAND: &str = "cohere.command-text-v14";
const NOVA: &str = "amazon.nova-lite-v1:0";
const JURASSIC: &str = "ai21.j2-mid-v1";
const SDXL: &str = "stability.stable-diffusion-xl-v1";

/// A request of each family that talks, with a token limit, and where its answer and stop word stand.
fn talking(text: &str, limit: usize) -> Vec<(&'static str, Value, [&'static str; 4])> {
    let turns = format!("\n\nHuman: {text}\n\nAssistant:");
    let messages = json!([{"role": "user", "content": [{"type": "text", "text": text}]}]);
    vec![
        (
            TITAN,
            json!({"inputText": text, "textGenerationConfig": {"maxTokenCount": limit}}),
            ["/results/0/outputText", "/results/0/completionReason", "/outputText", "LENGTH"],
        ),
        (
            JURASSIC,
            json!({"prompt": text, "maxTokens": limit}),
            ["/completions/0/data/text", "/completions/0/finishReason/reason", "", "length"],
        ),
        (
            CLAUDE_2,
            json!({"prompt": turns, "max_tokens_to_sample": limit}),
            ["/completion", "/stop_reason", "/completion", "max_tokens"],
        ),
        (
            CLAUDE_2,
            json!({"messages": messages, "max_tokens": limit, "anthropic_version": "bedrock-2023-05-31"}),
            ["/content/0/text", "/stop_reason", "/delta/text", "max_tokens"],
        ),
        (
            HAIKU,
            json!({
                "messages": [{"role": "user", "content": text}],
                "max_tokens": limit,
                "anthropic_version": "bedrock-2023-05-31",
            }),
            ["/content/0/text", "/stop_reason", "/delta/text", "max_tokens"],
        ),
        (
            COMMAND,
            json!({"prompt": text, "max_tokens": limit, "stream": true}),
            ["/generations/0/text", "/generations/0/finish_reason", "/text", "MAX_TOKENS"],
        ),
        (
            NOVA,
            json!({
                "messages": [{"role": "user", "content": [{"text": text}]}],
                "inferenceConfig": {"max_new_tokens": limit},
            }),
            ["/output/message/content/0/text", "/stopReason", "/contentBlockDelta/delta/text", "max_tokens"],
        ),
    ]
}

#[test]
fn every_talking_family_says_what_it_is_told_whole_and_in_pieces() {
    for (id, body, [text, _, piece, _]) in talking("say: Bonjour, 4111 1111 1111 1111!", 100) {
        let answered = answer(id, &body).unwrap();
        assert_eq!(answered.whole.pointer(text).unwrap(), "Bonjour, 4111 1111 1111 1111!", "{id}");
        match answered.chunks {
            Some(chunks) => {
                assert_eq!(joined(&chunks, piece), "Bonjour, 4111 1111 1111 1111!", "{id}");
                assert!(chunks.len() > 3, "{id}: {chunks:?}");
            }
            None => assert_eq!(id, JURASSIC),
        }
    }
}

#[test]
fn every_talking_family_stops_at_the_limit_in_its_own_word() {
    for (id, body, [text, stop, _, word]) in talking("say: one two three", 2) {
        let answered = answer(id, &body).unwrap();
        assert_eq!(answered.whole.pointer(text).unwrap(), "one two ", "{id}");
        assert_eq!(answered.whole.pointer(stop).unwrap(), word, "{id}");
    }
}

#[test]
fn unlimited_answers_follow_from_the_request() {
    for (id, body, _) in talking("Tell me about the weather", 10_000) {
        assert_eq!(answer(id, &body).unwrap().whole, answer(id, &body).unwrap().whole, "{id}");
    }
}

#[test]
fn bodies_are_refused_as_the_service_refuses_them() {
    let claude = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5});
    let with = |name: &str, value: Value| {
        let mut body = claude.clone();
        body[name] = value;
        body
    };
    let messages = json!([{"role": "user", "content": "hi"}]);
    let cases = [
        (HAIKU, claude.clone(), "#: required key [messages] not found"),
        (HAIKU, with("messages", json!([])), "#/messages: expected minimum item count: 1, found: 0"),
        (HAIKU, with("messages", json!([{"role": "robot"}])), "#/messages/0: role is not a valid enum value"),
        (HAIKU, with("model", json!("x")), "#: extraneous key [model] is not permitted"),
        (
            HAIKU,
            json!({"messages": messages, "max_tokens": 5}),
            "#: required key [anthropic_version] not found",
        ),
        (HAIKU, json!([]), "#: expected type: JSONObject, found: JSONArray"),
        (
            CLAUDE_2,
            json!({"prompt": "\n\nHuman: x\n\nAssistant:"}),
            "#: required key [max_tokens_to_sample] not found",
        ),
        (TITAN, json!({"prompt": "x"}), "#: extraneous key [prompt] is not permitted"),
        (
            TITAN,
            json!({"inputText": "x", "textGenerationConfig": {"temperature": 2}}),
            "#/textGenerationConfig/temperature: value is not less or equal to 1",
        ),
        (
            COMMAND,
            json!({"prompt": "x", "num_generations": 9}),
            "#/num_generations: value is not less or equal to 5",
        ),
        (SDXL, json!({"text_prompts": []}), "#/text_prompts: expected minimum item count: 1, found: 0"),
    ];
    for (id, body, complaint) in cases {
        assert_eq!(answer(id, &body).err(), Some(Malformed::new(complaint)), "{id} {body}");
    }
}

#[test]
fn claude_messages_chunks_are_those_of_the_service() {
    let body = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "stop_sequences": ["END"],
        "messages": [{"role": "user", "content": "say: x END y"}],
    });
    let chunks = answer(HAIKU, &body).unwrap().chunks.unwrap();
    let types: Vec<&str> = chunks.iter().map(|chunk| chunk["type"].as_str().unwrap()).collect();
    assert_eq!(types.first(), Some(&"message_start"));
    assert_eq!(types.last(), Some(&"message_stop"));
    assert_eq!(chunks[0]["message"]["model"], "claude-3-haiku-20240307");
    assert_eq!(chunks[0]["message"]["usage"]["input_tokens"], 3);
    let delta = chunks.iter().find(|chunk| chunk["type"] == "message_delta").unwrap();
    assert_eq!(delta["delta"], json!({"stop_reason": "stop_sequence", "stop_sequence": "END"}));
}

#[test]
fn command_streams_its_text_twice_or_whole() {
    let told = |stream: bool| {
        let body = json!({"prompt": "say: hello there", "num_generations": 2, "stream": stream});
        answer(COMMAND, &body).unwrap().chunks.unwrap()
    };
    let pieces = told(true);
    let last = pieces.last().unwrap();
    assert_eq!(last["is_finished"], true);
    assert_eq!(last["response"]["generations"][1]["text"], "hello there");
    assert_eq!(joined(&pieces, "/text"), "hello therehello there", "two answers, each in pieces");
    let whole = told(false);
    assert_eq!(whole.len(), 1);
    assert_eq!(whole[0]["generations"][0]["text"], "hello there");
}

#[test]
fn embeddings_have_the_dimensions_and_precisions_that_are_asked_for() {
    let titan = |id, body: &Value| answer(id, body).unwrap().whole;
    let length = |value: &Value| value.as_array().map(Vec::len);
    let first = titan("amazon.titan-embed-text-v1", &json!({"inputText": "rain"}));
    assert_eq!(length(&first["embedding"]), Some(1536));
    assert_eq!(first["inputTextTokenCount"], 1);
    let second = titan(
        "amazon.titan-embed-text-v2:0",
        &json!({"inputText": "rain", "dimensions": 256, "embeddingTypes": ["binary"]}),
    );
    assert_eq!(length(&second["embeddingsByType"]["binary"]), Some(256));
    assert!(second.get("embedding").is_none());
    let sum: f64 =
        first["embedding"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap().powi(2)).sum();
    assert!((sum - 1.0).abs() < 1e-9);

    let cohere = |types: &[&str]| {
        let mut body = json!({"texts": ["rain", "wind"], "input_type": "search_query"});
        if !types.is_empty() {
            body["embedding_types"] = json!(types);
        }
        answer("cohere.embed-english-v3", &body)
    };
    let floats = cohere(&[]).unwrap().whole;
    assert_eq!((length(&floats["embeddings"]), length(&floats["embeddings"][1])), (Some(2), Some(1024)));
    assert_eq!(
        (&floats["texts"][1], &floats["response_type"]),
        (&json!("wind"), &json!("embeddings_floats"))
    );
    let by_type = cohere(&["int8", "ubinary"]).unwrap().whole;
    assert_eq!(length(&by_type["embeddings"]["int8"][0]), Some(1024));
    assert_eq!(length(&by_type["embeddings"]["ubinary"][0]), Some(128));
    let bytes = by_type["embeddings"]["int8"][0].as_array().unwrap().iter();
    assert!(bytes.map(|value| value.as_i64().unwrap()).all(|value| (-127..=127).contains(&value)));
    assert!(cohere(&["int4"]).is_err());
}

#[test]
fn pictures_are_png_and_carry_their_seeds() {
    use base64::Engine;

    let body = json!({"text_prompts": [{"text": "a dot"}], "seed": 7, "samples": 2});
    let artifacts = answer(SDXL, &body).unwrap().whole["artifacts"].clone();
    assert_eq!((&artifacts[0]["seed"], &artifacts[1]["seed"]), (&json!(7), &json!(8)));
    let encoded = artifacts[1]["base64"].as_str().unwrap();
    let picture = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.ends_with(b"IEND\xae\x42\x60\x82"));
}
