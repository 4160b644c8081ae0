//! Bodies of every format are decoded or refused, never a panic, and every span lies in the body, of words and of what
//! nobody can look into.
#![no_main]

use bedrock_warden::bedrock::format::Format;
use bedrock_warden::bedrock::invoke::Family;
use bedrock_warden::bedrock::json::Document;
use bedrock_warden::bedrock::model::ModelReference;
use bedrock_warden::bedrock::operation::Operation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let Ok(document) = Document::parse(bytes) else { return };
    let format = match Family::ALL.get(usize::from(choice) % (Family::ALL.len() + 1)) {
        Some(family) => Format::of_family(*family),
        None => {
            let Ok(model) = ModelReference::parse("anthropic.claude-3-haiku-20240307-v1:0") else { return };
            let Ok(format) = Format::of(Operation::Converse, &model) else { return };
            format
        }
    };
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
});
