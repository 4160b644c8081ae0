//! Whatever the strict parser accepts, serde_json accepts too, and edits of it stay acceptable.
#![no_main]

use bedrock_warden::bedrock::json::{Document, Edits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes) else { return };
    assert!(serde_json::from_slice::<serde_json::Value>(bytes).is_ok());
    let mut edits = Edits::default();
    for member in document.root().members() {
        edits.replace_with_string(member.node.span, "edited \"text\"");
    }
    edits.insert(document.root().span, document.root().members().is_empty(), &["a new", "member"], "1");
    if document.root().is_object() && document.root().get("a new").is_none() {
        assert!(Document::parse(edits.apply(document.source()).as_bytes()).is_ok());
    }
});
