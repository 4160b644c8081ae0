//! The double and the warden's readers, held against each other: what one writes, the other reads.
//!
//! For every model of the catalogue: the request is understood, the answer says the same whole and in pieces, and the
//! counts of body, chunks, metrics and headers agree.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::bedrock::format::Format;
use crate::bedrock::invoke;
use crate::bedrock::json::Document;
use crate::bedrock::stream::{Announced, Kind, Piece};
use crate::bedrock::view::{self, TextRole};
use crate::simulator::catalogue::MODELS;

const WORDS: &str = "Bonjour, 4111 1111 1111 1111!";

/// A request for each family, which dictates what a talking model answers.
pub(super) fn requests(family: Family) -> Vec<Value> {
    let say = format!("say: {WORDS}");
    let blocks = json!([{"role": "user", "content": [{"text": say}]}]);
    let chat = json!({"messages": [{"role": "user", "content": say}]});
    match family {
        Family::TitanText => vec![json!({"inputText": say})],
        Family::TitanEmbed | Family::TitanMultimodalEmbed => vec![json!({"inputText": "rain"})],
        Family::AmazonImage => {
            vec![json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "rain"},
                "imageGenerationConfig": {"numberOfImages": 2}})]
        }
        Family::Nova => vec![json!({"messages": blocks})],
        Family::NovaEmbed => {
            vec![json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": {
                "embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 256, "text": {"value": "rain"}}})]
        }
        Family::NovaReel => vec![json!({"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "rain"}})],
        Family::Jurassic2 => vec![json!({"prompt": say})],
        Family::ClaudeText => vec![
            json!({"prompt": format!("\n\nHuman: {say}\n\nAssistant:"), "max_tokens_to_sample": 99}),
            json!({"messages": chat["messages"], "max_tokens": 99, "anthropic_version": "bedrock-2023-05-31"}),
        ],
        Family::ClaudeMessages => {
            vec![
                json!({"messages": chat["messages"], "max_tokens": 99, "anthropic_version": "bedrock-2023-05-31"}),
            ]
        }
        Family::CohereCommand => {
            vec![json!({"prompt": say, "stream": true}), json!({"prompt": say, "stream": false})]
        }
        Family::CohereCommandR => vec![json!({"message": say, "preamble": "be brief"})],
        Family::CohereEmbed => vec![json!({"texts": ["rain"], "input_type": "search_query"})],
        Family::Rerank => vec![json!({"query": "rain", "documents": ["wind", {"text": "rain"}], "top_n": 1})],
        // Sessions have their own tests.
        Family::NovaSonic => Vec::new(),
        Family::Llama => vec![json!({"prompt": say, "max_gen_len": 99})],
        Family::Mistral | Family::DeepSeek => vec![json!({"prompt": say, "max_tokens": 99}), chat],
        Family::MistralChat | Family::Jamba | Family::OpenAi | Family::OpenAiChat => vec![chat],
        Family::StableDiffusionXl => vec![json!({"text_prompts": [{"text": "rain"}]})],
        Family::StabilityImage | Family::LumaRay => vec![json!({"prompt": "rain"})],
        Family::Marengo => vec![json!({"inputType": "text", "inputText": "rain"})],
        Family::Pegasus => {
            vec![json!({"inputPrompt": say, "mediaSource": {"s3Location": {"uri": "s3://b/k"}}})]
        }
    }
}

pub(super) fn with_exchange<T>(
    model: &Model,
    body: &Value,
    act: impl FnOnce(Family, &Exchange<'_>, &mut Random) -> T,
) -> T {
    let fields = Fields::of(body).unwrap();
    let family = model.family.of_body(&fields);
    let prompt = family.read(&fields).unwrap_or_else(|error| panic!("{} {body}: {error}", model.id));
    let mut random = prompt.random(model.id);
    let completions = if family.talks() { prompt.complete(&mut random) } else { Vec::new() };
    act(family, &Exchange { model, body: &fields, prompt: &prompt, completions: &completions }, &mut random)
}

fn format(model: &Model) -> Format {
    Format::of_family(
        invoke::Family::of_model(model.id).unwrap_or_else(|| panic!("{} has no reader", model.id)),
    )
}

/// Every count that `told` has is the one that `known` has.
fn agrees(told: view::Usage, known: view::Usage) -> bool {
    (told.input.is_none() || told.input == known.input)
        && (told.output.is_none() || told.output == known.output)
}

fn counted(exchange: &Exchange<'_>) -> view::Usage {
    let (input, output) = (exchange.prompt.tokens(), exchange.output_tokens());
    view::Usage { input: Some(input as u64), output: Some(output as u64), ..view::Usage::default() }
}

#[test]
fn requests_of_every_model_are_understood() {
    for model in MODELS {
        for body in requests(model.family) {
            let source = body.to_string();
            let document = Document::parse(source.as_bytes()).unwrap();
            let view = format(model)
                .decode(&document)
                .unwrap_or_else(|error| panic!("{} {body}: {error}", model.id));
            for text in with_exchange(model, &body, |_, exchange, _| exchange.prompt.texts.clone()) {
                let read = |known: &view::Text<'_>| text.contains(known.text.as_ref());
                assert!(view.texts.iter().any(read), "{}: {text}", model.id);
            }
        }
    }
}

#[test]
fn whole_answers_of_every_model_are_read() {
    for model in MODELS {
        for body in requests(model.family) {
            with_exchange(model, &body, |family, exchange, random| {
                let Ok(whole) = family.whole(exchange, random) else {
                    assert!(matches!(family, Family::NovaReel | Family::LumaRay), "{}", model.id);
                    return;
                };
                let source = whole.to_string();
                let document = Document::parse(source.as_bytes()).unwrap();
                let answer = format(model).answer(&document);
                let said: Vec<_> =
                    answer.texts.iter().filter(|text| text.role == TextRole::Assistant).collect();
                if family.talks() {
                    assert!(said.iter().any(|text| text.text == WORDS), "{}: {whole}", model.id);
                    assert!(answer.stop_reason.is_some(), "{}: {whole}", model.id);
                } else {
                    assert!(said.is_empty(), "{}: {whole}", model.id);
                }
                assert!(agrees(answer.usage, counted(exchange)), "{}: {:?}", model.id, answer.usage);
            });
        }
    }
}

#[test]
fn answers_of_every_model_follow_from_the_request() {
    for model in MODELS {
        for body in requests(model.family) {
            let answer = || {
                with_exchange(model, &body, |family, exchange, random| {
                    (family.whole(exchange, random).ok(), family.chunks(exchange, random))
                })
            };
            assert_eq!(answer(), answer(), "{}", model.id);
        }
    }
}

#[test]
fn streams_of_every_model_say_and_count_what_whole_answers_do() {
    for model in MODELS.iter().filter(|model| model.streams) {
        for body in requests(model.family) {
            with_exchange(model, &body, |family, exchange, random| {
                let mut chunks = family.chunks(exchange, random).unwrap_or_else(|| panic!("{}", model.id));
                let known = counted(exchange);
                for metrics in [false, true] {
                    if metrics && let Some(last) = chunks.iter_mut().rev().find(|chunk| chunk.is_object()) {
                        last["amazon-bedrock-invocationMetrics"] =
                            json!({"inputTokenCount": known.input, "outputTokenCount": known.output});
                    }
                    let mut reader = format(model).stream();
                    let (mut said, mut beside) = (String::new(), String::new());
                    for chunk in &chunks {
                        let event =
                            json!({"bytes": STANDARD.encode(chunk.to_string()), "p": "abc"}).to_string();
                        let observed = reader.read(Announced::Event("chunk"), event.as_bytes());
                        let observed =
                            observed.unwrap_or_else(|error| panic!("{} {chunk}: {error}", model.id));
                        for Piece { text, kind, .. } in observed.pieces {
                            match kind {
                                Kind::Words(0) => said.push_str(&text),
                                Kind::Repeated => {}
                                _ => beside.push_str(&text),
                            }
                        }
                    }
                    assert_eq!(said, WORDS, "{}", model.id);
                    // Command repeats the prompt as well, which holds the words.
                    assert!(!beside.contains(WORDS) || beside.contains("say: "), "{}: {beside}", model.id);
                    assert!(reader.finished() && reader.stop_reason().is_some(), "{}", model.id);
                    assert!(agrees(reader.usage(), known), "{}: {:?}", model.id, reader.usage());
                    let told = view::Usage { cache_read: None, cache_write: None, ..reader.usage() };
                    assert!(!metrics || told == known, "{}: {told:?}", model.id);
                }
            });
        }
    }
}
