//! A live session as an application holds it with the AWS SDK for Rust, and the events of Nova Sonic.

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::SdkError;
use aws_sdk_bedrockruntime::operation::invoke_model_with_bidirectional_stream::InvokeModelWithBidirectionalStreamError as OpenError;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::primitives::event_stream::EventReceiver;
use aws_sdk_bedrockruntime::types::error::{
    InvokeModelWithBidirectionalStreamInputError as InputError,
    InvokeModelWithBidirectionalStreamOutputError as OutputError,
};
use aws_sdk_bedrockruntime::types::{
    BidirectionalInputPayloadPart, InvokeModelWithBidirectionalStreamInput as Input,
    InvokeModelWithBidirectionalStreamOutput as Output,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::event_stream::RawMessage;
use futures_core::Stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub const SONIC: &str = "amazon.nova-sonic-v1:0";

/// An open session.
pub struct Conversation {
    /// `None` once the caller has ended it.
    input: Option<mpsc::UnboundedSender<Value>>,
    output: EventReceiver<Output, OutputError>,
}

/// What an SDK reports of a session that ended by an exception.
pub type Broken = SdkError<OutputError, RawMessage>;

struct Events(mpsc::UnboundedReceiver<Value>);

impl Stream for Events {
    type Item = Result<Input, InputError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| {
            let bytes = Blob::new(event?.to_string());
            Some(Ok(Input::Chunk(BidirectionalInputPayloadPart::builder().bytes(bytes).build())))
        })
    }
}

impl Conversation {
    /// Opens a session whose first event is `start`.
    pub async fn open(
        client: &Client,
        model: &str,
        start: Value,
    ) -> Result<Self, SdkError<OpenError, HttpResponse>> {
        let (input, events) = mpsc::unbounded_channel();
        input.send(start).unwrap();
        let request = client.invoke_model_with_bidirectional_stream().model_id(model);
        let answer = request.body(Events(events).into()).send().await?;
        Ok(Self { input: Some(input), output: answer.body })
    }

    /// Says something. What became of it is heard.
    pub fn say(&self, events: impl IntoIterator<Item = Value>) {
        for event in events {
            drop(self.input.as_ref().expect("an open session").send(event));
        }
    }

    /// The next event, named, and its body; `None` at the end.
    pub async fn hear(&mut self) -> Result<Option<(String, Value)>, Broken> {
        let Some(output) = self.output.recv().await? else { return Ok(None) };
        let chunk = output.as_chunk().expect("a chunk");
        let document: Value = serde_json::from_slice(chunk.bytes().unwrap().as_ref()).unwrap();
        let (name, body) = document["event"].as_object().unwrap().iter().next().unwrap();
        Ok(Some((name.clone(), body.clone())))
    }

    /// The text that the assistant says up to its next count of tokens, which comes after every answer.
    pub async fn answer(&mut self) -> Result<String, Broken> {
        let mut text = String::new();
        loop {
            match self.hear().await? {
                Some((name, body)) if name == "textOutput" && body["role"] == "ASSISTANT" => {
                    text.push_str(body["content"].as_str().unwrap());
                }
                Some((name, _)) if name == "usageEvent" => return Ok(text),
                Some(_) => {}
                None => panic!("the session ended before the answer: `{text}`"),
            }
        }
    }

    /// Everything up to the end.
    pub async fn rest(&mut self) -> Result<Vec<String>, Broken> {
        let mut names = Vec::new();
        while let Some((name, _)) = self.hear().await? {
            names.push(name);
        }
        Ok(names)
    }

    /// Ends the caller's side, as an SDK does when the application has no more events.
    pub fn close(&mut self) {
        self.input = None;
    }
}

pub fn event(name: &str, body: Value) -> Value {
    json!({ "event": { name: body } })
}

pub fn session_start(configuration: Value) -> Value {
    event("sessionStart", json!({ "inferenceConfiguration": configuration }))
}

pub fn prompt_start() -> Value {
    event(
        "promptStart",
        json!({ "promptName": "prompt", "textOutputConfiguration": { "mediaType": "text/plain" } }),
    )
}

pub fn prompt_end() -> Value {
    event("promptEnd", json!({ "promptName": "prompt" }))
}

pub fn session_end() -> Value {
    event("sessionEnd", json!({}))
}

/// A content of text, in as many events as there are pieces.
pub fn text(name: &str, role: &str, pieces: &[&str]) -> Vec<Value> {
    let place = |more: Value| {
        let mut body = json!({ "promptName": "prompt", "contentName": name });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let start = json!({ "type": "TEXT", "role": role, "interactive": true, "textInputConfiguration": { "mediaType": "text/plain" } });
    let inputs = pieces.iter().map(|piece| event("textInput", place(json!({ "content": piece }))));
    let events = [event("contentStart", place(start))].into_iter().chain(inputs);
    events.chain([event("contentEnd", place(json!({})))]).collect()
}
