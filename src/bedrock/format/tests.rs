//! What must hold for every format: nothing is overlooked, nothing panics, edits land where they should.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::samples::{self, any_alias, samples};
use super::*;
use crate::bedrock::chat::Api;
use crate::bedrock::fault::Fault;
use crate::bedrock::json::{Edits, Node, Value};
use crate::bedrock::stream::Announced;
use crate::bedrock::view::{Modality, OpaqueKind, Parameter, SettingValue};

fn invoke_formats() -> impl Iterator<Item = Format> {
    Family::ALL.into_iter().map(Format::of_family)
}

fn every_format() -> impl Iterator<Item = Format> {
    invoke_formats().chain([Format::converse()]).chain(Api::ALL.map(Format::of_api))
}

fn decoded<T>(format: Format, body: &str, inspect: impl FnOnce(Result<View<'_>, DecodeError>) -> T) -> T {
    let document = Document::parse(body.as_bytes()).unwrap();
    inspect(format.decode(&document))
}

fn refusal(format: Format, body: &str) -> DecodeError {
    decoded(format, body, |view| view.map(|_| ()).unwrap_err())
}

/// Every string leaf with its place, but for roles and block types, which are checked against a closed list, and markers
/// beside Nova's content.
fn leaves(node: &Node<'_>, name: &str, found: &mut Vec<String>) {
    const CHECKED: &[&str] = &["role", "type", "ttl"];
    match &node.value {
        Value::String(text) if !CHECKED.contains(&name) => found.push(text.to_string()),
        _ => {}
    }
    node.elements().iter().for_each(|element| leaves(element, name, found));
    node.members().iter().for_each(|member| leaves(&member.node, &member.name, found));
}

#[test]
fn every_format_has_a_sample() {
    for format in every_format() {
        assert!(samples().iter().any(|(sampled, _)| *sampled == format), "{}", format.name());
    }
}

#[test]
fn every_string_of_a_request_is_a_text() {
    for (format, body) in samples() {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let view = format.decode(&document).unwrap_or_else(|error| panic!("{}: {error}", format.name()));
        let mut expected = Vec::new();
        leaves(document.root(), "", &mut expected);
        for leaf in expected {
            assert!(
                view.texts.iter().any(|text| text.text == leaf),
                "{}: `{leaf}` is missing",
                format.name()
            );
        }
        for text in view.texts.iter().filter(|text| text.editable) {
            let bytes = source.get(text.span.start..text.span.end).unwrap();
            let node: serde_json::Value = serde_json::from_str(bytes).unwrap();
            let words = node.as_str().map_or_else(|| bytes.to_owned(), str::to_owned);
            assert_eq!(words, text.text, "{}", format.name());
        }
    }
}

/// Every string below `value` in turn, as a mutable place.
fn each_string(value: &mut serde_json::Value, visit: &mut impl FnMut(&mut serde_json::Value)) {
    match value {
        serde_json::Value::String(_) => visit(value),
        serde_json::Value::Array(elements) => elements.iter_mut().for_each(|one| each_string(one, visit)),
        serde_json::Value::Object(members) => members.values_mut().for_each(|one| each_string(one, visit)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

#[test]
fn a_value_in_place_of_any_string_is_seen_or_refused() {
    const FORBIDDEN: &str = "123-45-6789";
    for (format, body) in samples() {
        let mut count = 0;
        each_string(&mut body.clone(), &mut |_| count += 1);
        for chosen in 0..count {
            let (mut body, mut position) = (body.clone(), 0);
            each_string(&mut body, &mut |place| {
                if position == chosen {
                    *place = FORBIDDEN.into();
                }
                position += 1;
            });
            decoded(format, &body.to_string(), |view| {
                let hidden = view.is_ok_and(|view| view.texts.iter().all(|text| text.text != FORBIDDEN));
                assert!(!hidden, "{}: string {chosen} of {body}", format.name());
            });
        }
    }
}

#[test]
fn a_member_that_no_family_has_is_refused_by_every_format() {
    for (format, mut body) in samples() {
        for value in [serde_json::json!(5), serde_json::json!("x"), serde_json::json!({"max_tokens": 9})] {
            body["arbitrary"] = value;
            let error = refusal(format, &body.to_string());
            assert_eq!(error.fault(), Fault::AccessDenied, "{}", format.name());
            assert!(error.to_string().contains("`arbitrary`"), "{error}");
        }
    }
}

#[test]
fn a_body_of_another_family_is_a_denial() {
    let others: [(&str, &[Family]); 5] = [
        (r#"{"model":"x"}"#, &[Family::OpenAi, Family::OpenAiChat]),
        (r#"{"message":"hi","max_tokens":9}"#, &[Family::CohereCommandR]),
        (r#"{"taskType":"TEXT_IMAGE","textToImageParams":{"text":"x"}}"#, &[Family::AmazonImage]),
        (r#"{"generation_config":{"max_output_tokens":9}}"#, &[]),
        (
            r#"{"messages":[],"max_completion_tokens":9}"#,
            &[Family::OpenAi, Family::OpenAiChat, Family::DeepSeek],
        ),
    ];
    for format in invoke_formats() {
        let is_other = |owners: &[Family]| owners.iter().all(|owner| format != Format::of_family(*owner));
        for (body, _) in others.into_iter().filter(|(_, owners)| is_other(owners)) {
            let error = refusal(format, body);
            assert_eq!(error.fault(), Fault::AccessDenied, "{} {body}", format.name());
        }
    }
}

#[test]
fn every_native_body_can_say_how_a_guardrail_looks_at_it_and_none_can_name_one() {
    use crate::bedrock::view::Leak;
    let natives =
        samples().into_iter().filter(|(format, _)| invoke_formats().any(|native| native == *format));
    for (format, mut body) in natives {
        body["amazon-bedrock-guardrailConfig"] =
            serde_json::json!({"tagSuffix": "x", "streamProcessingMode": "ASYNCHRONOUS"});
        decoded(format, &body.to_string(), |view| {
            let leaks: Vec<_> = view.unwrap().leaks.into_iter().collect();
            assert_eq!(leaks, [Leak::Unchecked, Leak::Narrowed], "{}", format.name());
        });
        body["amazon-bedrock-guardrailConfig"] = serde_json::json!({"guardrailIdentifier": "gr1"});
        assert_eq!(refusal(format, &body.to_string()).fault(), Fault::AccessDenied, "{}", format.name());
    }
}

#[test]
fn what_is_no_object_is_refused() {
    for format in every_format() {
        for body in ["[]", "null", "\"text\"", "7", "true"] {
            assert_eq!(refusal(format, body), DecodeError::NotAnObject);
        }
    }
}

#[test]
fn a_missing_parameter_is_set_by_its_insertion() {
    for (format, body) in samples() {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let view = format.decode(&document).unwrap();
        let mut edits = Edits::default();
        for (value, insertion) in (11_u32..).zip(&view.insertions) {
            let path: Vec<&str> = insertion.path.clone();
            edits.insert(insertion.object, insertion.empty, &path, value.to_string());
        }
        let edited = edits.apply(&source);
        let asked: Vec<_> = view.insertions.iter().map(|insertion| insertion.parameter.unwrap()).collect();
        let again = Document::parse(edited.as_bytes()).unwrap();
        let after = format.decode(&again).unwrap();
        assert!(after.insertions.is_empty(), "{}", format.name());
        for (value, parameter) in (11_u32..).zip(asked) {
            assert!(sets(&after, parameter, value), "{}: {parameter}", format.name());
        }
    }
}

#[test]
fn families_that_generate_text_can_be_given_a_token_limit() {
    for (format, body) in samples() {
        let generates = match format.wire {
            Wire::AsyncInvoke(_)
            | Wire::CountConverse
            | Wire::CountInvoke(_)
            | Wire::Guardrail
            | Wire::GuardrailChecks => false,
            Wire::Converse | Wire::Speech | Wire::Chat(_) => true,
            Wire::Invoke(family) => !family.addable().is_empty(),
        };
        decoded(format, &body.to_string(), |view| {
            let offered =
                view.unwrap().insertions.iter().any(|at| at.parameter == Some(Parameter::MaxTokens));
            assert_eq!(offered, generates, "{}", format.name());
        });
    }
}

#[test]
fn models_find_their_family() {
    let families = [
        ("amazon.titan-text-express-v1", Some(Family::TitanText)),
        ("amazon.titan-tg1-large", Some(Family::TitanText)),
        ("amazon.titan-embed-text-v2:0", Some(Family::TitanEmbed)),
        ("amazon.titan-embed-image-v1", Some(Family::TitanMultimodalEmbed)),
        ("amazon.titan-e1t-medium", Some(Family::TitanEmbed)),
        ("amazon.titan-image-generator-v2:0", Some(Family::AmazonImage)),
        ("ai21.j2-mid-v1", Some(Family::Jurassic2)),
        ("ai21.j2-jumbo-instruct", Some(Family::Jurassic2)),
        ("ai21.jamba-1-5-large-v1:0", Some(Family::Jamba)),
        ("anthropic.claude-v2:1", Some(Family::ClaudeText)),
        ("anthropic.claude-instant-v1", Some(Family::ClaudeText)),
        ("anthropic.claude-3-haiku-20240307-v1:0", Some(Family::ClaudeMessages)),
        ("anthropic.claude-sonnet-4-20250514-v1:0", Some(Family::ClaudeMessages)),
        ("cohere.command-text-v14", Some(Family::CohereCommand)),
        ("cohere.command-light-text-v14", Some(Family::CohereCommand)),
        ("cohere.command-r-plus-v1:0", Some(Family::CohereCommandR)),
        ("cohere.embed-english-v3", Some(Family::CohereEmbed)),
        ("stability.stable-diffusion-xl-v1", Some(Family::StableDiffusionXl)),
        ("stability.sd3-large-v1:0", Some(Family::StabilityImage)),
        ("amazon.nova-lite-v1:0", Some(Family::Nova)),
        ("amazon.nova-2-lite-v1:0", Some(Family::Nova)),
        ("amazon.nova-canvas-v1:0", Some(Family::AmazonImage)),
        ("amazon.nova-reel-v1:1", Some(Family::NovaReel)),
        ("amazon.nova-sonic-v1:0", None),
        ("amazon.nova-2-sonic-v1:0", None),
        ("amazon.nova-2-multimodal-embeddings-v1:0", Some(Family::NovaEmbed)),
        ("amazon.rerank-v1:0", Some(Family::Rerank)),
        ("cohere.rerank-v3-5:0", Some(Family::Rerank)),
        ("meta.llama3-8b-instruct-v1:0", Some(Family::Llama)),
        ("mistral.pixtral-large-2502-v1:0", Some(Family::Mistral)),
        ("deepseek.r1-v1:0", Some(Family::DeepSeek)),
        ("deepseek.v3.2", Some(Family::OpenAiChat)),
        ("openai.gpt-oss-120b-1:0", Some(Family::OpenAi)),
        ("qwen.qwen3-32b-v1:0", Some(Family::OpenAiChat)),
        ("writer.palmyra-x5-v1:0", Some(Family::OpenAiChat)),
        ("moonshot.kimi-k2-thinking", Some(Family::OpenAiChat)),
        ("moonshotai.kimi-k2.5", Some(Family::OpenAiChat)),
        ("minimax.minimax-m2", Some(Family::OpenAiChat)),
        ("nvidia.nemotron-nano-9b-v2", Some(Family::OpenAiChat)),
        ("google.gemma-3-27b-it", Some(Family::OpenAiChat)),
        ("zai.glm-4.6", Some(Family::OpenAiChat)),
        ("xai.grok-4", Some(Family::OpenAiChat)),
        ("stability.stable-image-core-v1:1", Some(Family::StabilityImage)),
        ("luma.ray-v2:0", Some(Family::LumaRay)),
        ("twelvelabs.marengo-embed-3-0-v1:0", Some(Family::Marengo)),
        ("twelvelabs.pegasus-1-2-v1:0", Some(Family::Pegasus)),
        ("twelvelabs.other-v1:0", None),
        ("acme.future-model-v1:0", None),
        ("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc", None),
        ("", None),
    ];
    for (model, family) in families {
        assert_eq!(Family::of_model(model), family, "{model}");
    }
}

#[test]
fn an_unknown_family_is_refused_on_invoke_and_read_by_converse() {
    let model = ModelReference::parse("acme.future-model-v1:0").unwrap();
    let error = Format::of(Operation::InvokeModel, Some(&model)).unwrap_err();
    assert!(error.to_string().contains("`acme.future-model-v1:0`"));
    assert_eq!(Format::of(Operation::ConverseStream, Some(&model)).unwrap().name(), "converse");
}

#[test]
fn models_that_answer_asynchronously_are_refused_on_invoke() {
    for id in ["amazon.nova-reel-v1:0", "luma.ray-v2:0"] {
        let model = ModelReference::parse(id).unwrap();
        for operation in [Operation::InvokeModel, Operation::InvokeModelWithResponseStream] {
            let error = Format::of(operation, Some(&model)).unwrap_err();
            assert!(error.to_string().contains("StartAsyncInvoke"), "{error}");
        }
    }
}

#[test]
fn a_stored_prompt_is_no_part_of_what_was_inspected() {
    let prompt = "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ:1";
    let format = Format::of(Operation::Converse, Some(&ModelReference::parse(prompt).unwrap())).unwrap();
    decoded(format, r#"{"promptVariables":{"who":{"text":"me"}}}"#, |view| {
        let opaque = view.unwrap().opaque;
        assert_eq!(opaque.iter().map(|opaque| opaque.kind).collect::<Vec<_>>(), [OpaqueKind::StoredPrompt]);
    });
}

#[test]
fn what_cannot_be_looked_into_is_counted_where_it_stands() {
    for (family, body, path) in samples::opaque() {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let view = Format::of_family(family).decode(&document).unwrap();
        let coverage = view.coverage(&document);
        let [only] = coverage.uninspected.as_slice() else { panic!("{}: {coverage:?}", family.name()) };
        assert_eq!((only.paths.as_slice(), only.count, view.unread()), (&[path.to_owned()][..], 1, 1));
        assert!(view.texts.iter().all(|text| !text.text.contains("iVBOR")), "{}", family.name());
        assert!(view.modalities.iter().any(|modality| *modality != Modality::Text), "{}", family.name());
        let inspected: usize = view.texts.iter().map(|text| text.text.len()).sum();
        assert_eq!(coverage.inspected, inspected as u64);
    }
}

#[test]
fn explained_requests_can_be_given_what_real_ones_can() {
    for (format, body) in samples() {
        let addable = match format.wire {
            Wire::Invoke(family) => family.addable(),
            Wire::Chat(api) => api.addable(),
            _ => continue,
        };
        decoded(format, &body.to_string(), |view| {
            for insertion in view.unwrap().insertions {
                let parameter = insertion.parameter.unwrap();
                assert!(addable.contains(&parameter), "{}: {parameter}", format.name());
            }
        });
    }
}

#[test]
fn errors_never_repeat_a_key_that_is_no_field_name() {
    for key in ["123-45-6789", "AKIAIOSFODNN7EXAMPLE", "bob@example.com", "my secret", "a4111111111111111"] {
        let body = serde_json::json!({"messages": [], "prompt": "", "inputText": "", key: 1}).to_string();
        for format in every_format() {
            let error = refusal(format, &body);
            assert!(!error.to_string().contains(key), "{error}");
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let names = prop_oneof![
        4 => proptest::sample::select(vec![
            "messages", "content", "role", "text", "type", "source", "data", "bytes", "system", "toolConfig", "tools",
            "toolSpec", "name", "inferenceConfig", "maxTokens", "max_tokens", "prompt", "inputText", "image",
            "document", "toolUse", "toolResult", "input", "delta", "completion", "generations", "results", "usage",
            "additionalModelRequestFields", "contentBlockIndex", "contentBlockDelta", "index", "tokens", "texts",
            "text_prompts", "guardrailConfig", "presencePenalty", "scale", "response", "is_finished",
        ]).prop_map(str::to_owned),
        1 => "[a-zA-Z_]{0,6}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        proptest::sample::select(vec!["user", "assistant", "text", "content_block_delta", "base64", "aGk="])
            .prop_map(serde_json::Value::from),
        "\\PC{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(names.clone(), inner, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn sets(view: &View<'_>, parameter: Parameter, value: u32) -> bool {
    view.parameters.iter().any(|setting| {
        setting.parameter == parameter
            && matches!(setting.value, SettingValue::Number { text, .. } if text == value.to_string())
    })
}

/// Whether `value` is seen as a setting of `parameter`, or the body is refused.
fn is_caught(format: Format, body: &serde_json::Value, parameter: Parameter, value: u32) -> bool {
    decoded(format, &body.to_string(), |view| match view {
        Err(_) => true,
        Ok(view) => sets(&view, parameter, value),
    })
}

proptest! {
    #[test]
    fn reading_never_panics(body in any_json()) {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        for format in every_format() {
            let view = format.decode(&document);
            if let Ok(view) = view {
                for text in view.texts {
                    prop_assert!(source.get(text.span.start..text.span.end).is_some());
                }
            }
            drop(format.answer(&document));
        }
    }

    #[test]
    fn reading_a_stream_never_panics(
        documents in proptest::collection::vec(any_json(), 1..4),
        name in proptest::sample::select(vec![
            "messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata", "chunk", "x",
        ]),
    ) {
        for format in every_format() {
            let mut reader = format.stream();
            for document in &documents {
                let chunk = serde_json::json!({"bytes": STANDARD.encode(document.to_string())});
                for (name, payload) in [("chunk", &chunk), (name, document)] {
                    drop(reader.read(Announced::Event(name), payload.to_string().as_bytes()));
                }
            }
        }
    }

    #[test]
    fn a_parameter_shows_under_every_alias(
        (alias, parameter) in any_alias(),
        value in 100_000_u32..,
        place in proptest::sample::select(vec![
            "", "inferenceConfig", "textGenerationConfig", "thinking", "generation_config", "extras", "output_config",
        ]),
    ) {
        for (format, mut body) in samples() {
            if place.is_empty() {
                body[&alias] = value.into();
            } else {
                body[place][&alias] = value.into();
            }
            prop_assert!(is_caught(format, &body, parameter, value) || !bounds_tokens(parameter), "{}", format.name());
        }
    }

    #[test]
    fn additional_fields_hide_no_parameter(
        (alias, parameter) in any_alias(),
        value in 100_000_u32..,
        path in proptest::collection::vec(proptest::sample::select(vec![
            "inferenceConfig", "thinking", "reasoning_config", "textGenerationConfig", "generation_config", "other",
        ]), 0..3),
    ) {
        let mut fields = serde_json::json!({alias: value});
        for name in path {
            fields = serde_json::json!({name: fields});
        }
        let body = serde_json::json!({"additionalModelRequestFields": fields});
        prop_assert!(is_caught(Format::converse(), &body, parameter, value));
    }
}

/// In JSON whose members the wire does not define (output schemas), only token limits are looked for.
const fn bounds_tokens(parameter: Parameter) -> bool {
    matches!(parameter, Parameter::MaxTokens | Parameter::ThinkingTokens)
}
