//! A conversation with Nova Sonic, without ears: text is answered with `You said: …`, sound with its length.
//!
//! Receives the caller's events and returns what is said to them, in the model's own events. `say:` and `simulate:` lines
//! work as in prompts. Strict about the order of events. Pure.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::bedrock::fault::Fault;

use super::super::commands;
use super::super::faults::{Disturbance, Interruption};
use super::super::random::Random;
use super::super::reply::Refusal;
use super::super::speech::{Prompt, pieces, tokens};
use super::Act;

/// What was said so far.
#[derive(Debug, Default)]
pub struct Talk {
    state: State,
    max_tokens: Option<usize>,
    prompt: Option<Opened>,
    contents: BTreeMap<String, Content>,
    /// Names given to completions and contents.
    named: usize,
    input_tokens: usize,
    output_tokens: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    New,
    Open,
    Ended,
}

#[derive(Debug)]
struct Opened {
    name: String,
    speaks: bool,
    completion: Option<String>,
}

#[derive(Debug)]
struct Content {
    kind: String,
    role: String,
    text: String,
    sound: usize,
}

impl Talk {
    /// Takes `{"event":{NAME:{…}}}`.
    pub fn hear(&mut self, document: &Value) -> Result<Vec<Act>, Refusal> {
        let event = document.get("event").and_then(Value::as_object).filter(|event| event.len() == 1);
        let (name, body) =
            event.and_then(|event| event.iter().next()).ok_or_else(|| invalid("an event is expected"))?;
        match (self.state, name.as_str()) {
            (State::New, "sessionStart") => {
                self.state = State::Open;
                let limit = body.pointer("/inferenceConfiguration/maxTokens").and_then(Value::as_u64);
                self.max_tokens = limit.and_then(|limit| usize::try_from(limit).ok());
                return Ok(Vec::new());
            }
            (State::New, _) => return Err(invalid("a session begins with sessionStart")),
            (State::Ended, _) => return Err(invalid("the session has ended")),
            (State::Open, _) => {}
        }
        match name.as_str() {
            "promptStart" => self.start_prompt(body).map(|()| Vec::new()),
            "contentStart" => self.start_content(body).map(|()| Vec::new()),
            "textInput" => self.piece(body, &["TEXT"]),
            "toolResult" => self.piece(body, &["TOOL"]),
            "audioInput" => self.piece(body, &["AUDIO"]),
            "contentEnd" => self.end_content(body),
            "promptEnd" => self.end_prompt(body),
            "sessionEnd" => {
                self.state = State::Ended;
                Ok(self.complete())
            }
            _ => Err(invalid("the event is not known")),
        }
    }

    /// The caller has nothing more to say, with or without `sessionEnd`.
    pub fn end(&mut self) -> Result<Vec<Act>, Refusal> {
        if self.state == State::New {
            return Err(invalid("the session never began"));
        }
        self.state = State::Ended;
        Ok(self.complete())
    }

    fn start_prompt(&mut self, body: &Value) -> Result<(), Refusal> {
        if self.prompt.is_some() {
            return Err(invalid("a prompt is open"));
        }
        let speaks = body.get("audioOutputConfiguration").is_some();
        self.prompt = Some(Opened { name: text(body, "promptName")?, speaks, completion: None });
        Ok(())
    }

    fn start_content(&mut self, body: &Value) -> Result<(), Refusal> {
        self.check_prompt(body)?;
        let role = body.get("role").and_then(Value::as_str).unwrap_or("USER").to_owned();
        let content = Content { kind: text(body, "type")?, role, text: String::new(), sound: 0 };
        match self.contents.insert(text(body, "contentName")?, content) {
            None => Ok(()),
            Some(_) => Err(invalid("the content is open")),
        }
    }

    fn piece(&mut self, body: &Value, kinds: &[&str]) -> Result<Vec<Act>, Refusal> {
        self.check_prompt(body)?;
        let (name, piece) = (text(body, "contentName")?, text(body, "content")?);
        let content = self.contents.get_mut(&name).filter(|content| kinds.contains(&content.kind.as_str()));
        let content = content.ok_or_else(|| invalid("the content is not open for such an event"))?;
        if content.kind == "AUDIO" {
            let sound = STANDARD.decode(piece).map_err(|_| invalid("sound must be base64"))?;
            content.sound += sound.len();
        } else {
            content.text.push_str(&piece);
        }
        Ok(Vec::new())
    }

    fn end_content(&mut self, body: &Value) -> Result<Vec<Act>, Refusal> {
        self.check_prompt(body)?;
        let content = self.contents.remove(&text(body, "contentName")?);
        let content = content.ok_or_else(|| invalid("the content is not open"))?;
        self.input_tokens += tokens(&content.text) + content.sound.div_ceil(1000);
        match (content.kind.as_str(), content.role.as_str()) {
            ("AUDIO", _) => {
                let heard = format!("({} bytes of sound)", content.sound);
                let mut acts = self.complete_start();
                acts.extend(self.say("USER", &heard));
                acts.extend(self.say("ASSISTANT", &format!("I heard {} bytes.", content.sound)));
                acts.push(self.usage());
                Ok(acts)
            }
            ("TEXT", "USER") | ("TOOL", _) => self.answer(&content.text),
            (_, _) => Ok(Vec::new()),
        }
    }

