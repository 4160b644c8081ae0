//! Prompts of Prompt management: a text, a model and parameters that are kept by AWS and called by name.
//!
//! Receives the answer of GetPrompt (botocore model of `bedrock-agent`) and returns the model, and the rest as the Converse
//! body that it stands for. With the variables of a request filled in, that body is read and judged as if it had been sent.
//! Versions never change, so that what was read is what will run; a draft can change between the two and is refused.

use std::sync::Arc;

use super::format::error::DecodeError;
use super::json::{Document, Edits, JsonError, Node, Span, Value, quoted};
use super::model::resolution::ResolutionError;
use super::model::{ModelKind, ModelReference};

/// A version of a stored prompt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredPrompt {
    /// A Converse body with `{{name}}` where variables go.
    body: Arc<str>,
}

/// Members of a request that Bedrock takes from the stored prompt instead (service documentation of Converse).
const STORED: [&str; 4] = ["additionalModelRequestFields", "inferenceConfig", "system", "toolConfig"];

impl StoredPrompt {
    /// Reads the answer of GetPrompt about `version` of the prompt with the ARN `arn`.
    // FAIL-CLOSED: a member that is not known could change what runs.
    pub(crate) fn read(
        answer: &Document<'_>,
        arn: &str,
        version: &str,
    ) -> Result<(Self, ModelReference), ResolutionError> {
        let root = answer.root();
        let said =
            |name: &'static str| root.get(name).and_then(Node::as_str).ok_or(ResolutionError::Member(name));
        let own = said("arn")?;
        if own
            .strip_prefix(arn)
            .is_none_or(|rest| !rest.is_empty() && rest.strip_prefix(':') != Some(version))
        {
            return Err(ResolutionError::Member("arn"));
        }
        if said("version")? != version {
            return Err(ResolutionError::Member("version"));
        }
        // A version holds one variant.
        let [variant] = root.get("variants").map(Node::elements).unwrap_or_default() else {
            return Err(ResolutionError::Member("variants"));
        };
        let text = |span: Span| answer.source().get(span.start..span.end).unwrap_or_default();
        let (mut model, mut parts) = (None, Vec::new());
        for member in variant.members() {
            match member.name.as_ref() {
                "name" | "templateType" | "metadata" => {}
                "modelId" => {
                    let id = member.node.as_str().ok_or(ResolutionError::Member("modelId"))?;
                    model = ModelReference::parse(id).ok().filter(|model| model.kind() != ModelKind::Prompt);
                }
                "templateConfiguration" => template(&member.node, text, &mut parts)?,
                "inferenceConfiguration" => match member.node.members() {
                    [] => {}
                    [only] if only.name == "text" => {
                        parts.push(("inferenceConfig", text(only.node.span).to_owned()));
                    }
                    _ => return Err(ResolutionError::Member("inferenceConfiguration")),
                },
                "additionalModelRequestFields" => {
                    parts.push(("additionalModelRequestFields", text(member.node.span).to_owned()));
                }
                // An agent instead of a model, and whatever comes.
                _ => return Err(ResolutionError::Member("variants")),
            }
        }
        let members: Vec<_> = parts.iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
        let body = Arc::from(format!("{{{}}}", members.join(",")));
        Ok((Self { body }, model.ok_or(ResolutionError::Member("modelId"))?))
    }

    /// The Converse body with the variables of `request` filled in. A variable that the request lacks stays as it is.
    pub fn filled(&self, request: &Node<'_>) -> Result<String, JsonError> {
        let document = Document::parse(self.body.as_bytes())?;
        let variables: Vec<(String, &str)> = request
            .get("promptVariables")
            .map(Node::members)
            .unwrap_or_default()
            .iter()
            .filter_map(|one| Some((format!("{{{{{}}}}}", one.name), one.node.get("text")?.as_str()?)))
            .collect();
        let mut edits = Edits::default();
        fill(document.root(), &variables, &mut edits);
        Ok(edits.apply(document.source()))
    }
}

/// FAIL-CLOSED: refuses what Bedrock takes from the stored prompt, so that nobody has to know which of the two would win.
pub fn check_request(request: &Node<'_>) -> Result<(), DecodeError> {
    match request.members().iter().find(|member| STORED.contains(&member.name.as_ref())) {
        Some(member) => Err(DecodeError::refused(member, "a stored prompt has its own")),
        None => Ok(()),
    }
}

/// The messages, the system prompt and the tools of a template.
fn template<'s>(
    configuration: &Node<'_>,
    text: impl Fn(Span) -> &'s str,
    parts: &mut Vec<(&'static str, String)>,
) -> Result<(), ResolutionError> {
    const MEMBER: ResolutionError = ResolutionError::Member("templateConfiguration");
    let [kind] = configuration.members() else { return Err(MEMBER) };
    for member in kind.node.members() {
        match (kind.name.as_ref(), member.name.as_ref()) {
            ("text", "text") => {
                let words = quoted(member.node.as_str().ok_or(MEMBER)?);
                parts.push((
                    "messages",
                    format!("[{{\"role\":\"user\",\"content\":[{{\"text\":{words}}}]}}]"),
                ));
            }
            ("chat", "messages") => parts.push(("messages", text(member.node.span).to_owned())),
            ("chat", "system") => parts.push(("system", text(member.node.span).to_owned())),
            ("chat", "toolConfiguration") => parts.push(("toolConfig", text(member.node.span).to_owned())),
            (_, "inputVariables") | ("text", "cachePoint") => {}
            (_, _) => return Err(MEMBER),
        }
    }
    if parts.iter().any(|(name, _)| *name == "messages") { Ok(()) } else { Err(MEMBER) }
}

