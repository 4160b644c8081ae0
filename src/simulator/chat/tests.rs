//! The double and the warden's readers, held against each other: what one writes, the other reads.

use http::HeaderValue;

use super::*;
use crate::bedrock::format::Format;
use crate::bedrock::json::Document;
use crate::bedrock::model::ModelReference;
use crate::bedrock::sse;
use crate::bedrock::stream::{Carrier, Kind};
use crate::bedrock::view::TextRole;

const WORDS: &str = "Bonjour, 4111 1111 1111 1111!";

fn body(api: Api, model: &Model, streams: bool) -> Value {
    let say = format!("say: {WORDS}");
    let mut body = json!({"model": model.id, "stream": streams});
    match api {
        Api::Completions => body["messages"] = json!([{"role": "user", "content": say}]),
        Api::Responses => {
            body["input"] = json!([{"role": "user", "content": [{"type": "input_text", "text": say}]}]);
        }
        Api::Messages => {
            body["messages"] = json!([{"role": "user", "content": say}]);
            body["max_tokens"] = 99.into();
        }
    }
    body
}

fn headers() -> HeaderMap {
    let version = ("anthropic-version".parse().unwrap(), HeaderValue::from_static("2023-06-01"));
    HeaderMap::from_iter([version])
}

fn format(api: Api, model: &Model) -> Format {
    let operation = crate::bedrock::operation::Operation::ALL
        .into_iter()
        .find(|operation| operation.body() == crate::bedrock::operation::Body::Chat(api));
    Format::of(operation.unwrap(), Some(&ModelReference::parse(model.id).unwrap())).unwrap()
}

fn speakers() -> impl Iterator<Item = (Api, &'static Model)> {
    let all = Api::ALL.into_iter().flat_map(|api| MODELS.iter().map(move |model| (api, model)));
    all.filter(|(api, model)| speaks(*api, model).is_some())
}

#[test]
fn every_api_has_models() {
    for api in Api::ALL {
        assert!(speakers().any(|(spoken, _)| spoken == api), "{api:?}");
    }
    let ids: Vec<Value> =
        models()["data"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert!(speakers().all(|(_, model)| ids.contains(&model.id.into())));
}

#[test]
fn whole_answers_of_every_model_are_read() {
    for (api, model) in speakers() {
        let body = body(api, model, false).to_string();
        let document = Document::parse(body.as_bytes()).unwrap();
        format(api, model).decode(&document).unwrap_or_else(|error| panic!("{} {body}: {error}", model.id));
        let plan = answer(api, model, &headers(), body.as_bytes()).unwrap();
        let Reply::Conversation { document } = plan.reply else { panic!("{:?}", plan.reply) };
        let source = document.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let read = format(api, model).answer(&document);
        let said =
            |text: &crate::bedrock::view::Text<'_>| text.role == TextRole::Assistant && text.text == WORDS;
        assert!(read.texts.iter().any(said), "{} {source}", model.id);
        let known = plan.usage.unwrap();
        assert_eq!(read.usage.input, Some(known.input as u64), "{}", model.id);
        assert_eq!(read.usage.output, known.output.map(|count| count as u64), "{}", model.id);
        assert!(read.stop_reason.is_some(), "{}", model.id);
    }
}

#[test]
fn streams_of_every_model_say_what_whole_answers_do() {
    for (api, model) in speakers() {
        let plan = answer(api, model, &headers(), body(api, model, true).to_string().as_bytes()).unwrap();
        let Reply::Stream { events, .. } = plan.reply else { panic!("{:?}", plan.reply) };
        let mut carrier = Carrier::new(crate::bedrock::stream::Framing::ServerSent(api));
        let mut reader = format(api, model).stream();
        let mut said = String::new();
        for event in events {
            let data = event.document.as_str().map_or_else(|| event.document.to_string(), str::to_owned);
            carrier.push(&sse::encode(Some(event.name).filter(|name| !name.is_empty()), &data));
            while let Some(event) = carrier.next().unwrap() {
                let observed =
                    reader.observe(&event).unwrap_or_else(|error| panic!("{} {data}: {error}", model.id));
                let words = observed.pieces.into_iter().filter(|piece| matches!(piece.kind, Kind::Words(_)));
                said.extend(words.map(|piece| piece.text));
            }
        }
        assert_eq!((said.as_str(), reader.finished()), (WORDS, true), "{api:?} {}", model.id);
    }
}

#[test]
fn what_the_service_would_not_take_is_refused() {
    let titan = Model::named("amazon.titan-text-lite-v1").unwrap();
    let haiku = Model::named("anthropic.claude-3-haiku-20240307-v1:0").unwrap();
    let gpt = Model::named("openai.gpt-oss-20b-1:0").unwrap();
    let mut limited = body(Api::Completions, gpt, false);
    limited["max_tokens"] = 9.into();
    let mut background = body(Api::Responses, gpt, false);
    background["background"] = true.into();
    for (api, model, headers, body) in [
        (Api::Completions, titan, headers(), body(Api::Completions, titan, false)),
        (Api::Messages, gpt, headers(), body(Api::Messages, gpt, false)),
        (Api::Responses, haiku, headers(), body(Api::Responses, haiku, false)),
        (Api::Messages, haiku, HeaderMap::new(), body(Api::Messages, haiku, false)),
        (Api::Completions, gpt, headers(), limited),
        (Api::Responses, gpt, headers(), background),
    ] {
        let refusal = answer(api, model, &headers, body.to_string().as_bytes()).expect_err(&body.to_string());
        assert_eq!(refusal.fault, Fault::Validation, "{body}");
    }
}
