//! Chat completions in OpenAI's form: `choices` whole, or in pieces of `delta`; tokens are counted in `usage`.
//!
//! Shapes as documented by the providers. Writer's streams end with the string `[DONE]`. Pure.

use serde_json::{Value, json};

use super::{
    Completion, Exchange, Family, Fields, GUARDRAIL_CONFIG, Malformed, Prompt, Random, Stop, read_blocks,
};
use crate::simulator::speech::pieces;

const MOST_CHOICES: u64 = 8;
const ROLES: &[&str] = &["system", "developer", "user", "assistant", "tool"];

pub fn read(family: Family, body: &Fields<'_>) -> Result<Prompt, Malformed> {
    body.only(&[SHARED, extras(family)].concat())?;
    let mut prompt = Prompt::default();
    for message in body.objects("messages")? {
        if !ROLES.contains(&message.text("role")?) {
            return Err(message.complaint("role is not a valid enum value"));
        }
        if let Some(content) = message.value("content") {
            read_blocks(content, &mut prompt.texts);
        }
    }
    body.number("temperature", 0.0..=2.0)?;
    body.number("top_p", 0.0..=1.0)?;
    let limit = body.count("max_tokens", 1..=u64::MAX)?;
    if limit.is_some() && family == Family::OpenAi {
        return Err(body.complaint("use max_completion_tokens instead of max_tokens"));
    }
    prompt.max_tokens = limit.or(body.count("max_completion_tokens", 1..=u64::MAX)?);
    prompt.stop_sequences = match body.value("stop") {
        Some(Value::String(stop)) => vec![stop.clone()],
        _ => body.texts("stop")?,
    };
    prompt.answers = body.count("n", 1..=MOST_CHOICES)?.unwrap_or(1);
    Ok(prompt)
}

pub fn whole(exchange: &Exchange<'_>, random: &mut Random) -> Value {
    let choices: Vec<Value> = (0..)
        .zip(exchange.completions)
        .map(|(index, completion)| {
            json!({
                "finish_reason": reason(completion),
                "index": index,
                "message": {"content": completion.text, "role": "assistant"},
            })
        })
        .collect();
    json!({
        "choices": choices,
        "created": 1_700_000_000,
        "id": identifier(random),
        "model": exchange.model.id,
        "object": "chat.completion",
        "usage": usage(exchange),
    })
}

pub fn chunks(exchange: &Exchange<'_>, random: &mut Random) -> Vec<Value> {
    let id = identifier(random);
    let chunk = |choices: Value| {
        json!({
            "choices": choices,
            "created": 1_700_000_000,
            "id": id,
            "model": exchange.model.id,
            "object": "chat.completion.chunk",
        })
    };
    let choice = |index: usize, delta: Value, reason: Option<&str>| json!([{"delta": delta, "finish_reason": reason, "index": index}]);
    let mut chunks = Vec::new();
    for (index, completion) in exchange.completions.iter().enumerate() {
        chunks.push(chunk(choice(index, json!({"content": "", "role": "assistant"}), None)));
        for piece in pieces(&completion.text, random) {
            chunks.push(chunk(choice(index, json!({"content": piece}), None)));
        }
    }
    for (index, completion) in exchange.completions.iter().enumerate() {
        chunks.push(chunk(choice(index, json!({}), Some(reason(completion)))));
    }
    let mut last = chunk(json!([]));
    if let Some(members) = last.as_object_mut() {
        members.insert("usage".to_owned(), usage(exchange));
    }
    chunks.push(last);
    if exchange.model.provider == "Writer" {
        chunks.push("[DONE]".into());
    }
    chunks
}

fn identifier(random: &mut Random) -> String {
    format!("chatcmpl-{}", random.identifier(24))
}

fn usage(exchange: &Exchange<'_>) -> Value {
    let (input, output) = (exchange.prompt.tokens(), exchange.output_tokens());
    json!({"completion_tokens": output, "prompt_tokens": input, "total_tokens": input + output})
}

const fn reason(completion: &Completion) -> &'static str {
    match completion.stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
    }
}

const SHARED: &[&str] = &[
    "messages",
    "max_tokens",
    "temperature",
    "top_p",
    "stop",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "stream",
    GUARDRAIL_CONFIG,
];

const fn extras(family: Family) -> &'static [&'static str] {
    match family {
        Family::Jamba => &["documents"],
        Family::MistralChat => &["top_k", "random_seed", "safe_prompt", "prompt_mode"],
        _ => &[
            "model",
            "max_completion_tokens",
            "min_tokens",
            "top_k",
            "min_p",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "reasoning_effort",
            "repetition_penalty",
            "stream_options",
            "thinking",
            "chat_template_kwargs",
            "user",
        ],
    }
}