fn fill(node: &Node<'_>, variables: &[(String, &str)], edits: &mut Edits) {
    match &node.value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            let filled = filled_text(text, variables);
            if filled != *text {
                edits.replace_with_string(node.span, &filled);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| fill(element, variables, edits)),
        Value::Object(members) => members.iter().for_each(|member| fill(&member.node, variables, edits)),
    }
}

/// Every variable in its places, from left to right: what a value holds is not filled again.
fn filled_text(text: &str, variables: &[(String, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next =
            variables.iter().filter_map(|(name, value)| Some((rest.find(name.as_str())?, name, value)));
        let Some((at, name, value)) = next.min_by_key(|(at, ..)| *at) else { break };
        filled.push_str(rest.get(..at).unwrap_or_default());
        filled.push_str(value);
        rest = rest.get(at + name.len()..).unwrap_or_default();
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:bedrock:us-east-1:111122223333:prompt/QWERTYUIOP";

    fn read(variant: &str) -> Result<(StoredPrompt, ModelReference), ResolutionError> {
        let answer = format!(r#"{{"arn":"{ARN}:3","version":"3","name":"n","variants":[{variant}]}}"#);
        StoredPrompt::read(&Document::parse(answer.as_bytes()).unwrap(), ARN, "3")
    }

    fn filled(variant: &str, request: &str) -> String {
        read(variant).unwrap().0.filled(Document::parse(request.as_bytes()).unwrap().root()).unwrap()
    }

    #[test]
    fn a_text_becomes_the_body_that_it_stands_for() {
        let variant = r#"{"name":"v","templateType":"TEXT","modelId":"amazon.nova-lite-v1:0",
            "templateConfiguration":{"text":{"text":"Greet {{who}} \u0022now\u0022, {{who}}{{what}}","inputVariables":[{"name":"who"}]}},
            "inferenceConfiguration":{"text":{"maxTokens":9}},"additionalModelRequestFields":{"top_k":3}}"#;
        let request = r#"{"promptVariables":{"who":{"text":"{{what}}"},"what":{"text":"!"}}}"#;
        assert_eq!(
            filled(variant, request),
            r#"{"messages":[{"role":"user","content":[{"text":"Greet {{what}} \"now\", {{what}}!"}]}],"inferenceConfig":{"maxTokens":9},"additionalModelRequestFields":{"top_k":3}}"#
        );
        assert_eq!(read(variant).unwrap().1.canonical(), "amazon.nova-lite-v1:0");
    }

    #[test]
    fn a_chat_becomes_the_body_that_it_stands_for() {
        let chat = r#"{"messages":[{"role":"user","content":[{"text":"{{q}}"}]}],"system":[{"text":"s"}],"toolConfiguration":{"tools":[]}}"#;
        let variant =
            format!(r#"{{"modelId":"amazon.nova-lite-v1:0","templateConfiguration":{{"chat":{chat}}}}}"#);
        assert_eq!(
            filled(&variant, r#"{"promptVariables":{"q":{"text":"why?"}}}"#),
            r#"{"messages":[{"role":"user","content":[{"text":"why?"}]}],"system":[{"text":"s"}],"toolConfig":{"tools":[]}}"#
        );
    }

    #[test]
    fn what_is_not_understood_whole_is_not_understood() {
        let text = r#""templateConfiguration":{"text":{"text":"t"}}"#;
        assert!(read(&format!(r#"{{"modelId":"amazon.nova-lite-v1:0",{text}}}"#)).is_ok());
        for variant in [
            String::new(),
            "{}".to_owned(),
            format!("{{{text}}}"),
            format!(r#"{{"modelId":"..",{text}}}"#),
            r#"{"modelId":"amazon.nova-lite-v1:0"}"#.to_owned().replace('}', r#","templateConfiguration":{}}"#),
            r#"{"modelId":"amazon.nova-lite-v1:0","templateConfiguration":{"text":{"text":"t","new":1}}}"#.to_owned(),
            format!(r#"{{"modelId":"amazon.nova-lite-v1:0",{text},"genAiResource":{{"agent":{{}}}}}}"#),
            format!(r#"{{"modelId":"amazon.nova-lite-v1:0",{text},"inferenceConfiguration":{{"other":{{}}}}}}"#),
            format!(r#"{{"modelId":"amazon.nova-lite-v1:0",{text}}},{{"modelId":"amazon.nova-lite-v1:0",{text}}}"#),
        ] {
            assert!(read(&variant).is_err(), "{variant}");
        }
        let other = format!(
            r#"{{"arn":"{ARN}:4","version":"4","variants":[{{"modelId":"amazon.nova-lite-v1:0",{text}}}]}}"#
        );
        let document = Document::parse(other.as_bytes()).unwrap();
        assert!(StoredPrompt::read(&document, ARN, "3").is_err(), "another version");
    }

    #[test]
    fn a_request_has_nothing_of_its_own_in_the_place_of_what_is_stored() {
        let check = |body: &str| check_request(Document::parse(body.as_bytes()).unwrap().root());
        assert!(check(r#"{"promptVariables":{},"messages":[],"guardrailConfig":{}}"#).is_ok());
        for name in STORED {
            assert!(check(&format!("{{\"{name}\":{{}}}}")).is_err(), "{name}");
        }
    }
}
