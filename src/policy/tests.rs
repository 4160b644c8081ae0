use super::fixture::{HAIKU, ROUTER, Request, compiled, policy};
use super::*;
use crate::bedrock::fault::Fault;
use crate::bedrock::model::ModelReference;
use crate::bedrock::model::resolution::Found;
use crate::bedrock::operation::Operation;
use crate::bedrock::view::{Leak, OpaqueKind, Parameter};
use crate::sensitive::DetectorId;

const ORG: &str = "version: 1\nscope: org\nallow: { models: [anthropic.claude-*] }\n";

/// Errors and warnings of files, without the example floor's own.
fn reported(path: &str, text: &str) -> Vec<String> {
    match path {
        "org.yaml" => compiled(&[(path, text)]).1,
        _ => compiled(&[("org.yaml", ORG), (path, text)]).1,
    }
}

#[test]
fn levels_intersect() {
    let team = "version: 1\nscope: team/payments\nallow: { models: [\"*haiku*\", amazon.nova-lite-*] }\n";
    let app = "version: 1\nscope: app/payments/checkout\nallow: { models: [anthropic.claude-3-opus-*] }\n";
    let (set, _) = compiled(&[("org.yaml", ORG), ("teams/payments.yaml", team)]);
    let set = set.unwrap();
    let denied = |model: &str| Request::new(model).outcome(&set).0;
    assert!(denied(HAIKU).is_empty());
    assert!(denied(&format!("us.{HAIKU}")).is_empty());
    assert_eq!(denied("amazon.nova-lite-v1:0"), ["org/allow"]);
    assert_eq!(denied("anthropic.claude-3-opus-20240229-v1:0"), ["payments/allow"]);
    assert_eq!(denied("deepseek.r1-v1:0"), ["org/allow", "payments/allow"]);
    let (set, _) =
        compiled(&[("org.yaml", ORG), ("teams/payments.yaml", team), ("apps/payments/checkout.yaml", app)]);
    let set = set.unwrap();
    assert_eq!(Request::new(HAIKU).outcome(&set).0, ["payments/checkout/allow"]);
    let other = Request::new(HAIKU).with(|request| request.principal.app = "fraud".to_owned());
    assert!(other.outcome(&set).0.is_empty());
}

#[test]
fn a_team_without_a_policy_fails_closed() {
    let (set, _) = compiled(&[("org.yaml", ORG)]);
    let set = set.unwrap();
    let (_, verdict) = Request::new(HAIKU).judged(&set);
    assert_eq!(verdict.violations.len(), 1);
    assert_eq!(verdict.violations[0].message, "there is no policy for team payments, so nothing is granted");
    assert_eq!(verdict.violations[0].fault, Fault::AccessDenied);
    let request = Request::new(HAIKU).with(|request| request.operation = Operation::ListFoundationModels);
    let (verdict, allowed) = set.decide_read(&request.inquiry());
    assert!(allowed.is_none());
    assert_eq!(
        Denial::of(&request.inquiry(), &verdict.violations).unwrap().message,
        "payments/checkout is not authorized to perform bedrock:ListFoundationModels with an explicit deny in policy: \
         payments/allow: there is no policy for team payments, so nothing is granted"
    );
}

#[test]
fn a_floor_or_team_that_allows_nothing_fails_closed() {
    let bare = "version: 1\nscope: org\n";
    let team = "version: 1\nscope: team/payments\n";
    let (set, _) = compiled(&[("org.yaml", bare), ("teams/payments.yaml", team)]);
    assert_eq!(Request::new(HAIKU).outcome(&set.unwrap()).0, ["org/allow", "payments/allow"]);
}

#[test]
fn an_id_that_hides_its_model_is_refused_while_that_is_not_known_fails_closed() {
    let set = policy("", "");
    assert_eq!(Request::new(ROUTER).outcome(&set).0, ["org/allow", "payments/allow", "org/allow"]);
    let listed = format!("version: 1\nscope: org\nallow: {{ models: [\"{ROUTER}\"] }}\n");
    let team = listed.replace("scope: org", "scope: team/payments");
    let (set, _) = compiled(&[("org.yaml", &listed), ("teams/payments.yaml", &team)]);
    let set = set.unwrap();
    let (_, verdict) = Request::new(ROUTER).judged(&set);
    let messages: Vec<_> = verdict.violations.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(messages, [format!("what stands behind {ROUTER} is not known")]);
    assert!(Request::new(ROUTER).leading_to(&[HAIKU]).outcome(&set).0.is_empty(), "listed itself");
    let (_, verdict) = Request::new("my-throughput").judged(&set);
    assert!(verdict.violations[0].message.contains("must be listed exactly"), "{verdict:?}");
}

#[test]
fn a_name_is_granted_when_every_model_behind_it_is() {
    let allow = |scope: &str, models: &str| format!("version: 1\nscope: {scope}\nallow:\n{models}");
    let org = allow(
        "org",
        "  - id: a\n    models: [\"anthropic.claude-3-haiku-*\"]\n  - id: b\n    models: [amazon.nova-lite-v1:0]\n",
    );
    let team = allow("team/payments", "  - models: [\"*\"]\n");
    let set = compiled(&[("org.yaml", &org), ("teams/payments.yaml", &team)]).0.unwrap();
    let (nova, opus) = ("amazon.nova-lite-v1:0", "anthropic.claude-3-opus-20240229-v1:0");
    let table: [(&[&str], &[&str]); 5] = [
        (&[HAIKU], &[]),
        // By two items together.
        (&[HAIKU, nova], &[]),
        (&[HAIKU, opus], &["org/allow"]),
        (&[opus], &["org/allow"]),
        // An id without `*` grants no profile of its model.
        (&[HAIKU, "us.amazon.nova-lite-v1:0"], &["org/allow"]),
    ];
    for (models, denied) in table {
        assert_eq!(Request::new(ROUTER).leading_to(models).outcome(&set).0, denied, "{models:?}");
    }
    let (_, verdict) = Request::new(ROUTER).leading_to(&[HAIKU, opus]).judged(&set);
    let message = &verdict.violations[0].message;
    assert!(message.starts_with(&format!("{ROUTER} leads to {opus}, which is not granted")), "{message}");
    let granted = Request::new(ROUTER).leading_to(&[HAIKU, nova]).judged(&set).1.granted_by;
    assert_eq!(granted.len(), 3, "{granted:?}");
}

