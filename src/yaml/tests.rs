use super::*;

fn parse(text: &str) -> (Option<Node>, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let node = Source::new("file.yaml", text).parse(&mut diagnostics);
    (node, diagnostics.iter().map(ToString::to_string).collect())
}

#[test]
fn what_the_subset_leaves_out_is_refused_with_its_place() {
    let refused = [
        ("", "error: file.yaml:1:1: the file is empty"),
        (
            "a: 1\n---\nb: 2\n",
            "error: file.yaml:2:1: a second document is not supported (keep one document in a file)",
        ),
        (
            "a: 1\nb: 2\na: 3\n",
            "error: file.yaml:3:1: key `a` is repeated (keep one; several values of one key are a list)",
        ),
        (
            "a: &x 1\n",
            "error: file.yaml:1:7: an anchor (`&name`) is not supported (write the value out where it is used)",
        ),
        (
            "a: !!int 1\n",
            "error: file.yaml:1:10: a tag (`!name`) is not supported (remove the tag, or put the value in quotes)",
        ),
        ("<<: {a: 1}\n", "error: file.yaml:1:1: a merge key (`<<`) is not supported (write the entries out)"),
        (
            "[a]: 1\n",
            "error: file.yaml:1:1: a list or mapping as a key is not supported (use a word as the key)",
        ),
    ];
    for (text, expected) in refused {
        assert_eq!(parse(text).1, [expected], "{text:?}");
    }
    let (_, alias) = parse("a: &x 1\nb: *x\n");
    assert_eq!(alias.len(), 2, "{alias:?}");
    assert!(parse("a: *preview*\n").1[0].starts_with("error: file.yaml:1:"));
    assert!(parse("a: [1, 2\nb: 3\n").1[0].contains("invalid YAML"));
}

#[test]
fn all_mistakes_are_reported_at_once_with_hints() {
    let source = Source::new("limits.yaml", "maxTokns: 5\ntemperature: warm\nmode: shadwo\nextra: 1\n");
    let mut diagnostics = Diagnostics::default();
    let node = source.parse(&mut diagnostics).unwrap();
    let mut reader = Reader { source: &source, diagnostics: &mut diagnostics };
    let limits = reader.mapping(&node, "limits", &["maxTokens", "temperature", "mode"]).unwrap();
    let temperature: Option<f64> =
        reader.parsed(limits.get("temperature").unwrap(), "temperature", "a number");
    let mode = reader.one_of(limits.get("mode").unwrap(), "mode", &[("enforce", 0), ("shadow", 1)]);
    assert_eq!((temperature, mode), (None, None));
    let found: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "error: limits.yaml:1:1: unknown key `maxTokns` in limits (did you mean `maxTokens`?)",
            "error: limits.yaml:4:1: unknown key `extra` in limits (known keys: maxTokens, temperature, mode)",
            "error: limits.yaml:2:14: temperature must be a number, not `warm`",
            "error: limits.yaml:3:7: mode must be `enforce` or `shadow`, not `shadwo` (did you mean `shadow`?)",
        ]
    );
}

#[test]
fn a_diagnostic_is_shown_with_its_line() {
    let source = Source::new("teams/payments.yaml", "limits:\n  maxTokns: 5\n");
    let shown = source
        .error(10..18, "unknown key `maxTokns` in limits")
        .help("did you mean `maxTokens`?")
        .render(false);
    assert!(shown.contains("error: unknown key `maxTokns` in limits"), "{shown}");
    assert!(shown.contains("--> teams/payments.yaml:2:3"), "{shown}");
    assert!(shown.contains("2 |   maxTokns: 5"), "{shown}");
    assert!(shown.contains("help: did you mean `maxTokens`?"), "{shown}");
}
