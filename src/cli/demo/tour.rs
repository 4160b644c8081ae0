//! Five requests of one application, and what becomes of each.

use std::fmt::Write as _;
use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};

use crate::cli::{Failure, Terminal};

use super::client::{Application, Reply};

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const OPUS: &str = "anthropic.claude-3-opus-20240229-v1:0";

/// One stop of the tour.
struct Stop {
    title: &'static str,
    why: &'static str,
    model: &'static str,
    action: &'static str,
    body: Value,
    /// What the reply must be for the demo to have worked.
    expected: fn(&Reply, &Received) -> bool,
}

/// What Bedrock got: the body of the last request in the simulator's log, or nothing new.
struct Received(Option<Value>);

impl Received {
    fn text(&self) -> &str {
        let body = self.0.as_ref();
        body.and_then(|body| body.pointer("/messages/0/content/0/text"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn max_tokens(&self) -> Option<i64> {
        self.0.as_ref().and_then(|body| body.pointer("/inferenceConfig/maxTokens")).and_then(Value::as_i64)
    }
}

/// Makes all stops. `false` when one of them did not go as the policies say.
pub async fn run(
    application: &Application,
    request_log: &Path,
    terminal: &mut Terminal,
) -> Result<bool, Failure> {
    let mut as_expected = true;
    let mut seen = 0;
    for (number, stop) in (1..).zip(stops()) {
        let path = format!("/model/{}/{}", stop.model.replace(':', "%3A"), stop.action);
        let reply = application.post(&path, &stop.body).await?;
        let received = newest(request_log, &mut seen)?;
        let good = (stop.expected)(&reply, &received);
        as_expected &= good;
        show(number, &stop, &reply, &received, good, terminal)?;
    }
    Ok(as_expected)
}

fn stops() -> [Stop; 5] {
    [
        Stop {
            title: "allowed",
            why: "the model is granted and every parameter is in bounds",
            model: HAIKU,
            action: "converse",
            body: ask("say: Paris is the capital of France.", 200),
            expected: |reply, received| reply.status == StatusCode::OK && received.max_tokens() == Some(200),
        },
        Stop {
            title: "clamped",
            why: "policy caps this team's answers; the request is lowered instead of refused",
            model: HAIKU,
            action: "converse",
            body: ask("say: As short as policy wants it.", 9000),
            expected: |reply, received| {
                reply.status == StatusCode::OK
                    && reply.header("x-warden-modified").is_some()
                    && received.max_tokens().is_some_and(|tokens| tokens < 9000)
            },
        },
        Stop {
            title: "denied",
            why: "this model is not granted to the team; nothing is sent to Bedrock",
            model: OPUS,
            action: "converse",
            body: ask("Who are you?", 200),
            expected: |reply, received| reply.status == StatusCode::FORBIDDEN && received.0.is_none(),
        },
        Stop {
            title: "redacted",
            why: "personal data leaves the prompt before the prompt leaves this machine",
            model: HAIKU,
            action: "converse",
            body: ask("Write to jane.doe@example.com about card 4111 1111 1111 1111.", 200),
            expected: |reply, received| {
                reply.status == StatusCode::OK
                    && received.text().contains("{EMAIL}")
                    && !received.text().contains("jane.doe")
                    && !received.text().contains("4111")
            },
        },
        Stop {
            title: "streamed",
            why: "events are passed on as they arrive; the last ones wait until the outcome is on disk",
            model: HAIKU,
            action: "converse-stream",
            body: ask("say: One event after the other, each checked on its way.", 200),
            expected: |reply, _| {
                reply.streamed().is_ok_and(|(events, text)| events > 3 && text.ends_with("on its way."))
            },
        },
    ]
}

fn ask(text: &str, max_tokens: u32) -> Value {
    json!({
        "messages": [{ "role": "user", "content": [{ "text": text }] }],
        "inferenceConfig": { "maxTokens": max_tokens, "temperature": 0.2 },
    })
}

/// The newest request that the simulator logged since the last look.
fn newest(request_log: &Path, seen: &mut usize) -> Result<Received, Failure> {
    let log = std::fs::read_to_string(request_log).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let fresh = lines.len() > *seen;
    *seen = lines.len();
    let Some(line) = lines.last().filter(|_| fresh) else { return Ok(Received(None)) };
    let entry: Value = serde_json::from_str(line).map_err(Failure::internal)?;
    let body = entry.get("body").and_then(Value::as_str).unwrap_or_default();
    Ok(Received(serde_json::from_str(body).ok()))
}

fn show(
    number: usize,
    stop: &Stop,
    reply: &Reply,
    received: &Received,
    good: bool,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        writeln!(text, "   {name:<10}{value}").unwrap_or_default();
    };
    line("asked", &format!("{} {}", stop.action, stop.model));
    line(
        "prompt",
        stop.body.pointer("/messages/0/content/0/text").and_then(Value::as_str).unwrap_or_default(),
    );
    if reply.status == StatusCode::OK {
        line(
            "sent on",
            &format!("{}  (maxTokens {})", received.text(), received.max_tokens().unwrap_or_default()),
        );
    } else {
        line("sent on", "nothing");
    }
    line("answer", &answer(stop, reply)?);
    if let Some(modified) = reply.header("x-warden-modified") {
        line("changed", modified);
    }
    if let Some(decision) = reply.header("x-warden-decision") {
        line("decision", decision);
    }
    if !good {
        line("WRONG", "this is not what the example policies say");
    }
    writeln!(terminal.stdout, "{number}. {}: {}\n{text}", stop.title, stop.why)?;
    terminal.stdout.flush()?;
    Ok(())
}

fn answer(stop: &Stop, reply: &Reply) -> Result<String, Failure> {
    let status = reply.status.as_u16();
    if reply.status != StatusCode::OK {
        let kind = reply.header("x-amzn-errortype").unwrap_or_default().to_owned();
        let message = reply.json().get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Ok(format!("{status} {kind}: {message}"));
    }
    if stop.action == "converse-stream" {
        let (events, text) = reply.streamed()?;
        return Ok(format!("{status} {events} events in {} pieces: {text}", reply.pieces));
    }
    Ok(format!("{status} {}", reply.converse_text()))
}