#[test]
fn a_grant_of_a_draft_is_warned_about_and_one_of_a_name_is_not_outside_the_ceiling() {
    let team = |id: &str| format!("version: 1\nscope: team/payments\nallow: {{ models: [\"{id}\"] }}\n");
    assert_eq!(reported("teams/payments.yaml", &team(ROUTER)), Vec::<String>::new());
    let found =
        reported("teams/payments.yaml", &team("arn:aws:bedrock:us-east-1:111122223333:prompt/QWERTYUIOP"));
    assert!(
        found.len() == 1 && found[0].contains("is the draft of a prompt, and drafts are refused"),
        "{found:?}"
    );
}

#[test]
fn a_custom_model_is_granted_by_its_own_id_and_denied_by_its_base() {
    const CUSTOM: &str =
        "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/abcdef123456";
    const THROUGHPUT: &str = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdef123456";
    let custom = || Request::new(CUSTOM).leading_to(&["amazon.nova-lite-v1:0"]);
    let behind = || {
        let model = custom().model;
        Request::new(THROUGHPUT)
            .with(|request| request.model = request.model.clone().with(Found::stated(vec![model])))
    };
    let wild = policy("", "");
    assert_eq!(
        custom().outcome(&wild).0,
        ["org/allow", "payments/allow"],
        "it is not the model it was trained from"
    );
    assert_eq!(behind().outcome(&wild).0, ["org/allow", "payments/allow"]);
    let listing = |id: &str, more: &str| {
        let org = format!("version: 1\nscope: org\nallow: {{ models: [\"{id}\"] }}\n{more}");
        let team = format!("version: 1\nscope: team/payments\nallow: {{ models: [\"{id}\"] }}\n");
        compiled(&[("org.yaml", &org), ("teams/payments.yaml", &team)]).0.unwrap()
    };
    assert!(custom().outcome(&listing(CUSTOM, "")).0.is_empty());
    assert!(behind().outcome(&listing(CUSTOM, "")).0.is_empty(), "what runs is listed");
    assert!(behind().outcome(&listing(THROUGHPUT, "")).0.is_empty(), "the name is listed");
    for id in [CUSTOM, THROUGHPUT] {
        let set = listing(id, "deny: { id: d, models: [\"amazon.*\"] }\n");
        assert_eq!(behind().outcome(&set).0, ["org/deny/d"], "a listed name does not hide a denied base");
    }
}

#[test]
fn an_alias_of_the_catalogue_says_what_stands_behind_a_name_and_grants_nothing() {
    let org = "version: 1\nscope: org\nallow: { models: [\"anthropic.*\"] }\n";
    let team = "version: 1\nscope: team/payments\nallow: { models: [\"*\"] }\n";
    let decided = |model: &str| {
        let catalog = format!("version: 1\naliases:\n  - id: {ROUTER}\n    models: [{model}]\n");
        let files = [("catalog.yaml", catalog.as_str()), ("org.yaml", org), ("teams/payments.yaml", team)];
        let set = compiled(&files).0.unwrap();
        let resolved = set.alias(&Request::new(ROUTER).model).unwrap();
        assert!(set.alias(&Request::new("another").model).is_none());
        Request::new(ROUTER).with(|request| request.model = resolved).outcome(&set).0
    };
    assert!(decided(HAIKU).is_empty());
    assert_eq!(decided("amazon.nova-lite-v1:0"), ["org/allow"]);
}

#[test]
fn an_id_without_a_star_grants_one_model() {
    let allow = |models: &str| format!("allow: {{ models: [{models}] }}\n");
    let granted = |models: &str, model: &str| {
        let org = "version: 1\nscope: org\nallow: { models: \"*\" }\nresidency: { in: [us, eu] }\n";
        let team = format!("version: 1\nscope: team/payments\n{}", allow(models));
        let (set, found) = compiled(&[("org.yaml", org), ("teams/payments.yaml", &team)]);
        Request::new(model).outcome(&set.unwrap_or_else(|| panic!("{found:?}"))).0.is_empty()
    };
    let arn = format!("arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}");
    let profile = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU}");
    let (us, eu, long) = (format!("us.{HAIKU}"), format!("eu.{HAIKU}"), format!("{HAIKU}:48k"));
    let exact = format!("\"{HAIKU}\"");
    let one_of_two = format!("\"{{amazon.nova-*,{HAIKU}}}\"");
    let wild = "\"anthropic.claude-3-haiku-*\"".to_owned();
    let listed_profile = format!("\"{us}\"");
    let table = [
        (&exact, HAIKU, true),
        (&exact, &arn, true),
        (&exact, &us, false),
        (&exact, &eu, false),
        (&exact, &long, false),
        (&exact, &profile, false),
        (&one_of_two, &us, false),
        (&one_of_two, "us.amazon.nova-lite-v1:0", true),
        (&wild, HAIKU, true),
        (&wild, &us, true),
        (&wild, &profile, true),
        (&wild, &long, true),
        (&listed_profile, &us, true),
        (&listed_profile, &eu, false),
        (&listed_profile, HAIKU, false),
        (&listed_profile, &profile, false),
    ];
    for (models, model, expected) in table {
        assert_eq!(granted(models, model), expected, "{models} {model}");
    }
}

#[test]
fn a_denied_profile_of_a_listed_model_is_told_why() {
    let set = policy("", "");
    let team = format!("version: 1\nscope: team/payments\nallow: {{ models: \"{HAIKU}\" }}\n");
    let (narrow, _) = compiled(&[("org.yaml", ORG), ("teams/payments.yaml", &team)]);
    let profile = Request::new(&format!("us.{HAIKU}"));
    assert!(profile.outcome(&set).0.is_empty());
    let message = profile.judged(&narrow.unwrap()).1.violations[0].message.clone();
    assert!(message.starts_with(&format!("us.{HAIKU} is not granted")), "{message}");
    assert!(message.contains("an id without `*` grants no profile"), "{message}");
}

