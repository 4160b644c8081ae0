use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<serde_json::Value, JsonError> {
    Document::parse(text.as_bytes()).map(|document| lower(document.root()))
}

/// The same tree as serde_json builds it, so that the two parsers can be compared.
fn lower(node: &Node<'_>) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => serde_json::from_str(number.text).unwrap(),
        Value::String(text) => text.clone().into_owned().into(),
        Value::Array(elements) => elements.iter().map(lower).collect(),
        Value::Object(members) => {
            members.iter().map(|member| (member.name.clone().into_owned(), lower(&member.node))).collect()
        }
    }
}

#[test]
fn json_that_two_parsers_could_read_differently_is_refused() {
    let refused: &[(&str, JsonError)] = &[
        ("", JsonError::Empty),
        (" \n", JsonError::Empty),
        ("\u{feff}{}", JsonError::ByteOrderMark),
        (r#"{"a":1,"a":2}"#, JsonError::DuplicateKey(7)),
        (r#"{"a":1,"\u0061":2}"#, JsonError::DuplicateKey(7)),
        (r#"{"x":[{"b":{"k":1,"k":1}}]}"#, JsonError::DuplicateKey(18)),
        ("{} {}", JsonError::TrailingData(3)),
        ("{}\u{0}", JsonError::TrailingData(2)),
        ("[1,]", JsonError::Syntax(3)),
        ("{,}", JsonError::Syntax(1)),
        (r#"{"a":1,}"#, JsonError::Syntax(7)),
        ("{'a':1}", JsonError::Syntax(1)),
        ("{a:1}", JsonError::Syntax(1)),
        ("// note\n{}", JsonError::Syntax(0)),
        ("NaN", JsonError::Syntax(0)),
        ("Infinity", JsonError::Syntax(0)),
        ("-Infinity", JsonError::Syntax(1)),
        ("0x10", JsonError::TrailingData(1)),
        ("01", JsonError::TrailingData(1)),
        ("+1", JsonError::Syntax(0)),
        (".5", JsonError::Syntax(0)),
        ("1.", JsonError::Syntax(2)),
        ("1e", JsonError::Syntax(2)),
        ("1e400", JsonError::NumberOutOfRange(0)),
        ("-1e400", JsonError::NumberOutOfRange(0)),
        ("tru", JsonError::Syntax(0)),
        ("\"tab\there\"", JsonError::Syntax(4)),
        (r#""\x41""#, JsonError::Syntax(2)),
        (r#""\u12""#, JsonError::Syntax(5)),
        ("\"open", JsonError::Syntax(5)),
        (r#""\ud83d""#, JsonError::LoneSurrogate(1)),
        (r#""\ude00""#, JsonError::LoneSurrogate(1)),
        (r#""\ud83dx""#, JsonError::LoneSurrogate(1)),
        (r#""\ud83d\u0041""#, JsonError::LoneSurrogate(1)),
    ];
    for (text, expected) in refused {
        assert_eq!(parse(text), Err(*expected), "{text:?}");
    }
    assert_eq!(Document::parse(b"\"\xff\"").unwrap_err(), JsonError::InvalidUtf8(1));
    assert_eq!(Document::parse(b"\xff\xfe{\0}\0").unwrap_err(), JsonError::InvalidUtf8(0));
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(Document::parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err(), JsonError::TooDeep(MAX_DEPTH));
    assert!(matches!(Document::parse("[".repeat(100_000).as_bytes()), Err(JsonError::TooDeep(_))));
    let wide = format!("[{}0]", "0,".repeat(MAX_VALUES));
    assert_eq!(Document::parse(wide.as_bytes()).unwrap_err(), JsonError::TooManyValues);
}

#[test]
fn a_repeated_key_is_found_in_large_objects() {
    let members: Vec<_> = (0..100).map(|index| format!("\"k{index}\":0")).collect();
    let unique = format!("{{{}}}", members.join(","));
    assert!(Document::parse(unique.as_bytes()).is_ok());
    for repeated in ["k0", "k15", "k16", "k99"] {
        let doubled = format!("{{{},\"{repeated}\":1}}", members.join(","));
        assert!(matches!(Document::parse(doubled.as_bytes()), Err(JsonError::DuplicateKey(_))), "{repeated}");
    }
}

#[test]
fn spans_cover_the_source_of_each_value() {
    let source = " {\"a\": [1.50, \"x\\n\"], \"b\": {}} ";
    let document = Document::parse(source.as_bytes()).unwrap();
    let text = |node: &Node<'_>| source.get(node.span.start..node.span.end).unwrap().to_owned();
    let list = document.root().get("a").unwrap();
    assert_eq!(text(list), "[1.50, \"x\\n\"]");
    assert_eq!(text(&list.elements()[0]), "1.50");
    assert_eq!(text(&list.elements()[1]), "\"x\\n\"");
    assert_eq!(text(document.root().get("b").unwrap()), "{}");
}

#[test]
fn edits_leave_every_other_byte_alone() {
    let source = "{ \"big\":1.000000000000000005,\n \"inner\":{}, \"text\":\"a\\u0040b\" }";
    let document = Document::parse(source.as_bytes()).unwrap();
    let root = document.root();
    let mut edits = Edits::default();
    edits.replace_with_string(root.get("text").unwrap().span, "{EMAIL} \"quoted\"");
    let inner = root.get("inner").unwrap().span;
    edits.insert(inner, true, &["x"], "1");
    edits.insert(inner, true, &["y", "deep", "one"], "2");
    edits.insert(inner, true, &["y", "deep", "two"], "3");
    edits.insert(root.span, false, &["last"], "null");
    let edited = edits.apply(source);
    assert_eq!(
        edited,
        "{ \"big\":1.000000000000000005,\n \"inner\":{\"x\":1,\"y\":{\"deep\":{\"one\":2,\"two\":3}}}, \"text\":\"{EMAIL} \\\"quoted\\\"\" ,\"last\":null}"
    );
    assert!(Document::parse(edited.as_bytes()).is_ok());
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::hash_map(any::<String>(), inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_as_the_same_tree(value in any_json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert_eq!(parse(&text), Ok(serde_json::from_str(&text).unwrap()));
        }
    }

    #[test]
    fn what_is_accepted_is_what_serde_json_reads(text in r#"[\[\]{}:,"\\u0-9a-fe.+\- tn]{0,24}"#) {
        if let Ok(tree) = parse(&text) {
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&text).ok(), Some(tree));
        }
    }
}
