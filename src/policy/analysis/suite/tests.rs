use super::*;
use crate::policy::compile;
use crate::yaml::{Diagnostics, Source};

const ORG: &str = "version: 1\nscope: org\nallow: { models: \"*\" }\nresidency: { in: [us] }\ndeny:\n  - { id: no-bash, when: { tools: bash* } }\n";
const TEAM: &str = "version: 1\nscope: team/payments\nallow: { models: anthropic.* }\nlimits:\n  - { maxTokens: { max: 100, over: clamp } }\n  - { id: cool, mode: shadow, temperature: { max: 0.5 } }\n";
const NOW: &str = "2026-11-20T10:30:00Z";
const GIVEN: &str = "given: { team: payments, app: checkout }\n";
const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";

/// What tests say, and what is wrong with the file that holds them.
fn tested(org: &str, tests: &str) -> (Vec<String>, Vec<String>) {
    let files = [("org.yaml", org), ("teams/payments.yaml", TEAM), ("tests/some.yaml", tests)];
    let sources: Vec<_> = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
    let mut diagnostics = Diagnostics::default();
    let set =
        compile(&sources, NOW.parse().unwrap(), &mut diagnostics).unwrap_or_else(|| panic!("{diagnostics}"));
    let mut diagnostics = Diagnostics::default();
    let suite = Suite::read(&sources, &set, &mut diagnostics);
    let mut said = Vec::new();
    if let Some(suite) = &suite {
        let results = suite.run(&set, &|| false).unwrap();
        for result in &results.cases {
            let one = |mismatch: &Mismatch| {
                format!("{} {}: {} / {}", result.case.at(), mismatch.what, mismatch.expected, mismatch.actual)
            };
            said.extend(result.mismatches.iter().map(one));
        }
        for result in results.invariants.iter().filter(|result| !result.holds()) {
            said.push(format!("{} {}", result.invariant.at(), result.invariant.name));
        }
    }
    (said, diagnostics.iter().map(ToString::to_string).collect())
}

fn cases(cases: &str) -> String {
    format!("{GIVEN}cases:\n{cases}")
}

#[test]
fn a_case_compares_all_that_it_expects_and_nothing_else() {
    let table = [
        ("{ model: $, maxTokens: 50 }", "{ decision: allow, modified: {}, shadow: [] }", ""),
        ("{ model: $, maxTokens: 500 }", "{ decision: allow }", ""),
        (
            "{ model: $, maxTokens: 500 }",
            "{ decision: allow, modified: {} }",
            "modified: nothing / maxTokens: 100",
        ),
        (
            "{ model: $, maxTokens: 500 }",
            "{ decision: allow, modified: { maxTokens: 99 } }",
            "modified: maxTokens: 99 / maxTokens: 100",
        ),
        (
            "{ model: $, temperature: 0.9 }",
            "{ decision: allow, shadow: [] }",
            "shadow: none / payments/limits/cool",
        ),
        ("{ model: us.$ }", "{ decision: deny, rules: [org/residency] }", "decision: deny / allow"),
        ("{ model: eu.$ }", "{ decision: deny, rules: [org/residency], error: AccessDeniedException }", ""),
        (
            "{ model: eu.$ }",
            "{ decision: deny, rules: [org/residency], error: ValidationException }",
            "error: ValidationException / AccessDeniedException",
        ),
        ("{ model: eu.$ }", "{ decision: deny, rules: [] }", "rules: none / org/residency"),
        ("{ model: eu.$ }", "{ decision: allow }", "decision: allow / deny"),
        ("{ model: $, tools: [bash, other] }", "{ decision: deny, rules: [org/deny/no-bash] }", ""),
        ("{ model: $, operation: CountTokens }", "{ decision: allow, modified: {} }", ""),
        ("{ operation: ListGuardrails }", "{ decision: allow }", ""),
    ];
    for (request, expect, expected) in table {
        let request = request.replace('$', HAIKU);
        let tests = cases(&format!("  - name: it\n    request: {request}\n    expect: {expect}\n"));
        let (said, reported) = tested(ORG, &tests);
        assert_eq!(reported, Vec::<String>::new(), "{request}");
        let said = said.iter().find(|said| !expected.is_empty() && said.contains(expected));
        match expected {
            "" => assert_eq!(tested(ORG, &tests).0, Vec::<String>::new(), "{request} {expect}"),
            expected => assert!(said.is_some(), "{request} {expect}: {expected} {:?}", tested(ORG, &tests).0),
        }
    }
}

#[test]
fn a_failure_names_the_line_of_its_case() {
    let tests = cases("  - name: it\n    request: { model: \"*\" }\n    expect: { decision: allow }\n");
    assert!(
        tested(ORG, &tests).1[0].starts_with("error: tests/some.yaml:4:23: `*`: model id holds"),
        "{:?}",
        tested(ORG, &tests).1
    );
    let tests = cases(&format!(
        "  - name: one\n    request: {{ model: {HAIKU} }}\n    expect: {{ decision: allow }}\n  - name: two\n    request: {{ model: eu.{HAIKU} }}\n    expect: {{ decision: allow }}\n"
    ));
    assert_eq!(tested(ORG, &tests).0[0], "tests/some.yaml:6 decision: allow / deny");
}

