//! Unary answers of every family, by table.

use serde_json::{Value as Json, json};

use crate::bedrock::format::Format;
use crate::bedrock::invoke::Family;
use crate::bedrock::json::Document;
use crate::bedrock::view::{TextRole, Usage};

fn counts(input: Option<u64>, output: Option<u64>) -> Usage {
    Usage { input, output, ..Usage::default() }
}

/// An answer, the texts in it that the model spoke, its counts and why it ended.
type Spoken = (Family, Json, Vec<&'static str>, Usage, Option<&'static str>);

fn answers_of_amazon_and_others() -> Vec<Spoken> {
    vec![
        (
            Family::TitanText,
            json!({"inputTextTokenCount": 5, "results": [
            {"tokenCount": 7, "outputText": "one", "completionReason": "FINISH"},
            {"tokenCount": 3, "outputText": "two", "completionReason": "LENGTH"}]}),
            vec!["one", "two"],
            counts(Some(5), Some(10)),
            Some("FINISH"),
        ),
        (
            Family::TitanEmbed,
            json!({"embedding": [0.1, 0.2], "inputTextTokenCount": 3, "message": "odd"}),
            vec![],
            counts(Some(3), None),
            None,
        ),
        (
            Family::Jurassic2,
            json!({"id": 1, "prompt": {"text": "hi", "tokens": []}, "completions": [
            {"data": {"text": "hello", "tokens": []}, "finishReason": {"reason": "endoftext"}}]}),
            vec!["hi", "hello"],
            Usage::default(),
            Some("endoftext"),
        ),
        (
            Family::CohereCommand,
            json!({"id": "x", "prompt": "hi", "generations": [
            {"id": "g", "text": "there", "finish_reason": "COMPLETE"}]}),
            vec!["there"],
            Usage::default(),
            Some("COMPLETE"),
        ),
        (
            Family::CohereEmbed,
            json!({"embeddings": [[0.1]], "id": "i", "response_type": "embeddings_floats",
            "texts": ["echo"]}),
            vec![],
            Usage::default(),
            None,
        ),
        (
            Family::StableDiffusionXl,
            json!({"result": "success", "artifacts": [
            {"seed": 1, "base64": "iVBORw0KGgo=", "finishReason": "SUCCESS"}]}),
            vec![],
            Usage::default(),
            Some("SUCCESS"),
        ),
        (
            Family::Nova,
            json!({"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
            "stopReason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3,
                "cacheReadInputTokenCount": 4, "cacheWriteInputTokenCount": 5}}),
            vec!["Hi"],
            Usage { input: Some(1), output: Some(2), cache_read: Some(4), cache_write: Some(5) },
            Some("end_turn"),
        ),
    ]
}

/// An answer of chat completions.
fn answers_of_chats() -> Vec<Spoken> {
    let chat = json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi",
            "reasoning_content": "hm", "tool_calls": [{"id": "t", "type": "function",
                "function": {"name": "find", "arguments": "{}"}}]}},
        {"index": 1, "finish_reason": "length", "message": {"content": null}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11,
            "prompt_tokens_details": {"cached_tokens": 4}}});
    let usage = Usage { input: Some(5), output: Some(2), cache_read: Some(4), cache_write: None };
    [Family::OpenAiChat, Family::OpenAi, Family::Jamba, Family::Mistral, Family::DeepSeek]
        .map(|family| (family, chat.clone(), vec!["Hi"], usage, Some("stop")))
        .to_vec()
}

fn answers_of_others() -> Vec<Spoken> {
    vec![
        (
            Family::Llama,
            json!({"generation": "Hi", "prompt_token_count": 3, "generation_token_count": 2, "stop_reason": "stop"}),
            vec!["Hi"],
            counts(Some(3), Some(2)),
            Some("stop"),
        ),
        (
            Family::Mistral,
            json!({"outputs": [{"text": "Hi", "stop_reason": "length"}]}),
            vec!["Hi"],
            Usage::default(),
            Some("length"),
        ),
        (
            Family::DeepSeek,
            json!({"choices": [{"text": "Hi", "stop_reason": "stop"}]}),
            vec!["Hi"],
            Usage::default(),
            Some("stop"),
        ),
        (
            Family::CohereCommandR,
            json!({"text": "Hi", "finish_reason": "COMPLETE", "chat_history": [{"message": "before"}],
                "tool_calls": [{"name": "find", "parameters": {"q": 7}}]}),
            vec!["Hi"],
            Usage::default(),
            Some("COMPLETE"),
        ),
        (
            Family::Pegasus,
            json!({"message": "Hi", "finishReason": "stop"}),
            vec!["Hi"],
            Usage::default(),
            Some("stop"),
        ),
        (
            Family::StabilityImage,
            json!({"images": ["iVBORw0KGgo="], "seeds": [1], "finish_reasons": [null, "Filter reason: prompt"]}),
            vec![],
            Usage::default(),
            Some("Filter reason: prompt"),
        ),
        (
            Family::AmazonImage,
            json!({"images": ["iVBORw0KGgo="], "error": null}),
            vec![],
            Usage::default(),
            None,
        ),
        (
            Family::NovaEmbed,
            json!({"embeddings": [{"embeddingType": "TEXT", "embedding": [0.1]}], "inputTextTokenCount": 3}),
            vec![],
            counts(Some(3), None),
            None,
        ),
        (
            Family::TitanMultimodalEmbed,
            json!({"embedding": [0.1], "inputTextTokenCount": 3, "message": null}),
            vec![],
            counts(Some(3), None),
            None,
        ),
        (Family::Marengo, json!({"data": [{"embedding": [0.1]}]}), vec![], Usage::default(), None),
        (
            Family::Rerank,
            json!({"results": [{"index": 0, "relevance_score": 0.5}]}),
            vec![],
            Usage::default(),
            None,
        ),
    ]
}

