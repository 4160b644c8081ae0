//! Bodies of every operation are opened, decoded or refused, never a panic, and every span lies in the document.
#![no_main]

use bedrock_warden::bedrock::envelope::Envelope;
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

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (model, operation, bytes) = input;
    let operations: Vec<_> = Operation::granted().collect();
    let operation = operations[usize::from(operation) % operations.len()];
    let Ok(model) = ModelReference::parse(MODELS[usize::from(model) % MODELS.len()]) else { return };
    let Ok(envelope) = Envelope::open(operation, Some(&model), bytes) else { return };
    let Ok(document) = Document::parse(envelope.document()) else { return };
    if let Ok(view) = envelope.format().decode(&document) {
        for text in &view.texts {
            assert!(document.source().get(text.span.start..text.span.end).is_some());
        }
    }
    for text in &envelope.format().answer(&document).texts {
        assert!(document.source().get(text.span.start..text.span.end).is_some());
    }
});