#[test]
fn a_test_that_would_prove_nothing_does_not_load() {
    let table = [
        ("expect: { decision: deny }", "a case that expects a denial needs `rules`"),
        (
            "expect: { decision: deny, rules: [org/deny/no-bsh] }",
            "there is no rule `org/deny/no-bsh` (did you mean `org/deny/no-bash`?)",
        ),
        ("expect: { decision: allow, rules: [org/allow] }", "nothing denies what is allowed"),
        ("expect: { desicion: allow }", "unknown key `desicion` in `expect` (did you mean `decision`?)"),
        ("expect: { decision: perhaps }", "decision must be `allow` or `deny`"),
        ("expect: { decision: allow, error: Oops }", "error must be"),
        ("expect: { decision: allow, modified: { maxTokens: many } }", "maxTokens must be a number"),
        ("expect:", "nothing is written after `expect`"),
    ];
    for (expect, expected) in table {
        let tests = cases(&format!("  - name: it\n    request: {{ model: {HAIKU} }}\n    {expect}\n"));
        let (said, reported) = tested(ORG, &tests);
        assert!(reported.iter().any(|line| line.contains(expected)), "{expect}: {reported:?}");
        assert_eq!(said, Vec::<String>::new());
    }
    let table = [
        ("{ model: $, maxTokns: 5 }", "unknown key `maxTokns` in a request (did you mean `maxTokens`?)"),
        ("{ maxTokens: 5 }", "a request needs `model`"),
        ("{ model: $, findings: { emial: 1 } }", "there is no detector `emial` (did you mean `email`?)"),
        ("{ model: $, modalities: [smell] }", "there is no modality `smell`"),
        ("{ model: $, operation: Convers }", "`Convers` names no operation (did you mean `Converse`?)"),
        ("{ model: $, operation: CountTokens, stream: true }", "CountTokens cannot have stream=true"),
        ("{ model: $, resolvesTo: [$] }", "hides no model"),
    ];
    for (request, expected) in table {
        let request = request.replace('$', HAIKU);
        let tests =
            cases(&format!("  - name: it\n    request: {request}\n    expect: {{ decision: allow }}\n"));
        let reported = tested(ORG, &tests).1;
        assert!(reported.iter().any(|line| line.contains(expected)), "{request}: {reported:?}");
    }
    let nobody = format!(
        "cases:\n  - name: it\n    request: {{ model: {HAIKU} }}\n    expect: {{ decision: allow }}\n"
    );
    assert!(tested(ORG, &nobody).1[0].contains("a case needs `team` and `app`"));
}

#[test]
fn an_invariant_finds_the_one_request_that_breaks_it() {
    let table = [
        ("{ tools: bash* }", true),
        ("{ tools: bash_2025 }", true),
        ("{ tools: computer* }", false),
        ("{ model: \"eu.*\" }", true),
        ("{ model: \"us.*\" }", false),
        ("{ model: \"*nova*\" }", true),
        ("{ model: \"*haiku*\", env: prod }", false),
    ];
    for (allowed, holds) in table {
        let (said, reported) = tested(ORG, &format!("never:\n  - name: it\n    allowed: {allowed}\n"));
        assert_eq!(reported, Vec::<String>::new(), "{allowed}");
        assert_eq!(said.is_empty(), holds, "{allowed}: {said:?}");
    }
    let (said, _) = tested(ORG, "never:\n  - name: it\n    allowed: { kind: imported }\n");
    assert_eq!(said, ["tests/some.yaml:2 it"], "what asks about nothing does not pass");
    // A back door for one app is found by asking as that app.
    let open = ORG.replace("when: { tools: bash* }", "when: { tools: bash* }, unless: { app: vip }");
    let tests = "never:\n  - name: it\n    allowed: { tools: bash* }\n";
    assert_eq!(tested(&open, tests).0, ["tests/some.yaml:2 it"]);
    let other = "never:\n  - name: it\n    given: { app: checkout }\n    allowed: { tools: bash* }\n";
    assert_eq!(tested(&open, other).0, Vec::<String>::new());
}

#[test]
fn tests_change_no_digest() {
    let digest = |tests: &str| {
        let files = [("org.yaml", ORG), ("teams/payments.yaml", TEAM), ("tests/some.yaml", tests)];
        let sources: Vec<_> = files.iter().map(|(path, text)| Source::new(*path, *text)).collect();
        compile(&sources, NOW.parse().unwrap(), &mut Diagnostics::default()).unwrap().digest().to_owned()
    };
    assert_eq!(digest("cases: []\n"), digest("never: []\n"));
}
