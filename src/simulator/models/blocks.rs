//! Texts inside content blocks: Anthropic's, Nova's and Converse's differ in names, not in kind.
//!
//! Receives a message's content and returns every text in it that the model reads; media is passed over. Pure.

use serde_json::Value;

/// Members that lead to text.
const TEXTUAL: &[&str] = &[
    "citationsContent",
    "content",
    "context",
    "document",
    "guardContent",
    "reasoningContent",
    "reasoningText",
    "searchResult",
    "source",
    "text",
    "thinking",
    "title",
    "toolResult",
    "toolUse",
];

/// Members whose JSON the model reads as text.
const STRUCTURED: &[&str] = &["input", "json"];

/// Appends the texts in `content`, a text, a block or an array of blocks.
pub fn read(content: &Value, texts: &mut Vec<String>) {
    match content {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(blocks) => blocks.iter().for_each(|block| read(block, texts)),
        Value::Object(members) => {
            for (name, value) in members {
                if TEXTUAL.contains(&name.as_str()) {
                    read(value, texts);
                } else if STRUCTURED.contains(&name.as_str()) {
                    texts.push(value.to_string());
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