fn answers_of_anthropic() -> Vec<Spoken> {
    vec![
        (
            Family::ClaudeText,
            json!({"completion": " Hi", "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}),
            vec![" Hi"],
            Usage::default(),
            Some("stop_sequence"),
        ),
        (
            Family::ClaudeText,
            json!({"type": "message", "content": [{"type": "text", "text": "Hey"}],
            "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}}),
            vec!["Hey"],
            counts(Some(1), Some(2)),
            Some("end_turn"),
        ),
        (
            Family::ClaudeMessages,
            json!({"id": "msg_bdrk_1", "type": "message", "role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "Hi"}],
            "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 3,
                "cache_creation_input_tokens": 4}}),
            vec!["Hi"],
            Usage { input: Some(10), output: Some(20), cache_read: Some(3), cache_write: Some(4) },
            Some("end_turn"),
        ),
    ]
}

#[test]
fn answers_show_text_counts_and_stop_reason() {
    let all =
        [answers_of_amazon_and_others(), answers_of_anthropic(), answers_of_chats(), answers_of_others()];
    for (family, body, assistant, usage, stop_reason) in all.concat() {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let answer = Format::of_family(family).answer(&document);
        let spoken: Vec<&str> = answer
            .texts
            .iter()
            .filter(|text| text.role == TextRole::Assistant)
            .map(|text| text.text.as_ref())
            .collect();
        assert_eq!(spoken, assistant, "{}", family.name());
        assert_eq!(answer.usage, usage, "{}", family.name());
        assert_eq!(answer.stop_reason.as_deref(), stop_reason, "{}", family.name());
        assert!(answer.texts.iter().all(|text| text.text != "iVBORw0KGgo=" && text.text != "c2ln"));
    }
}

#[test]
fn echoes_and_messages_of_an_answer_are_read() {
    for (family, body, words) in [
        (Family::CohereEmbed, json!({"texts": ["123-45-6789"]}), "123-45-6789"),
        (Family::CohereCommand, json!({"prompt": "123-45-6789", "generations": []}), "123-45-6789"),
        (Family::TitanEmbed, json!({"message": "123-45-6789"}), "123-45-6789"),
        (Family::AmazonImage, json!({"images": [], "error": "123-45-6789"}), "123-45-6789"),
        (Family::CohereCommandR, json!({"chat_history": [{"message": "123-45-6789"}]}), "123-45-6789"),
        (Family::CohereCommandR, json!({"tool_calls": [{"parameters": {"a": 78_051_120}}]}), "78051120"),
        (
            Family::OpenAiChat,
            json!({"choices": [{"message": {"tool_calls": [{"function": {"arguments": "123-45-6789"}}]}}]}),
            "123-45-6789",
        ),
        (Family::OpenAiChat, json!({"choices": [{"message": {"future": "123-45-6789"}}]}), "123-45-6789"),
        (
            Family::ClaudeMessages,
            json!({"content": [{"type": "tool_use", "input": {"a": 78_051_120}}]}),
            "78051120",
        ),
        (Family::StableDiffusionXl, json!({"artifacts": [{"base64": "no base64!"}]}), "no base64!"),
    ] {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let answer = Format::of_family(family).answer(&document);
        assert!(answer.texts.iter().any(|text| text.text == words), "{}", family.name());
    }
}

#[test]
fn text_cut_into_tokens_is_read_whole() {
    let token = |text: &str| {
        json!({"generatedToken": {"token": text, "logprob": -1.0},
            "topTokens": [{"token": "other"}], "textRange": {"start": 0, "end": 1}})
    };
    let jurassic = json!({"completions": [{"data": {"text": "",
        "tokens": [token("\u{2581}123"), token("-45-"), token("6789")]}}]});
    let cohere = json!({"generations": [{"token_likelihoods": [{"token": " 123-"}, {"token": "45-6789"}]}]});
    let chat = json!({"choices": [{"logprobs": {"content": [{"token": " 123-", "top_logprobs": [{"token": "x"}]},
        {"token": "45-6789"}]}}]});
    let completion =
        json!({"choices": [{"logprobs": {"tokens": [" 123-", "45-6789"], "top_logprobs": [{"x": -1}]}}]});
    for (family, body) in [
        (Family::Jurassic2, jurassic),
        (Family::CohereCommand, cohere),
        (Family::OpenAiChat, chat),
        (Family::DeepSeek, completion),
    ] {
        let source = body.to_string();
        let document = Document::parse(source.as_bytes()).unwrap();
        let answer = Format::of_family(family).answer(&document);
        let text = answer
            .texts
            .iter()
            .find(|text| text.text == " 123-45-6789")
            .unwrap_or_else(|| panic!("{}", family.name()));
        assert!(!text.editable);
    }
}
