//! A live session as an application holds it with the AWS SDK for Rust, and the events of Nova Sonic.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
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
use aws_sigv4::event_stream::{sign_empty_message, sign_message};
use aws_sigv4::sign::v4;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message, RawMessage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_core::Stream;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::call::{Call, KeyPair, label};

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

/// A session as bytes: what no SDK would send is made of it by changing them.
pub struct Signed {
    /// Signed by the SDK's own crate, in the form of the Rust SDK.
    pub head: Call,
    /// Envelopes, the signed end included.
    pub frames: Vec<Vec<u8>>,
}

impl Signed {
    /// `late` is by how much the last event is dated back.
    pub fn new(key: &KeyPair, authority: &str, events: &[Value], late: Duration) -> Self {
        let target = format!("/model/{}/invoke-with-bidirectional-stream", label(SONIC));
        let head = Call::new("POST", target, "")
            .header("content-type", "application/vnd.amazon.eventstream")
            .sign(key, authority)
            .header("transfer-encoding", "chunked");
        let authorization = head.header_value("authorization").unwrap();
        let mut last = authorization.rsplit_once("Signature=").unwrap().1.to_owned();
        let identity = Credentials::new(&key.id, &key.secret, None, None, "tests").into();
        let messages = events.iter().map(|event| {
            let payload = json!({ "bytes": BASE64_STANDARD.encode(event.to_string()) }).to_string();
            let text = |name: &'static str, value: &'static str| {
                Header::new(name, HeaderValue::String(value.into()))
            };
            Some(
                Message::new(payload.into_bytes())
                    .add_header(text(":event-type", "chunk"))
                    .add_header(text(":message-type", "event")),
            )
        });
        let frames = messages.chain([None]).enumerate().map(|(nth, message)| {
            let late = if nth + 1 == events.len() { late } else { Duration::ZERO };
            let time = SystemTime::now() - late;
            let parameters =
                v4::SigningParams::builder().identity(&identity).region("us-east-1").name("bedrock");
            let parameters = parameters.time(time).settings(()).build().unwrap();
            let signed = match &message {
                Some(message) => sign_message(message, &last, &parameters),
                None => sign_empty_message(&last, &parameters),
            };
            let (envelope, signature) = signed.unwrap().into_parts();
            last = signature;
            let mut frame = Vec::new();
            write_message_to(&envelope, &mut frame).unwrap();
            frame
        });
        let frames = frames.collect();
        Self { head, frames }
    }

    /// The request, its frames in chunks that do not align with them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.to_bytes();
        for piece in self.frames.concat().chunks(100) {
            bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
            bytes.extend(piece);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }
}

pub fn event(name: &str, body: Value) -> Value {
    json!({ "event": Map::from_iter([(name.to_owned(), body)]) })
}

pub fn session_start(configuration: Value) -> Value {
    let members = Map::from_iter([("inferenceConfiguration".to_owned(), configuration)]);
    event("sessionStart", Value::Object(members))
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
