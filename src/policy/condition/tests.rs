use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::policy::fixture::{HAIKU, ROUTER, Request, compiled, policy};

const NOVA: &str = "amazon.nova-lite-v1:0";

#[test]
fn every_key_is_compared_with_its_fact() {
    let request = || {
        Request::new(HAIKU).with(|request| {
            request.facts.tools = vec!["computer_20250124".to_owned()];
        })
    };
    let table = [
        ("{ env: prod }", true),
        ("{ env: [dev, pro*] }", true),
        ("{ env: dev }", false),
        ("{ app: checkout }", true),
        ("{ model: \"anthropic.*\" }", true),
        ("{ model: \"us.anthropic.*\" }", false),
        ("{ kind: [router, foundation] }", true),
        ("{ kind: profile }", false),
        ("{ region: us-* }", true),
        ("{ action: Converse }", true),
        ("{ action: [InvokeModel, \"*Stream\"] }", false),
        ("{ source: [192.168.0.0/16, 10.0.0.0/8] }", true),
        ("{ source: 10.1.2.4 }", false),
        ("{ tools: [computer*, bash*] }", true),
        ("{ tools: bash* }", false),
        ("{ stream: false }", true),
        ("{ stream: true }", false),
        ("{ hours: \"10:00-11:00 UTC\" }", true),
        ("{ hours: [\"01:00-02:00 UTC\", \"02:00-03:00 UTC\"] }", false),
        ("{ env: prod, app: checkout, stream: false }", true),
        ("{ env: prod, app: other }", false),
    ];
    for (clauses, holds) in table {
        let when = policy(&format!("deny: {{ id: d, when: {clauses} }}\n"), "");
        assert_eq!(!request().outcome(&when).0.is_empty(), holds, "when {clauses}");
        let unless = policy(&format!("deny: {{ id: d, unless: {clauses} }}\n"), "");
        assert_eq!(request().outcome(&unless).0.is_empty(), holds, "unless {clauses}");
    }
}

#[test]
fn a_doubtful_model_is_matched_by_what_restricts_and_not_by_what_loosens() {
    let grant = format!("version: 1\nscope: org\nallow: {{ models: [\"{ROUTER}\"] }}\n");
    let team = grant.replace("scope: org", "scope: team/payments");
    let denied = |section: &str| {
        let (set, found) =
            compiled(&[("org.yaml", &format!("{grant}{section}")), ("teams/payments.yaml", &team)]);
        let set = set.unwrap_or_else(|| panic!("{found:?}"));
        !Request::new(ROUTER).leading_to(&[HAIKU, NOVA]).outcome(&set).0.is_empty()
    };
    assert!(denied("deny: { id: d, when: { model: \"*prompt-router*\" } }\n"));
    assert!(denied("deny: { id: d, when: { model: \"amazon.*\" } }\n"), "one of its models is enough");
    assert!(denied("deny: { id: d, when: { kind: foundation } }\n"));
    assert!(denied("deny: { id: d, when: { kind: router } }\n"));
    assert!(
        denied("deny: { id: d, unless: { model: \"anthropic.*\" } }\n"),
        "all of its models must be exempt"
    );
    assert!(denied("deny: { id: d, unless: { kind: foundation } }\n"));
    assert!(!denied("deny: { id: d, unless: { model: [\"anthropic.*\", \"amazon.*\"] } }\n"));
    assert!(!denied("deny: { id: d, when: { model: \"meta.*\" } }\n"));
    assert!(!denied(&format!("deny: {{ id: d, unless: {{ model: \"{ROUTER}\" }} }}\n")));
}

#[test]
fn a_grant_under_a_condition_does_not_cover_a_doubtful_model_either() {
    let org = format!(
        "version: 1\nscope: org\nallow: {{ id: a, when: {{ model: \"*\" }}, models: [\"{ROUTER}\"] }}\n"
    );
    let team = format!("version: 1\nscope: team/payments\nallow: {{ models: [\"{ROUTER}\"] }}\n");
    let (set, _) = compiled(&[("org.yaml", &org), ("teams/payments.yaml", &team)]);
    let set = set.unwrap();
    assert_eq!(Request::new(ROUTER).outcome(&set).0, ["org/allow", "org/allow"], "nothing is known about it");
    assert!(Request::new(ROUTER).leading_to(&[HAIKU]).outcome(&set).0.is_empty());
    let half = Request::new(ROUTER)
        .leading_to(&[HAIKU, "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/a"]);
    assert_eq!(half.outcome(&set).0, ["org/allow", "org/allow"]);
}

#[test]
fn streaming_and_operations_are_those_of_the_request() {
    let set = policy("deny: { id: d, when: { action: \"*Stream\" } }\n", "");
    let stream = Request::new(HAIKU).with(|request| request.operation = Operation::ConverseStream);
    assert_eq!(stream.outcome(&set).0, ["org/deny/d"]);
    let profile = Request::new(HAIKU).with(|request| {
        request.model = ModelReference::parse(&format!("us.{HAIKU}")).unwrap();
    });
    let raw = policy("deny: { id: d, when: { model: \"us.*\" } }\n", "");
    assert_eq!(profile.outcome(&raw).0, ["org/deny/d"]);
}

#[test]
fn malformed_conditions_are_refused() {
    let table = [
        (
            "{ source: 10.1.2.3/8 }",
            "source `10.1.2.3/8` has bits set behind its prefix; the range is `10.0.0.0/8`",
        ),
        ("{ hours: 6-20 }", "hours `6-20` is not a range of hours"),
        ("{ hours: \"06:00-20:00 Mars/Base\" }", "names the time zone `Mars/Base`, which does not exist"),
        ("{ stream: yes }", "stream must be `true` or `false`, not `yes`"),
        ("{ kind: routr }", "did you mean `router`?"),
        ("{ env: [] }", "env must not be empty"),
        ("{ env: }", "nothing is written after `env`"),
        ("{ not: { env: prod } }", "unknown key `not` in `when`"),
        ("prod", "`when` is not a condition: "),
    ];
    for (clauses, expected) in table {
        let org = format!(
            "version: 1\nscope: org\nallow: {{ models: [\"*\"] }}\ndeny: {{ id: d, when: {clauses} }}\n"
        );
        let (set, found) = compiled(&[("org.yaml", &org)]);
        assert!(set.is_none() && found.iter().any(|one| one.contains(expected)), "{clauses}: {found:?}");
    }
}
