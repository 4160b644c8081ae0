use crate::bedrock::view::Parameter;
use crate::policy::fixture::{HAIKU, Request, compiled, policy};

/// Floor, team, values of maxTokens, rules that deny, repairs.
type Case = (&'static str, &'static str, &'static [f64], &'static [&'static str], &'static [&'static str]);

#[test]
fn bounds_hold_clamp_and_fill() {
    let clamp = "limits: { maxTokens: { max: 4096, over: clamp } }\n";
    let table: [Case; 14] = [
        (clamp, "", &[9000.0], &[], &["maxTokens 9000→4096 org/limits"]),
        (clamp, "", &[4096.0], &[], &[]),
        (clamp, "", &[], &[], &["maxTokens +4096 org/limits"]),
        (clamp, "", &[100.0, 9000.0], &[], &["maxTokens 9000→4096 org/limits"]),
        ("limits: { maxTokens: 2048 }\n", "", &[9000.0], &["org/limits"], &[]),
        ("limits: { maxTokens: 2048 }\n", "", &[1.0, 9000.0], &["org/limits"], &[]),
        ("limits: { maxTokens: 2048 }\n", "", &[], &[], &["maxTokens +2048 org/limits"]),
        // The floor's clamp wins over a looser team that denies.
        (clamp, "limits: { maxTokens: 32768 }\n", &[60000.0], &[], &["maxTokens 60000→4096 org/limits"]),
        // A clamp that would not help leaves the value as the caller wrote it.
        (clamp, "limits: { maxTokens: 2048 }\n", &[9000.0], &["org/limits", "payments/limits"], &[]),
        (
            clamp,
            "limits: { maxTokens: { max: 1024, over: clamp } }\n",
            &[9000.0],
            &[],
            &["maxTokens 9000→1024 payments/limits"],
        ),
        // Defaults: the smallest, never over a maximum.
        (
            "limits: { maxTokens: { max: 4096, default: 512 } }\n",
            "limits: { maxTokens: { max: 256, default: 256 } }\n",
            &[],
            &[],
            &["maxTokens +256 payments/limits"],
        ),
        (
            "limits: { maxTokens: { max: 4096, default: 512 } }\n",
            "limits: { maxTokens: 256 }\n",
            &[],
            &[],
            &["maxTokens +256 payments/limits"],
        ),
        (
            "limits: { maxTokens: { min: 16, over: clamp } }\n",
            "",
            &[4.0],
            &[],
            &["maxTokens 4→16 org/limits"],
        ),
        // No value satisfies both.
        (
            "limits: { maxTokens: { min: 100, max: 200 } }\n",
            "limits: { maxTokens: 50 }\n",
            &[],
            &["org/limits", "payments/limits"],
            &[],
        ),
    ];
    for (org, team, values, denied, repairs) in table {
        let request = Request::new(HAIKU);
        let request = if values.is_empty() { request } else { request.set(Parameter::MaxTokens, values) };
        let outcome = request.outcome(&policy(org, team));
        assert_eq!(outcome, (owned(denied), owned(repairs)), "{org}{team}{values:?}");
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn an_absent_parameter_is_set_only_where_a_rule_says_so() {
    let bounded = policy("limits: { temperature: 0.8, topP: { max: 0.9, default: 0.5 } }\n", "");
    assert_eq!(Request::new(HAIKU).outcome(&bounded), (vec![], vec!["topP +0.5 org/limits".to_owned()]));
    let tokens = policy("limits: { maxTokens: 100 }\n", "");
    let family_without = Request::new(HAIKU).with(|request| request.facts.insertable.clear());
    assert_eq!(family_without.outcome(&tokens), (vec![], vec![]));
}

#[test]
fn counts_are_bounded() {
    let set = policy("limits: { turns: 10, images: 0, tools: { max: 2 } }\n", "");
    let request = Request::new(HAIKU).with(|request| {
        request.facts.turns = 11;
        request.facts.images = 1;
        request.facts.tools = owned(&["a", "b", "c"]);
    });
    let messages: Vec<_> = request.judged(&set).1.violations.into_iter().map(|one| one.message).collect();
    assert_eq!(messages, ["turns 11 is over 10", "images 1 is over 0", "tools 3 is over 2"]);
    assert!(Request::new(HAIKU).outcome(&set).0.is_empty());
}

#[test]
fn what_is_no_number_is_in_no_bounds() {
    let set = policy("limits: { temperature: { max: 1, over: clamp } }\n", "");
    for value in [f64::NAN, f64::NEG_INFINITY] {
        let request = Request::new(HAIKU).set(Parameter::Temperature, &[value]);
        assert_eq!(request.outcome(&set), (owned(&["org/limits"]), vec![]), "{value}");
    }
}

#[test]
fn numbers_are_written_one_way() {
    for written in
        ["0100", "\"100\"", "-1", "1e3", "16:40", "0x10", "1_000", "12.5", ".5", "many", "[1]", "9999999999"]
    {
        let (set, found) = org_with(&format!("limits: {{ maxTokens: {written} }}"));
        assert!(set.is_none(), "{written}");
        assert!(found[0].contains("a whole number") || written == "[1]", "{found:?}");
    }
    for written in ["0.5.5", "1.", "NaN", ".inf", "00.5"] {
        assert!(org_with(&format!("limits: {{ temperature: {written} }}")).0.is_none(), "{written}");
    }
    for written in ["0", "0.75", "1"] {
        assert!(org_with(&format!("limits: {{ temperature: {written} }}")).0.is_some(), "{written}");
    }
}

#[test]
fn bounds_that_make_no_sense_are_refused() {
    let table = [
        ("maxTokens: {}", "maxTokens needs `max`, `min` or `default`"),
        ("maxTokens: { min: 5, max: 4 }", "maxTokens has a `min` over its `max`"),
        ("maxTokens: { max: 4, default: 5 }", "maxTokens has a `default` out of its own bounds"),
        ("maxTokens: { default: 5, over: clamp }", "maxTokens has `over: clamp` and no bound to clamp to"),
        ("turns: { max: 5, over: clamp }", "unknown key `over` in turns"),
        ("maxTokens: { max: 5, over: clmp }", "over must be `deny` or `clamp`, not `clmp`"),
        ("maxTokens: { max: }", "nothing is written after `max`"),
        ("id: a", "an item of `limits` needs one of"),
    ];
    for (item, expected) in table {
        let (set, found) = org_with(&format!("limits: {{ {item} }}"));
        assert!(set.is_none() && found.iter().any(|one| one.contains(expected)), "{item}: {found:?}");
    }
}

fn org_with(section: &str) -> (Option<crate::policy::PolicySet>, Vec<String>) {
    let org = format!("version: 1\nscope: org\nallow: {{ models: [\"*\"] }}\n{section}\n");
    compiled(&[("org.yaml", &org)])
}