#[test]
fn a_floor_without_residency_keeps_profiles_in_the_geography_that_is_called() {
    let denied = |set: &PolicySet, model: &str, region: &str| {
        let request = Request::new(model).with(|request| request.context.region = region.to_owned());
        request
            .judged(set)
            .1
            .violations
            .into_iter()
            .map(|one| (one.rule.to_string(), one.message))
            .collect::<Vec<_>>()
    };
    let silent = policy("", "");
    let table = [
        (HAIKU.to_owned(), "us-east-1", true),
        (format!("us.{HAIKU}"), "us-east-1", true),
        (format!("us.{HAIKU}"), "us-gov-west-1", false),
        (format!("us-gov.{HAIKU}"), "us-gov-west-1", true),
        (format!("eu.{HAIKU}"), "us-east-1", false),
        (format!("eu.{HAIKU}"), "eu-central-1", true),
        (format!("global.{HAIKU}"), "us-east-1", false),
        (format!("apac.{HAIKU}"), "ap-northeast-1", true),
        (format!("jp.{HAIKU}"), "ap-northeast-1", true),
        (format!("jp.{HAIKU}"), "ap-southeast-2", false),
        (format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/eu.{HAIKU}"), "us-east-1", false),
    ];
    for (model, region, allowed) in &table {
        let found = denied(&silent, model, region);
        assert_eq!(found.is_empty(), *allowed, "{model} {region} {found:?}");
        assert!(found.iter().all(|(rule, _)| rule == "org/residency"), "{found:?}");
    }
    let (_, message) = denied(&silent, &format!("global.{HAIKU}"), "us-east-1").remove(0);
    assert!(message.contains("`in: [global]` in org.yaml"), "{message}");

    // Only an enforced rule of the floor says otherwise: not a team's, not one in shadow, not one about others.
    let global = format!("global.{HAIKU}");
    let says = "residency: { in: [us, global] }\n";
    assert!(denied(&policy(says, ""), &global, "us-east-1").is_empty());
    for set in [
        policy("", says),
        policy("residency: { in: [us, global], mode: shadow }\n", ""),
        policy("residency: { id: a, in: [us, global], when: { app: other } }\n", ""),
    ] {
        assert_eq!(denied(&set, &global, "us-east-1").len(), 1);
    }
}

#[test]
fn allow_adds_up_within_a_level_and_says_what_granted() {
    let team = "version: 1\nscope: team/payments\nallow:\n  - models: [anthropic.claude-3-haiku-*]\n  \
                - { id: opus, when: { app: fraud }, models: [anthropic.claude-3-opus-*], actions: [Converse*] }\n";
    let (set, _) = compiled(&[("org.yaml", ORG), ("teams/payments.yaml", team)]);
    let set = set.unwrap();
    let opus = Request::new("anthropic.claude-3-opus-20240229-v1:0");
    assert_eq!(opus.outcome(&set).0, ["payments/allow"]);
    let fraud = opus.with(|request| request.principal.app = "fraud".to_owned());
    let granted: Vec<_> = fraud.judged(&set).1.granted_by.iter().map(ToString::to_string).collect();
    assert_eq!(granted, ["org/allow", "payments/allow/opus"]);
    let invoke = fraud.with(|request| request.operation = Operation::InvokeModel);
    assert_eq!(invoke.outcome(&set).0, ["payments/allow"]);
}

#[test]
fn deny_wins_over_allow_however_the_model_is_spelled() {
    let set = policy("deny: { id: no-haiku, models: [\"anthropic.claude-3-haiku*\"] }\n", "");
    let arn = format!("arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}");
    for model in [HAIKU, &format!("us.{HAIKU}"), &arn, &format!("{HAIKU}:48k")] {
        assert_eq!(Request::new(model).outcome(&set).0, ["org/deny/no-haiku"], "{model}");
    }
    let raw = policy("deny: { id: no-us, models: [\"us.*\"] }\n", "");
    assert_eq!(Request::new(&format!("us.{HAIKU}")).outcome(&raw).0, ["org/deny/no-us"]);
    assert!(Request::new(HAIKU).outcome(&raw).0.is_empty());
}

#[test]
fn residency_looks_at_where_inference_may_run() {
    let set = policy("residency: { in: [us, eu-central-1] }\n", "");
    let says =
        |model: &str| Request::new(model).judged(&set).1.violations.first().map(|one| one.message.clone());
    assert_eq!(says(HAIKU), None);
    assert_eq!(says(&format!("us.{HAIKU}")), None);
    let eu = says(&format!("eu.{HAIKU}")).unwrap();
    assert!(eu.contains(&format!("may run in eu; allowed: us, eu-central-1 (try us.{HAIKU})")), "{eu}");
    assert!(says(&format!("global.{HAIKU}")).is_some());
    assert_eq!(says(&format!("arn:aws:bedrock:eu-central-1::foundation-model/{HAIKU}")), None);
    assert!(says(&format!("arn:aws:bedrock:eu-west-1::foundation-model/{HAIKU}")).is_some());
    let listed =
        format!("version: 1\nscope: org\nallow: {{ models: [\"{ROUTER}\"] }}\nresidency: {{ in: [us] }}\n");
    let team = format!("version: 1\nscope: team/payments\nallow: {{ models: [\"{ROUTER}\"] }}\n");
    let (hidden, _) = compiled(&[("org.yaml", &listed), ("teams/payments.yaml", &team)]);
    let hidden = hidden.unwrap();
    assert_eq!(Request::new(ROUTER).outcome(&hidden).0, ["org/residency", "org/allow"]);
    let routed = |models: &[&str]| Request::new(ROUTER).leading_to(models).outcome(&hidden).0;
    let west = format!("arn:aws:bedrock:us-west-2::foundation-model/{HAIKU}");
    let ireland = format!("arn:aws:bedrock:eu-west-1::foundation-model/{HAIKU}");
    assert!(routed(&[HAIKU, &west, &format!("us.{HAIKU}")]).is_empty());
    assert_eq!(routed(&[HAIKU, &ireland]), ["org/residency"], "every region must be inside");
    assert_eq!(routed(&[HAIKU, &format!("global.{HAIKU}")]), ["org/residency"]);
    let item = format!("residency: {{ id: r, in: [eu], unless: {{ model: \"{ROUTER}\" }} }}");
    let exempt = listed.replace("residency: { in: [us] }", &item);
    let (exempt, _) = compiled(&[("org.yaml", &exempt), ("teams/payments.yaml", &team)]);
    assert!(Request::new(ROUTER).leading_to(&[&west]).outcome(&exempt.unwrap()).0.is_empty());
    let unwritten = policy("", "");
    let routed = |models: &[&str]| Request::new(ROUTER).leading_to(models).outcome(&unwritten).0;
    assert!(routed(&[HAIKU, &west]).is_empty(), "the geography that is called");
    assert_eq!(routed(&[HAIKU, &ireland]), ["org/residency"]);
    assert_eq!(routed(&[&format!("global.{HAIKU}")]), ["org/residency"]);
}

#[test]
fn content_that_nobody_can_inspect_is_refused_unless_its_kind_is_listed() {
    let with = |kinds: &[OpaqueKind], rule: &str| {
        let set = policy(&format!("content: {{ uninspected: {rule} }}\n"), "");
        Request::new(HAIKU).with(|request| request.facts.uninspected.extend(kinds)).outcome(&set).0
    };
    assert!(with(&[], "[]").is_empty());
    assert_eq!(with(&[OpaqueKind::Image], "[]"), ["org/content"]);
    assert!(with(&[OpaqueKind::Image], "[image]").is_empty());
    assert_eq!(with(&[OpaqueKind::Image, OpaqueKind::S3Reference], "[image]"), ["org/content"]);
    assert!(
        with(&OpaqueKind::ALL, "[image, audio, video, document, s3, reasoning, stored-prompt]").is_empty()
    );
    let found = reported("org.yaml", &format!("{ORG}content: {{ id: c }}\n"));
    assert!(found.iter().any(|one| one.contains("needs `modalities`, `uninspected` or both")), "{found:?}");
    let found = reported("org.yaml", &format!("{ORG}content: {{ uninspected: [pictures] }}\n"));
    assert!(found.iter().any(|one| one.contains("uninspected must be `image`")), "{found:?}");
}

#[test]
fn content_is_what_is_listed() {
    let set = policy("content: { modalities: [text, image] }\n", "content: { modalities: [text] }\n");
    assert!(Request::new(HAIKU).outcome(&set).0.is_empty());
    let image = Request::new(HAIKU).with(|request| {
        request.facts.modalities.insert(crate::bedrock::view::Modality::Image);
    });
    let (_, verdict) = image.judged(&set);
    assert_eq!(verdict.violations.len(), 1);
    assert_eq!(verdict.violations[0].message, "image content is not allowed; allowed: text");
}

#[test]
fn a_guardrail_is_the_intersection_in_the_order_of_the_floor() {
    let org = "guardrail: { oneOf: [a1:1, b1:2, \"arn:aws:bedrock:us-east-1:111122223333:guardrail/c1:DRAFT\"], missing: inject }\n";
    let set = policy(org, "guardrail: { oneOf: [b1:2, a1:3] }\n");
    let asking = |guardrail: Option<&str>| {
        let reference = guardrail.map(|text| GuardrailReference::parse(text).unwrap());
        Request::new(HAIKU).with(|request| request.facts.guardrail = reference).outcome(&set)
    };
    assert_eq!(asking(None), (vec![], vec!["guardrail +b1:2 org/guardrail".to_owned()]));
    assert_eq!(asking(Some("b1:2")), (vec![], vec![]));
    assert_eq!(asking(Some("a1:1")).0, ["payments/guardrail"]);
    assert_eq!(asking(Some("x:9")).0, ["org/guardrail", "payments/guardrail"]);
    let strict = policy("guardrail: { oneOf: [a1:1] }\n", "");
    let (_, verdict) = Request::new(HAIKU).judged(&strict);
    assert_eq!(verdict.violations[0].message, "a guardrail is missing; allowed: a1:1");
    let odd = Request::new(HAIKU).with(|request| {
        let identifier = "send me <script>".to_owned();
        request.facts.guardrail = Some(GuardrailReference { identifier, version: String::new() });
    });
    let message = &odd.judged(&strict).1.violations[0].message;
    assert_eq!(message, "the guardrail asked for is malformed; allowed: a1:1");
}

#[test]
fn a_guardrail_that_is_demanded_must_not_show_what_it_holds_back() {
    let asking = |set: &PolicySet, leak: Leak| {
        let request = Request::new(HAIKU).with(|request| {
            request.facts.guardrail = GuardrailReference::parse("a1:1");
            request.facts.leaks.insert(leak);
        });
        request.outcome(set).0
    };
    let demanded = policy("guardrail: { oneOf: [a1:1], missing: inject }\n", "");
    assert_eq!(asking(&demanded, Leak::Trace), ["org/guardrail"]);
    assert_eq!(asking(&demanded, Leak::Unchecked), ["org/guardrail"]);
    assert_eq!(asking(&demanded, Leak::Narrowed), ["org/guardrail"]);
    for leak in [Leak::Trace, Leak::Unchecked, Leak::Narrowed] {
        assert!(asking(&policy("", ""), leak).is_empty());
    }
    let marked = policy("guardrail: { oneOf: [a1:1], parts: marked }\n", "");
    assert!(asking(&marked, Leak::Narrowed).is_empty());
    assert_eq!(asking(&marked, Leak::Unchecked), ["org/guardrail"]);
    // What the floor demands of the whole prompt, no team can loosen.
    let team = "guardrail: { oneOf: [a1:1], parts: marked }\n";
    assert_eq!(asking(&policy("guardrail: { oneOf: [a1:1] }\n", team), Leak::Narrowed), ["org/guardrail"]);

    // A guardrail that the warden adds is the one whose trace a header may have asked for.
    let injected = Request::new(HAIKU).with(|request| request.facts.leaks.extend([Leak::Trace]));
    assert_eq!(injected.outcome(&demanded).0, ["org/guardrail"]);
}

#[test]
fn attachments_that_cannot_be_searched_are_refused_unless_a_rule_says_otherwise() {
    let denied = |attributes: &str| {
        let set = policy(&format!("sensitive: {{ id: s, detect: [email, phone], {attributes} }}\n"), "");
        Request::new(HAIKU).with(|request| request.facts.unread = 2).outcome(&set).0
    };
    assert_eq!(denied("prompt: deny"), ["org/sensitive/s"]);
    assert_eq!(denied("prompt: redact"), ["org/sensitive/s"]);
    assert_eq!(denied("prompt: redact, unread: deny"), ["org/sensitive/s"]);
    assert!(denied("prompt: redact, unread: report").is_empty());
    assert!(denied("prompt: deny, mode: shadow").is_empty());
    assert!(denied("prompt: report").is_empty());
    assert!(denied("response: deny").is_empty());
    let found = reported(
        "org.yaml",
        &format!("{ORG}sensitive: {{ id: s, detect: [email], response: deny, unread: report }}\n"),
    );
    assert!(found.iter().any(|one| one.contains("`unread` belongs to an item whose `prompt`")), "{found:?}");
}

#[test]
fn the_strongest_action_on_a_finding_wins_and_no_text_is_shown() {
    let org = "sensitive:\n  - { id: contact, detect: [email, phone], prompt: redact, response: report }\n  \
               - { id: keys, detect: [AWS_ACCESS_KEY], prompt: deny }\n";
    let set = policy(org, "sensitive: { id: no-mail, detect: [email], prompt: deny, response: redact }\n");
    let phone = Request::new(HAIKU).found("phone", 2);
    assert_eq!(phone.outcome(&set), (vec![], vec!["redact {PHONE} org/sensitive/contact".to_owned()]));
    let both = Request::new(HAIKU).found("phone", 1).found("email", 3);
    let (repairs, verdict) = both.judged(&set);
    assert_eq!(repairs.len(), 1);
    assert_eq!(verdict.violations.len(), 1);
    assert_eq!(verdict.violations[0].rule.as_str(), "payments/sensitive/no-mail");
    assert_eq!(verdict.violations[0].message, "the request holds EMAIL (3)");
    assert_eq!(verdict.violations[0].fault, Fault::Validation);
    // Findings that could not be redacted, in text that may not be edited, are still there when verified.
    let stuck = set.verify(&phone.inquiry());
    assert_eq!(stuck.violations[0].rule.as_str(), "org/sensitive/contact");
    let answer = Request::new(HAIKU);
    let findings = both.facts.findings;
    let judged = set.judge_answer(&answer.inquiry(), &findings);
    assert_eq!(judged.redact.iter().map(DetectorId::name).collect::<Vec<_>>(), ["EMAIL"]);
    assert!(judged.violations.is_empty() && !set.answer_filters(&answer.inquiry()).is_empty());
    let asked = set.detectors(&answer.principal, Direction::Response);
    assert_eq!(asked.iter().map(DetectorId::name).collect::<Vec<_>>(), ["EMAIL", "PHONE"]);
}

#[test]
fn tokenizing_is_stronger_than_reporting_and_weaker_than_redacting() {
    let outcome = |org: &str, team: &str| {
        let set = policy(
            &format!("sensitive: {{ id: s, detect: [email], prompt: {org} }}\n"),
            &format!("sensitive: {{ id: t, detect: [email], prompt: {team} }}\n"),
        );
        Request::new(HAIKU).found("email", 1).outcome(&set)
    };
    let tokenized = |rule: &str| (vec![], vec![format!("tokenize {{EMAIL}} {rule}")]);
    assert_eq!(outcome("tokenize", "report"), tokenized("org/sensitive/s"));
    assert_eq!(outcome("report", "tokenize"), tokenized("payments/sensitive/t"));
    assert_eq!(
        outcome("tokenize", "redact"),
        (vec![], vec!["redact {EMAIL} payments/sensitive/t".to_owned()])
    );
    assert_eq!(outcome("deny", "tokenize").0, ["org/sensitive/s"]);
    // What could not be tokenized is still there when verified, and a request without findings needs nothing.
    let set = policy("sensitive: { id: s, detect: [email], prompt: tokenize }\n", "");
    let stuck = set.verify(&Request::new(HAIKU).found("email", 1).inquiry());
    assert_eq!(stuck.violations[0].rule.as_str(), "org/sensitive/s");
    assert_eq!(Request::new(HAIKU).outcome(&set), (vec![], vec![]));
    assert!(!Request::new(HAIKU).with(|request| request.facts.unread = 1).outcome(&set).0.is_empty());
}

#[test]
fn an_answer_can_be_refused() {
    let set = policy("sensitive: { id: ids, detect: [us_ssn], response: deny }\n", "");
    let request = Request::new(HAIKU).found("us_ssn", 1);
    assert!(request.outcome(&set).0.is_empty(), "the prompt is not concerned");
    let judged = set.judge_answer(&request.inquiry(), &request.facts.findings);
    assert!(judged.redact.is_empty());
    assert_eq!(judged.violations[0].message, "the answer holds US_SOCIAL_SECURITY_NUMBER (1)");
}

#[test]
fn shadow_is_seen_and_changes_nothing() {
    let set = policy(
        "",
        "mode: shadow\nlimits: { maxTokens: { max: 10, over: clamp } }\n\
        sensitive: { id: s, detect: [email], prompt: redact, response: deny }\n",
    );
    let request = Request::new(HAIKU).set(Parameter::MaxTokens, &[500.0]).found("email", 1);
    let (repairs, verdict) = request.judged(&set);
    assert!(repairs.is_empty() && verdict.is_allowed());
    let shadow: Vec<_> = verdict.shadow.iter().map(|violation| violation.rule.to_string()).collect();
    assert_eq!(shadow, ["payments/limits", "payments/sensitive/s"]);
    assert!(set.answer_filters(&request.inquiry()).is_empty());
    let judged = set.judge_answer(&request.inquiry(), &request.facts.findings);
    assert!(judged.violations.is_empty() && judged.redact.is_empty());
    assert_eq!(judged.shadow.len(), 1);
}

#[test]
fn models_are_listed_for_a_caller_that_could_use_them() {
    let set = policy(
        "residency: { in: [us] }\n",
        "deny:\n  - { id: no-nova, models: [amazon.nova-*] }\n  - { id: no-tools, when: { tools: \"*\" } }\n",
    );
    let request = Request::new(HAIKU);
    let usable = |model: &str| {
        set.may_use(&request.principal, &ModelReference::parse(model).unwrap(), &request.context)
    };
    assert!(usable(HAIKU));
    assert!(!usable("amazon.nova-lite-v1:0"));
    assert!(!usable(&format!("eu.{HAIKU}")));
    assert!(!usable(ROUTER));
}

#[test]
fn a_refusal_reads_like_iam_and_names_every_rule() {
    let set = policy(
        "help: https://policy.example/{rule}\n\
         deny: { id: no-haiku, models: [\"*haiku*\"], message: Use a newer model. }\n",
        "limits: { maxTokens: 100 }\n",
    );
    let request = Request::new(HAIKU).set(Parameter::MaxTokens, &[900.0]);
    let (_, verdict) = request.judged(&set);
    let denial = Denial::of(&request.inquiry(), &verdict.violations).unwrap();
    assert_eq!(denial.fault, Fault::AccessDenied);
    assert_eq!(
        denial.message,
        "payments/checkout is not authorized to perform bedrock:Converse on anthropic.claude-3-haiku-20240307-v1:0 \
         with an explicit deny in policy: org/deny/no-haiku: denied by this rule: Use a newer model (see \
         https://policy.example/org/deny/no-haiku); payments/limits: maxTokens 900 is over 100 (see \
         https://policy.example/payments/limits)"
    );
    let only_limits = Denial::of(&request.inquiry(), &verdict.violations[1..]).unwrap();
    assert_eq!(only_limits.fault, Fault::Validation);
    assert_eq!(Denial::of(&request.inquiry(), &[]), None);
}

#[test]
fn mistakes_in_a_file_are_errors_with_a_place_and_a_hint() {
    let table = [
        (
            "version: 1\nscope: org\nalow: { models: [\"*\"] }\n",
            "org.yaml:3:1: unknown key `alow` in a policy file (did you mean `allow`?)",
        ),
        ("scope: org\n", "org.yaml:1:1: a policy file needs `version`"),
        (
            "version: 999\nscope: org\n",
            "org.yaml:1:10: this version reads policy files of version 1 (write `version: 1`, or use a newer warden)",
        ),
        (
            "version: 1\nscope: team/org\n",
            "org.yaml:2:8: scope `team/org` does not match the file's path (write `scope: org`)",
        ),
        ("version: 1\nscope: org\ndeny:\n", "org.yaml:3:1: nothing is written after `deny`"),
        (
            "version: 1\nscope: org\ndeny: { models: [\"*\"] }\n",
            "org.yaml:3:7: deny needs an `id`, so that denials and records can name it",
        ),
        (
            "version: 1\nscope: org\ndeny: { id: a }\n",
            "org.yaml:3:7: an item of `deny` needs `models`, `when` or `unless`",
        ),
        (
            "version: 1\nscope: org\ndeny: { id: a, when: }\n",
            "org.yaml:3:16: nothing is written after `when`",
        ),
        (
            "version: 1\nscope: org\ndeny: { id: a, when: {} }\n",
            "org.yaml:3:22: `when` must not be empty: it would always hold",
        ),
        (
            "version: 1\nscope: org\ndeny: { id: a, when: { evn: prod } }\n",
            "org.yaml:3:24: unknown key `evn` in `when` (did you mean `env`?)",
        ),
        (
            "version: 1\nscope: org\nallow: { models: [\"*\"], mode: shadow }\n",
            "org.yaml:3:31: `allow` has no mode: it grants or it does not (remove `mode`; `mode` of the whole file does not concern `allow` either)",
        ),
        (
            "version: 1\nscope: org\nallow: { models: [\"a b\"] }\n",
            "org.yaml:3:19: pattern `a b` of models has a character that no id has: `\\u{20}`",
        ),
        (
            "version: 1\nscope: org\nallow: { models: [\"*\"], actions: [Convers] }\n",
            "org.yaml:3:35: `Convers` names no operation (did you mean `Converse`?)",
        ),
        (
            "version: 1\nscope: org\nresidency: { in: [euu] }\n",
            "org.yaml:3:19: `euu` is neither a geography nor a region (did you mean `eu`?)",
        ),
        (
            "version: 1\nscope: org\nsensitive: { id: a, detect: [emial], prompt: deny }\n",
            "org.yaml:3:30: there is no detector `emial` (did you mean `email`?)",
        ),
        (
            "version: 1\nscope: org\nsensitive: { id: a, detect: [email] }\n",
            "org.yaml:3:12: an item of `sensitive` needs `prompt`, `response` or both",
        ),
        (
            "version: 1\nscope: org\nguardrail: { oneOf: [gr] }\n",
            "org.yaml:3:22: `gr` is not a guardrail with its version such as `gr1a2b3c:7`",
        ),
        (
            "version: 1\nscope: org\ncontent: { modalities: [txt] }\n",
            "org.yaml:3:25: modalities must be `text` or `image` or `document` or `video` or `audio`, not `txt` (did you mean `text`?)",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(reported("org.yaml", text), [format!("error: {expected}")], "{text}");
    }
}

#[test]
fn what_this_version_does_not_enforce_is_refused() {
    let table = [("who: [{ iamRole: x }]\n", "`who` is not enforced")];
    for (section, expected) in table {
        let found = reported("org.yaml", &format!("version: 1\nscope: org\n{section}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("error: org.yaml:3:") && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn files_that_fit_nowhere_are_refused() {
    let team = "version: 1\nscope: team/payments\nallow: { models: [anthropic.claude-*] }\n";
    assert_eq!(reported("payments.yaml", team).len(), 1);
    assert_eq!(reported("teams/payments.yml", team).len(), 1);
    let app = "version: 1\nscope: app/payments/checkout\n";
    let found = reported("apps/payments/checkout.yaml", app);
    assert_eq!(
        found,
        [
            "error: apps/payments/checkout.yaml:1:1: there is no policy for team `payments` (add teams/payments.yaml; an \
          app can only narrow its team)"
        ]
    );
    let (set, found) = compiled(&[("teams/payments.yaml", team)]);
    assert!(set.is_none() && found[0].contains("there is no org.yaml"), "{found:?}");
    let locked = format!("{team}limits: {{ maxTokens: 5, locked: true }}\n");
    assert!(reported("teams/payments.yaml", &locked)[0].contains("`locked` belongs to org.yaml only"));
}

#[test]
fn contradictions_across_rules_are_errors() {
    let twice = format!("{ORG}limits:\n  - maxTokens: 5\n  - temperature: 1\n");
    let found = reported("org.yaml", &twice);
    assert_eq!(
        found,
        [
            "error: org.yaml:6:5: two items are called `org/limits` (the other is at org.yaml:5; give each its own `id`, \
          or make them one item)"
        ]
    );
    let org = format!("{ORG}guardrail: {{ oneOf: [a1:1] }}\n");
    let team = "version: 1\nscope: team/payments\nallow: { models: [anthropic.claude-*] }\nguardrail: { oneOf: [b1:1] }\n";
    let (set, found) = compiled(&[("org.yaml", &org), ("teams/payments.yaml", team)]);
    assert!(set.is_none());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("payments/guardrail: no guardrail satisfies all rules"), "{found:?}");
}

#[test]
fn oddities_are_warnings_and_do_not_keep_a_set_from_loading() {
    let org = "version: 1\nscope: org\nallow: { models: [anthropic.claude-*] }\nlimits: { maxTokens: 100 }\n";
    let team = "version: 1\nscope: team/payments\nallow:\n  - models: [anthropic.claude-3-hiku-*, amazon.nova-*]\n  \
                - { id: b, models: [us.anthropic.claude-3-haiku-20240307-v1:0, \"eu.anthropic.*\"], when: { env: x } }\n\
                limits: { maxTokens: { max: 200, over: clamp } }\n";
    let (set, found) = compiled(&[("org.yaml", org), ("teams/payments.yaml", team)]);
    assert!(set.is_some());
    assert_eq!(
        found,
        [
            "warning: teams/payments.yaml:4:5: payments/allow: `anthropic.claude-3-hiku-*` matches no model that is \
             known to exist (did you mean something like `anthropic.claude-3-haiku-20240307-v1:0`?)",
            "warning: teams/payments.yaml:5:5: payments/allow/b: `eu.anthropic.*` matches no model that is known to \
             exist (write `anthropic.*`, and bound where it may run with `residency`)",
            "warning: teams/payments.yaml:4:5: payments/allow: `amazon.nova-*` is outside the ceiling, so it grants \
             nothing (`allow` of org.yaml does not cover it)",
            "warning: teams/payments.yaml:5:5: payments/allow/b: `eu.anthropic.*` is outside the ceiling, so it grants \
             nothing (`allow` of org.yaml does not cover it)",
            "warning: teams/payments.yaml:6:9: payments/limits: maxTokens 200 is looser than org.yaml (org/limits at \
             org.yaml:4 wins: nothing over 100 passes)",
        ]
    );
}

#[test]
fn patterns_of_restrictions_may_name_a_geography_and_are_checked_for_typos() {
    let odd = format!(
        "{ORG}deny:\n  - {{ id: a, models: [\"us.*\", \"*prompt-router/*\"] }}\n  \
         - {{ id: b, when: {{ model: anthropic.claude-opsu-* }} }}\n"
    );
    assert_eq!(
        reported("org.yaml", &odd),
        [
            "warning: org.yaml:6:5: org/deny/b: `anthropic.claude-opsu-*` matches no model that is known to exist (did you \
          mean something like `anthropic.claude-opus-4-1-20250805-v1:0`?)"
        ]
    );
}

/// A floor and a team whose `allow` sections hold these items.
fn granting(org: &str, team: &str) -> (PolicySet, Vec<String>) {
    let org = format!("version: 1\nscope: org\nallow:\n{org}");
    let team = format!("version: 1\nscope: team/payments\nallow:\n{team}");
    let (set, reported) = compiled(&[("org.yaml", &org), ("teams/payments.yaml", &team)]);
    (set.unwrap_or_else(|| panic!("{reported:#?}")), reported)
}

fn denied_by(set: &PolicySet, operation: Operation, output: Option<&str>) -> Vec<String> {
    let request = Request::new(HAIKU).with(|request| {
        request.operation = operation;
        request.facts.output = output.map(str::to_owned);
    });
    request.outcome(set).0
}

#[test]
fn operations_that_rules_cannot_see_through_are_granted_by_name_on_every_level() {
    let all = "  - models: \"*\"\n";
    let named = "  - models: \"*\"\n  - { id: checks, actions: [ApplyGuardrail, InvokeGuardrailChecks] }\n  \
                 - { id: async, models: \"*\", actions: [StartAsyncInvoke], outputs: [\"s3://results/*\"] }\n";
    let results = Some("s3://results/2026/");
    for (org, team, expected) in [
        (all, all, &["org/allow", "payments/allow"][..]),
        (named, all, &["payments/allow"]),
        (all, named, &["org/allow"]),
        (named, named, &[]),
    ] {
        let (set, _) = granting(org, team);
        assert_eq!(denied_by(&set, Operation::ApplyGuardrail, None), expected);
        assert_eq!(denied_by(&set, Operation::InvokeGuardrailChecks, None), expected);
        assert_eq!(denied_by(&set, Operation::StartAsyncInvoke, results), expected);
        for operation in [Operation::InvokeModel, Operation::ConverseStream, Operation::CountTokens] {
            assert!(denied_by(&set, operation, None).is_empty(), "{operation}");
        }
    }
    let (set, reported) = granting(all, named);
    assert!(
        reported
            .iter()
            .any(|one| one.contains("payments/allow/checks: `ApplyGuardrail` is outside the ceiling")),
        "{reported:#?}"
    );
    let request = Request::new(HAIKU).with(|request| request.operation = Operation::ApplyGuardrail);
    let (_, verdict) = request.judged(&set);
    assert_eq!(
        Denial::of(&request.inquiry(), &verdict.violations).unwrap().message,
        "payments/checkout is not authorized to perform bedrock:ApplyGuardrail with an explicit deny in policy: \
         org/allow: ApplyGuardrail is not granted; an item of `allow` must name it in `actions`"
    );
}

#[test]
fn patterns_over_operations_grant_what_would_be_granted_without_them() {
    let item = "  - { models: \"*\", actions: [\"*\"] }\n";
    let (set, _) = granting(item, item);
    assert!(denied_by(&set, Operation::CountTokens, None).is_empty());
    for operation in
        [Operation::ApplyGuardrail, Operation::InvokeGuardrailChecks, Operation::StartAsyncInvoke]
    {
        assert_eq!(denied_by(&set, operation, Some("s3://a/b")).len(), 2, "{operation}");
    }
    let item = "  - { models: \"*\", actions: [\"Converse*\"] }\n";
    let (set, _) = granting(item, item);
    assert!(denied_by(&set, Operation::ConverseStream, None).is_empty());
    assert_eq!(denied_by(&set, Operation::CountTokens, None).len(), 2);
}

#[test]
fn answers_are_written_only_where_a_grant_says() {
    let item = "  - { models: \"*\", actions: [StartAsyncInvoke], outputs: [\"s3://results/{a,b}/*\"] }\n";
    let (set, _) = granting(item, item);
    for (output, passes) in [
        ("s3://results/a/x", true),
        ("s3://results/b/", true),
        ("s3://results/c/", false),
        ("s3://results-of-others/a/", false),
        ("s3://other/s3://results/a/x", false),
    ] {
        let denied = denied_by(&set, Operation::StartAsyncInvoke, Some(output));
        assert_eq!(denied.is_empty(), passes, "{output}");
    }
    let request = Request::new(HAIKU).with(|request| {
        request.operation = Operation::StartAsyncInvoke;
        request.facts.output = Some("s3://other/123-45-6789".to_owned());
    });
    let (_, verdict) = request.judged(&set);
    assert!(
        verdict.violations.iter().all(|one| one.message.contains("granted: s3://results/{a,b}/*")),
        "{verdict:?}"
    );
    assert!(!format!("{verdict:?}").contains("6789"));
}

#[test]
fn mistakes_in_actions_are_reported_with_what_to_write() {
    let table = [
        (
            "actions: [ApplyGuardrails]",
            "`ApplyGuardrails` names no operation (did you mean `ApplyGuardrail`?)",
        ),
        (
            "models: \"*\", actions: [CreateModelInvocationJob]",
            "`CreateModelInvocationJob` is never passed on, so that no rule can be about it (remove it; the refusal is \
             recorded under its name)",
        ),
        (
            "models: \"*\", actions: [ListFoundationModels]",
            "`ListFoundationModels` needs no grant (remove it;",
        ),
        (
            "models: \"*\", actions: [ApplyGuardrail]",
            "`models` concerns none of the operations that this item grants",
        ),
        ("actions: [Converse]", "an item of `allow` needs `models`"),
        ("models: \"*\", outputs: [\"s3://a/*\"]", "`outputs` concerns none of the operations"),
        (
            "models: \"*\", actions: [StartAsyncInvoke]",
            "an item of `allow` needs `outputs` (StartAsyncInvoke has its answers written to S3; write",
        ),
    ];
    for (item, expected) in table {
        let reported = reported("org.yaml", &format!("version: 1\nscope: org\nallow: {{ {item} }}\n"));
        assert!(reported.iter().any(|one| one.contains(expected)), "{item}: {reported:#?}");
    }
}

#[test]
fn guardrails_are_demanded_where_a_model_answers() {
    let named = "{ id: checks, actions: [ApplyGuardrail, InvokeGuardrailChecks] }";
    let start = "{ id: async, models: \"*\", actions: [StartAsyncInvoke], outputs: [\"s3://*\"] }";
    let items = format!("  - models: \"*\"\n  - {named}\n  - {start}\n");
    let rule = "guardrail: { oneOf: [\"a1:1\"], missing: inject }\n";
    let (set, _) = granting(&format!("{items}{rule}"), &items);
    let outcome = |operation: Operation, guardrail: Option<&str>| {
        let request = Request::new(HAIKU).with(|request| {
            request.operation = operation;
            request.facts.output = (operation == Operation::StartAsyncInvoke).then(|| "s3://a".to_owned());
            request.facts.guardrail = guardrail.and_then(GuardrailReference::parse);
        });
        request.outcome(&set)
    };
    let (denied, repaired) = outcome(Operation::Converse, None);
    assert!(denied.is_empty() && repaired == ["guardrail +a1:1 org/guardrail"]);
    assert_eq!(outcome(Operation::StartAsyncInvoke, None), (vec!["org/guardrail".to_owned()], vec![]));
    assert_eq!(outcome(Operation::ApplyGuardrail, Some("b1:1")), (vec!["org/guardrail".to_owned()], vec![]));
    assert_eq!(outcome(Operation::ApplyGuardrail, Some("a1:1")), (vec![], vec![]));
    assert_eq!(outcome(Operation::CountTokens, None), (vec![], vec![]));
    assert_eq!(outcome(Operation::InvokeGuardrailChecks, None), (vec![], vec![]));
}

#[test]
fn what_calls_no_model_stays_in_the_places_of_residency() {
    let items = "  - { actions: [ApplyGuardrail] }\n";
    let (inside, _) = granting(&format!("{items}residency: {{ in: [us] }}\n"), items);
    assert!(denied_by(&inside, Operation::ApplyGuardrail, None).is_empty());
    let (outside, _) = granting(&format!("{items}residency: {{ in: [eu] }}\n"), items);
    assert_eq!(denied_by(&outside, Operation::ApplyGuardrail, None), ["org/residency"]);
}

#[test]
fn reads_are_open_to_every_team_unless_denied_or_about_a_model_that_is_not_granted() {
    let deny = "deny:\n  - { id: no-logging, when: { action: GetModelInvocationLoggingConfiguration } }\n  \
                - { id: from-inside, unless: { source: 10.0.0.0/8 } }\n  - { id: no-haiku, models: [\"*haiku*\"] }\n";
    let (set, _) =
        granting(&format!("  - models: [anthropic.*]\n{deny}"), "  - models: [anthropic.claude-3-*]\n");
    let denied = |operation: Operation, model: &str, source: &str| {
        let request = Request::new(model).with(|request| {
            request.operation = operation;
            request.context.source = source.parse().unwrap();
        });
        let (verdict, allowed) = set.decide_read(&request.inquiry());
        assert_eq!(verdict.is_allowed(), allowed.is_some());
        verdict.violations.iter().map(|violation| violation.rule.to_string()).collect::<Vec<_>>()
    };
    let (inside, opus) = ("10.0.0.1", "anthropic.claude-3-opus-20240229-v1:0");
    assert!(denied(Operation::ListGuardrails, opus, inside).is_empty());
    assert!(denied(Operation::GetFoundationModel, opus, inside).is_empty());
    assert_eq!(
        denied(Operation::GetModelInvocationLoggingConfiguration, opus, inside),
        ["org/deny/no-logging"]
    );
    assert_eq!(denied(Operation::ListFoundationModels, opus, "192.0.2.1"), ["org/deny/from-inside"]);
    assert_eq!(denied(Operation::GetFoundationModel, HAIKU, inside), ["org/deny/no-haiku"]);
    assert_eq!(
        denied(Operation::GetFoundationModelAvailability, "amazon.nova-lite-v1:0", inside),
        ["org/allow", "payments/allow"]
    );
    assert_eq!(
        denied(Operation::GetInferenceProfile, "anthropic.claude-opus-4-1-20250805-v1:0", inside),
        ["payments/allow"]
    );
}

#[test]
fn the_digest_is_what_sha256sum_prints() {
    let (set, _) = compiled(&[("org.yaml", ORG)]);
    let line = format!("{}  org.yaml\n", sha256(ORG));
    assert_eq!(set.unwrap().digest(), format!("sha256:{}", sha256(&line)));
}

fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}

#[test]
fn every_section_has_an_example_without_mistakes_that_shows_its_attributes() {
    for section in Section::ALL {
        let example = section.example();
        assert!(example.starts_with(&format!("{}:\n", section.name())), "{example}");
        let shown = section.attributes().iter().any(|attribute| example.contains(&format!("{attribute}:")));
        assert!(shown || section == Section::Deny, "{example}");
        let allow = if section == Section::Allow { "" } else { "allow: { models: [\"*\"] }\n" };
        let org = format!("version: 1\nscope: org\n{allow}{example}");
        let (set, reported) = compiled(&[("org.yaml", &org)]);
        assert!(set.is_some() && reported.is_empty(), "{reported:#?}\n{org}");
    }
    let all: String = Section::ALL.into_iter().map(Section::example).collect();
    let (set, reported) = compiled(&[("org.yaml", &format!("version: 1\nscope: org\n{all}"))]);
    assert!(reported.is_empty(), "{reported:#?}");
    assert_eq!(set.unwrap().summaries()[0].rules, 12);
}
