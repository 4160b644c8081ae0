use super::*;
use crate::policy::fixture::compiled;

const PROFILE: &str = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456";
const NOVA: &str = "amazon.nova-lite-v1:0";

fn read(text: &str) -> (Option<Catalogue>, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let catalogue = Catalogue::read(&Source::new(FILE, text), &mut diagnostics);
    (catalogue, diagnostics.iter().map(ToString::to_string).collect())
}

#[test]
fn own_prices_win_over_list_prices_and_over_the_price_of_what_stands_behind() {
    let text = format!(
        "version: 1\nmodels:\n  - id: {NOVA}\n    prices: {{ input: 0.25, output: 1, cacheRead: 0.000001 }}\n\
         \x20 - id: acme.model-v1:0\n\
         \x20 - id: arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdef123456\n    prices: {{ input: 9, output: 9 }}\n\
         aliases:\n  - {{ id: {PROFILE}, models: [{NOVA}] }}\n"
    );
    let (catalogue, reported) = read(&text);
    let catalogue = catalogue.unwrap_or_else(|| panic!("{reported:?}"));
    let usage =
        Usage { input: Some(1_000_000), output: Some(1_000_000), cache_read: Some(0), cache_write: None };
    let cost = |model: &str| {
        let model = ModelReference::parse(model).unwrap();
        catalogue.cost(&catalogue.resolve(&model).unwrap_or(model), usage).map(|cost| cost.0)
    };
    assert_eq!(cost(NOVA), Some(1_250_000));
    assert_eq!(cost(PROFILE), Some(1_250_000), "as its model");
    assert_eq!(cost("us.amazon.nova-lite-v1:0"), Some(300_000), "a price of its own in the list");
    assert_eq!(cost("amazon.nova-micro-v1:0"), Some(175_000), "from the list");
    assert_eq!(cost("acme.model-v1:0"), None, "known, without a price");
    assert_eq!(cost("arn:aws:bedrock:us-east-1:111122223333:imported-model/abcdef123456"), Some(18_000_000));
    assert!(catalogue.ids().any(|id| id == "acme.model-v1:0"));
}

#[test]
fn mistakes_are_pointed_at() {
    let table = [
        ("models: []\n".to_owned(), "catalog.yaml:1:1: the catalogue needs `version`"),
        (
            "version: 2\n".to_owned(),
            "1:10: this version reads catalogues of version 1 (write `version: 1`, or use a newer warden)",
        ),
        (
            "version: 1\nalias: []\n".to_owned(),
            "2:1: unknown key `alias` in the catalogue (did you mean `aliases`?)",
        ),
        (
            "version: 1\nmodels: [{ id: amazon..nova }]\n".to_owned(),
            "`amazon..nova`: model id has an empty part",
        ),
        (
            "version: 1\nmodels: [{ prices: { input: 1, output: 1 } }]\n".to_owned(),
            "an item of `models` needs `id`",
        ),
        (
            format!("version: 1\nmodels: [{{ id: {NOVA}, price: 1 }}]\n"),
            "unknown key `price` in an item of `models` (did you mean `prices`?)",
        ),
        (
            format!("version: 1\nmodels: [{{ id: {NOVA}, prices: {{ input: 1 }} }}]\n"),
            "`prices` needs `output`",
        ),
        (
            format!("version: 1\nmodels: [{{ id: {NOVA}, prices: {{ input: $1, output: 1 }} }}]\n"),
            "input must be US dollars for 1,000,000 tokens, as in `0.25`, not `$1`",
        ),
        (
            format!("version: 1\nmodels: [{{ id: {NOVA} }}, {{ id: {NOVA} }}]\n"),
            "`amazon.nova-lite-v1:0` is written twice",
        ),
        (
            format!("version: 1\nmodels: [{{ id: {PROFILE} }}]\n"),
            "is no model of the catalogue (give it `prices`, or write it under `aliases`)",
        ),
        (format!("version: 1\naliases: [{{ id: {PROFILE} }}]\n"), "an item of `aliases` needs `models`"),
        (format!("version: 1\naliases: [{{ id: {PROFILE}, models: [] }}]\n"), "models must not be empty"),
        (
            format!("version: 1\naliases: [{{ id: {PROFILE}, models: [other] }}]\n"),
            "`other` hides its model; an alias names models themselves",
        ),
        (
            format!("version: 1\naliases: [{{ id: {NOVA}, models: [{NOVA}] }}]\n"),
            "cannot be an alias (its id says which model it is)",
        ),
        (
            format!("version: 1\naliases: [{{ id: throughput, models: [{NOVA}] }}]\n"),
            "`throughput` cannot be an alias (it can be pointed at another model at any time, so it is looked up each minute)",
        ),
    ];
    for (text, expected) in table {
        let (catalogue, reported) = read(&text);
        assert!(catalogue.is_none(), "{text}");
        assert!(reported.iter().any(|one| one.contains(expected)), "{text}\n{reported:#?}");
    }
    let org = "version: 1\nscope: org\nallow: { models: [acme.*] }\n";
    assert!(compiled(&[("catalog.yaml", "version: 2\n"), ("org.yaml", org)]).0.is_none());
}

#[test]
fn dollars_are_read_to_the_millionth() {
    let table = [
        ("3", Some(3_000_000)),
        ("0.25", Some(250_000)),
        ("0.000001", Some(1)),
        ("999999999.999999", Some(999_999_999_999_999)),
        ("0.0000001", None),
        ("1000000000", None),
        ("-1", None),
        ("1e3", None),
        (".5", None),
        ("1.", None),
        ("", None),
        ("1,5", None),
    ];
    for (text, expected) in table {
        assert_eq!(text.parse::<Dollars>().ok().map(|amount| amount.0), expected, "{text}");
    }
}

#[test]
fn models_that_the_organisation_knows_are_known_to_the_check() {
    let org = "version: 1\nscope: org\nallow: { models: [acme.*] }\n";
    let warned = compiled(&[("org.yaml", org)]).1;
    assert_eq!(warned.len(), 1, "{warned:?}");
    let catalog = "version: 1\nmodels: [{ id: eu.acme.model-v1:0 }]\n";
    let (set, reported) = compiled(&[("catalog.yaml", catalog), ("org.yaml", org)]);
    assert!(set.is_some() && reported.is_empty(), "{reported:?}");
}