    fn end_prompt(&mut self, body: &Value) -> Result<Vec<Act>, Refusal> {
        self.check_prompt(body)?;
        Ok(self.complete())
    }

    fn answer(&mut self, heard: &str) -> Result<Vec<Act>, Refusal> {
        let texts = [heard.to_owned()];
        let asked = Disturbance::asked(&texts).map_err(|error| invalid(&error.to_string()))?;
        match asked {
            None | Some(Disturbance::Slow(_)) => {}
            Some(Disturbance::Stall | Disturbance::Stream(Interruption::Stall)) => {
                return Ok(vec![Act::Stall]);
            }
            Some(Disturbance::Reset | Disturbance::Stream(Interruption::Reset)) => {
                return Ok(vec![Act::BreakOff]);
            }
            Some(Disturbance::Refuse(_) | Disturbance::Stream(_)) => {
                let message =
                    "The model stopped generating because of an internal error. Try your request again.";
                return Ok(vec![Act::Fail(Fault::ModelStreamError, message.to_owned())]);
            }
        }
        let dictated =
            commands::last(&texts, "say").map_or_else(|| format!("You said: {heard}"), str::to_owned);
        let prompt = Prompt {
            texts: vec![format!("say-base64: {}", STANDARD.encode(dictated))],
            max_tokens: self.max_tokens,
            ..Prompt::default()
        };
        let mut acts = self.complete_start();
        for completion in prompt.complete(&mut Random::of(&[heard])) {
            acts.extend(self.say("ASSISTANT", &completion.text));
        }
        acts.push(self.usage());
        Ok(acts)
    }

    fn complete_start(&mut self) -> Vec<Act> {
        let name = self.name("completion");
        let Some(prompt) = self.prompt.as_mut().filter(|prompt| prompt.completion.is_none()) else {
            return Vec::new();
        };
        prompt.completion = Some(name);
        vec![self.event("completionStart", json!({}))]
    }

    /// A content of the model's, and the same spoken where that was asked for.
    fn say(&mut self, role: &str, said: &str) -> Vec<Act> {
        self.output_tokens += tokens(said);
        let content = self.name("content");
        let mut acts =
            vec![self.event("contentStart", json!({"contentId": content, "type": "TEXT", "role": role}))];
        for piece in pieces(said, &mut Random::of(&[said])) {
            acts.push(
                self.event("textOutput", json!({"contentId": content, "content": piece, "role": role})),
            );
        }
        let end = json!({"contentId": content, "type": "TEXT", "stopReason": "END_TURN"});
        acts.push(self.event("contentEnd", end));
        if role == "ASSISTANT" && self.prompt.as_ref().is_some_and(|prompt| prompt.speaks) {
            let content = self.name("content");
            let sound = STANDARD.encode(vec![0; said.len()]);
            acts.push(
                self.event("contentStart", json!({"contentId": content, "type": "AUDIO", "role": role})),
            );
            acts.push(self.event("audioOutput", json!({"contentId": content, "content": sound})));
            let end = json!({"contentId": content, "type": "AUDIO", "stopReason": "END_TURN"});
            acts.push(self.event("contentEnd", end));
        }
        acts
    }

    fn complete(&mut self) -> Vec<Act> {
        let is_open = self.prompt.as_ref().is_some_and(|prompt| prompt.completion.is_some());
        let ends = is_open.then(|| self.event("completionEnd", json!({"stopReason": "END_TURN"})));
        self.prompt = None;
        self.contents.clear();
        ends.into_iter().collect()
    }

    fn usage(&self) -> Act {
        let total = self.input_tokens + self.output_tokens;
        self.event(
            "usageEvent",
            json!({
                "totalInputTokens": self.input_tokens,
                "totalOutputTokens": self.output_tokens,
                "totalTokens": total,
            }),
        )
    }

    /// An event with the names that every event has.
    fn event(&self, name: &str, body: Value) -> Act {
        let mut members = Map::new();
        members.insert("sessionId".to_owned(), "session-1".into());
        if let Some(prompt) = &self.prompt {
            members.insert("promptName".to_owned(), prompt.name.clone().into());
            members.insert("completionId".to_owned(), prompt.completion.clone().into());
        }
        if let Value::Object(body) = body {
            members.extend(body);
        }
        Act::Say(json!({"event": {name: members}}))
    }

    fn name(&mut self, of: &str) -> String {
        self.named += 1;
        format!("{of}-{}", self.named)
    }

    fn check_prompt(&self, body: &Value) -> Result<(), Refusal> {
        let name = text(body, "promptName")?;
        match &self.prompt {
            Some(prompt) if prompt.name == name => Ok(()),
            Some(_) | None => Err(invalid("the prompt is not open")),
        }
    }
}

fn text(body: &Value, member: &str) -> Result<String, Refusal> {
    let text = body.get(member).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| invalid(&format!("required key [{member}] not found")))
}

fn invalid(complaint: &str) -> Refusal {
    Refusal::new(Fault::Validation, format!("Malformed input request: {complaint}."))
}
