//! Bodies of every operation and family are opened, decoded or refused, never a panic, and every span lies in the
//! document, of words and of what nobody can look into.
#![no_main]

use bedrock_warden::bedrock::envelope::Envelope;
use bedrock_warden::bedrock::format::Format;
use bedrock_warden::bedrock::invoke::Family;
use bedrock_warden::bedrock::json::Document;
use bedrock_warden::bedrock::model::ModelReference;
use bedrock_warden::bedrock::operation::Operation;
use libfuzzer_sys::fuzz_target;

const MODELS: &[&str] = &["amazon.titan-text-express-v1", "anthropic.claude-3-haiku-20240307-v1:0"];

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (choice, operation, bytes) = input;
    if let Some(family) = Family::ALL.get(usize::from(choice) % (Family::ALL.len() + 1)) {
        return check(Format::of_family(*family), bytes);
    }
    let operations: Vec<_> = Operation::granted().collect();
    let operation = operations[usize::from(operation) % operations.len()];
    let Ok(model) = ModelReference::parse(MODELS[usize::from(choice) % MODELS.len()]) else { return };
    if let Ok(envelope) = Envelope::open(operation, Some(&model), bytes) {
        check(envelope.format(), envelope.document());
    }
});

fn check(format: Format, bytes: &[u8]) {
    let Ok(document) = Document::parse(bytes) else { return };
    let lies_within = |start, end| document.source().get(start..end).is_some();
    if let Ok(view) = format.decode(&document) {
        assert!(view.texts.iter().all(|text| lies_within(text.span.start, text.span.end)));
        assert!(view.opaque.iter().all(|opaque| lies_within(opaque.span.start, opaque.span.end)));
        let coverage = view.coverage(&document);
        assert_eq!(coverage.uninspected.is_empty(), view.opaque.is_empty());
    }
    for text in &format.answer(&document).texts {
        assert!(lies_within(text.span.start, text.span.end));
    }
}
