//! Bodies of every format are decoded or refused, never a panic, and every span lies in the body.
#![no_main]

use bedrock_warden::bedrock::format::Format;
use bedrock_warden::bedrock::json::Document;
use bedrock_warden::bedrock::model::ModelReference;
use bedrock_warden::bedrock::operation::Operation;
use libfuzzer_sys::fuzz_target;

const MODELS: &[&str] = &[
    "amazon.titan-text-express-v1",
    "amazon.titan-embed-text-v2:0",
    "ai21.j2-ultra-v1",
    "anthropic.claude-v2",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "cohere.command-text-v14",
    "cohere.embed-english-v3",
    "stability.stable-diffusion-xl-v1",
    "amazon.nova-lite-v1:0",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let name = MODELS[usize::from(choice) % MODELS.len()];
    let operation = if choice < 128 { Operation::InvokeModel } else { Operation::Converse };
    let (Ok(model), Ok(document)) = (ModelReference::parse(name), Document::parse(bytes)) else { return };
    let Ok(format) = Format::of(operation, &model) else { return };
    if let Ok(view) = format.decode(&document) {
        for text in &view.texts {
            assert!(document.source().get(text.span.start..text.span.end).is_some());
        }
    }
    for text in &format.answer(&document).texts {
        assert!(document.source().get(text.span.start..text.span.end).is_some());
    }
});
