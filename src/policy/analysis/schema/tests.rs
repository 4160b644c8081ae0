use super::*;
use crate::yaml::{Diagnostics, Node, Source, Value as Yaml};

/// A node as an editor's schema sees it.
fn plain(node: &Node) -> Value {
    match &node.value {
        Yaml::Scalar { text, plain: false } => json!(text),
        Yaml::Scalar { text, plain: true } => match text.as_str() {
            "true" | "false" => json!(text == "true"),
            _ => text
                .parse::<i64>()
                .map(|number| json!(number))
                .or_else(|_| text.parse::<f64>().map(|number| json!(number)))
                .unwrap_or_else(|_| json!(text)),
        },
        Yaml::Sequence(elements) => elements.iter().map(plain).collect(),
        Yaml::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.name.clone(), plain(node))).collect())
        }
    }
}

/// Whether a value fits the part of JSON Schema that these schemas are written in.
fn fits(value: &Value, schema: &Value) -> bool {
    let type_fits = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("no type {other}"),
    };
    schema.as_object().unwrap().iter().all(|(word, arguments)| match word.as_str() {
        "$schema" | "title" | "description" | "pattern" => true,
        "type" => type_fits(arguments.as_str().unwrap()),
        "const" => value == arguments,
        "enum" => arguments.as_array().unwrap().contains(value),
        "anyOf" => arguments.as_array().unwrap().iter().any(|schema| fits(value, schema)),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|element| fits(element, arguments))),
        "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= arguments.as_u64().unwrap()),
        "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= arguments.as_u64().unwrap()),
        "minimum" => value.as_f64().is_none_or(|number| number >= arguments.as_f64().unwrap()),
        "required" => value.as_object().is_none_or(|object| {
            arguments.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(key, value)| arguments.get(key).is_none_or(|schema| fits(value, schema)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|object| {
            let known = schema.get("properties").and_then(Value::as_object);
            let others = object.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
            others.into_iter().all(|(_, value)| arguments.is_object() && fits(value, arguments))
        }),
        other => panic!("no keyword {other}"),
    })
}

fn read(path: &str) -> String {
    std::fs::read_to_string(format!("{}/policies/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn fits_file(file: File, text: &str) -> bool {
    let mut diagnostics = Diagnostics::default();
    let node =
        Source::new("file.yaml", text).parse(&mut diagnostics).unwrap_or_else(|| panic!("{diagnostics}"));
    fits(&plain(&node), &file.schema())
}

#[test]
fn the_files_that_ship_fit_their_schemas() {
    for path in ["org.yaml", "teams/payments.yaml", "teams/research.yaml"] {
        assert!(fits_file(File::Policy, &read(path)), "{path}");
    }
    for path in ["tests/org.yaml", "tests/payments.yaml", "tests/research.yaml"] {
        assert!(fits_file(File::Tests, &read(path)), "{path}");
    }
    let exceptions = "version: 1\nscope: exceptions\nexceptions:\n  - id: X-1\n    for: { team: research }\n    waive: org/limits.maxTokens\n    instead: { limits: { maxTokens: 9000 } }\n    until: 2026-12-01T00:00:00Z\n    owner: a\n    approvedBy: b\n    ticket: c\n    reason: d\n";
    assert!(fits_file(File::Exceptions, exceptions));
    assert!(!fits_file(File::Exceptions, &exceptions.replace("    ticket: c\n", "")));
    let detectors = "version: 1\ndetectors:\n  - name: TICKET\n    pattern: 'SEC-[0-9]{4}'\n    examples: { match: SEC-1234, no_match: [SEC-1] }\n";
    assert!(fits_file(File::Detectors, detectors));
    assert!(!fits_file(File::Detectors, &detectors.replace(", no_match: [SEC-1]", "")));
    let catalogue = "version: 1\nmodels:\n  - id: anthropic.claude-9\n    prices: { input: 3, output: 0.5 }\naliases:\n  - { id: a, models: [m] }\n";
    assert!(fits_file(File::Catalog, catalogue));
    assert!(!fits_file(File::Catalog, &catalogue.replace(", output: 0.5", "")));
}

#[test]
fn what_the_parser_refuses_fits_no_schema() {
    let org = "version: 1\nscope: org\n";
    let refused = [
        "limits: { maxTokns: 5 }",
        "limits: { maxTokens: { over: bend } }",
        "limits: { maxTokens: many }",
        "mode: shadwo",
        "alow: { models: x }",
        "deny: { id: a, when: { evn: prod } }",
        "content: { modalities: smell }",
        "sensitive: { id: a, detect: email, prompt: hide }",
        "guardrail: { oneOf: [] }",
    ];
    for line in refused {
        assert!(!fits_file(File::Policy, &format!("{org}{line}\n")), "{line}");
    }
    assert!(fits_file(File::Policy, org));
    let case =
        "cases:\n  - name: a\n    request: { model: m, maxTokens: 5 }\n    expect: { decision: allow }\n";
    assert!(fits_file(File::Tests, case));
    for (from, to) in
        [("allow }", "perhaps }"), ("maxTokens", "maxTokns"), ("    expect: { decision: allow }\n", "")]
    {
        assert!(!fits_file(File::Tests, &case.replace(from, to)), "{to}");
    }
}
