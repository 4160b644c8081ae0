//! The AWS SDK for Rust, in this process.

use std::fmt::Debug;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::error::{ConverseStreamOutputError, ResponseStreamError};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, ConverseStreamOutput, InferenceConfiguration, Message, ResponseStream,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::event_stream::RawMessage;
use serde_json::{Value, json};

use crate::support::call::{Call, HAIKU, TITAN, claude_body, titan_body};
use crate::support::rust_sdk::{SeenHeader, client, client_with_header};
use crate::support::warden::TestWarden;

use super::expected::{KEY, MAIL, Observed, bad_keys, check_edited, check_run, editing, warden};
use super::table;

const NOT_GRANTED: &str = "meta.llama3-70b-instruct-v1:0";

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_sees_native_answers_and_typed_refusals() {
    let warden = warden();
    let (client, modified) = client_with_header(&warden, &warden.key, "x-warden-modified");
    let observed = vec![
        converse(&client, "converse", "say: hello from converse", HAIKU, limits(64)).await,
        invoke(&client, "invoke_claude", HAIKU, &claude_body("say: hello from claude")).await,
        invoke(&client, "invoke_titan", TITAN, &titan_body("say: hello from titan")).await,
        converse_stream(&client, "converse_stream", "say: hello from a converse stream", HAIKU).await,
        invoke_stream(&client, "invoke_stream", "say: hello from an invoke stream").await,
        list_models(&warden, "list_models"),
        converse(&client, "denied_model", "say: hello", NOT_GRANTED, limits(64)).await,
        converse(&client, "denied_parameter", "say: hello", HAIKU, limits(64).temperature(0.95)).await,
        converse_stream(&client, "denied_stream", "say: hello", NOT_GRANTED).await,
        converse_stream(&client, "broken_converse_stream", "simulate: truncate-frame", HAIKU).await,
        invoke_stream(&client, "broken_invoke_stream", "simulate: truncate-frame").await,
        clamped(&client, &modified).await,
        converse(&client, "throttled", "simulate: throttle", HAIKU, limits(64)).await,
    ];
    check_run(&warden, &observed);
    table::check_row(&table::RUST, &warden, &observed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_reads_streams_that_policy_changes() {
    let warden = editing();
    let client = client(&warden, &warden.key);
    let observed = vec![
        converse_stream(&client, "edited_converse_stream", MAIL, HAIKU).await,
        invoke_stream(&client, "edited_invoke_stream", MAIL).await,
        converse_stream(&client, "cut_converse_stream", KEY, HAIKU).await,
        invoke_stream(&client, "cut_invoke_stream", KEY).await,
    ];
    check_edited(&observed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_sdk_with_a_bad_key_is_refused() {
    let warden = warden();
    for bad in bad_keys(&warden) {
        let client = client(&warden, &bad.key);
        let observed = converse(&client, "converse", "say: hello", HAIKU, limits(64)).await;
        bad.expected.check(bad.what, &observed);
    }
    assert!(warden.upstream().is_empty());
}

type Limits = aws_sdk_bedrockruntime::types::builders::InferenceConfigurationBuilder;

fn limits(max_tokens: i32) -> Limits {
    InferenceConfiguration::builder().max_tokens(max_tokens)
}

fn user(prompt: &str) -> Message {
    let content = ContentBlock::Text(prompt.to_owned());
    Message::builder().role(ConversationRole::User).content(content).build().unwrap()
}

async fn converse(client: &Client, case: &str, prompt: &str, model: &str, limits: Limits) -> Observed {
    let request = client.converse().model_id(model).messages(user(prompt)).inference_config(limits.build());
    match request.send().await {
        Ok(answer) => {
            let text = answer.output().unwrap().as_message().unwrap().content()[0].as_text().unwrap();
            json!({ "case": case, "text": text })
        }
        Err(error) => refused(case, &error),
    }
}

async fn clamped(client: &Client, modified: &SeenHeader) -> Observed {
    let mut observed = converse(client, "clamped", "say: hello, shortened", HAIKU, limits(9000)).await;
    observed["headers"] = json!({ "x-warden-modified": modified.value() });
    observed
}

async fn invoke(client: &Client, case: &str, model: &str, body: &Value) -> Observed {
    let body = Blob::new(body.to_string());
    match client.invoke_model().model_id(model).body(body).send().await {
        Ok(answer) => {
            let document: Value = serde_json::from_slice(answer.body().as_ref()).unwrap();
            let claude = document["content"][0]["text"].as_str();
            let titan = document["results"][0]["outputText"].as_str();
            json!({ "case": case, "text": claude.or(titan) })
        }
        Err(error) => refused(case, &error),
    }
}

async fn converse_stream(client: &Client, case: &str, prompt: &str, model: &str) -> Observed {
    let request = client.converse_stream().model_id(model).messages(user(prompt));
    let mut answer = match request.inference_config(limits(64).build()).send().await {
        Ok(answer) => answer,
        Err(error) => return refused(case, &error),
    };
    let (mut text, mut stopped, mut counted) = (String::new(), false, false);
    loop {
        let event = match answer.stream.recv().await {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(error) => {
                return broken(case, &error, |error: &ConverseStreamOutputError| {
                    [
                        (error.is_model_stream_error_exception(), "ModelStreamErrorException"),
                        (error.is_validation_exception(), "ValidationException"),
                    ]
                });
            }
        };
        match event {
            ConverseStreamOutput::ContentBlockDelta(delta) => {
                text.push_str(delta.delta().unwrap().as_text().unwrap());
            }
            ConverseStreamOutput::MessageStop(_) => stopped = true,
            ConverseStreamOutput::Metadata(metadata) => counted = metadata.usage().is_some(),
            _ => {}
        }
    }
    json!({ "case": case, "text": text, "finished": stopped && counted })
}

async fn invoke_stream(client: &Client, case: &str, prompt: &str) -> Observed {
    let body = Blob::new(claude_body(prompt).to_string());
    let request = client.invoke_model_with_response_stream().model_id(HAIKU).body(body);
    let mut answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return refused(case, &error),
    };
    let (mut text, mut finished) = (String::new(), false);
    loop {
        let part = match answer.body.recv().await {
            Ok(Some(ResponseStream::Chunk(part))) => part,
            Ok(Some(_)) => continue,
            Ok(None) => break,
            Err(error) => {
                return broken(case, &error, |error: &ResponseStreamError| {
                    [
                        (error.is_model_stream_error_exception(), "ModelStreamErrorException"),
                        (error.is_validation_exception(), "ValidationException"),
                    ]
                });
            }
        };
        let chunk: Value = serde_json::from_slice(part.bytes().unwrap().as_ref()).unwrap();
        text.push_str(chunk["delta"]["text"].as_str().unwrap_or_default());
        finished |= chunk["type"] == "message_delta" && chunk["delta"]["stop_reason"].is_string();
    }
    json!({ "case": case, "text": text, "finished": finished })
}

/// The control plane is another SDK crate; one signed request says the same.
fn list_models(warden: &TestWarden, case: &str) -> Observed {
    let response = warden.send(Call::list_models());
    let summaries = response.assert_ok().json()["modelSummaries"].clone();
    let models: Vec<_> =
        summaries.as_array().unwrap().iter().map(|summary| summary["modelId"].clone()).collect();
    json!({ "case": case, "models": models })
}

/// What the SDK makes of a refusal: modelled name, message, status, request id.
fn refused<E>(case: &str, error: &SdkError<E, HttpResponse>) -> Observed
where
    E: ProvideErrorMetadata + Debug,
{
    let service =
        error.as_service_error().unwrap_or_else(|| panic!("{case}: not a service error: {error:?}"));
    json!({
        "case": case,
        "code": service.code(),
        "message": service.message(),
        "status": error.raw_response().unwrap().status().as_u16(),
        "request_id": error.raw_response().unwrap().headers().get("x-amzn-requestid"),
    })
}

/// What the SDK makes of a stream that ends by an exception. `modelled` says which of those that are expected it is.
fn broken<E>(
    case: &str,
    error: &SdkError<E, RawMessage>,
    modelled: impl Fn(&E) -> [(bool, &'static str); 2],
) -> Observed
where
    E: ProvideErrorMetadata + Debug,
{
    let service =
        error.as_service_error().unwrap_or_else(|| panic!("{case}: not a service error: {error:?}"));
    // Within streams the SDK tells exceptions apart by type alone.
    let code = modelled(service).into_iter().find_map(|(is_it, name)| is_it.then_some(name));
    json!({ "case": case, "code": code, "message": service.message() })
}
