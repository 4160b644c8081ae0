use proptest::prelude::*;

use super::*;
use crate::bedrock::model::resolution::Found;

#[test]
fn the_tables_are_in_order_and_hold_canonical_ids() {
    assert!(MODELS.is_sorted_by(|one, next| one.id < next.id));
    assert!(prices::PRICES.is_sorted_by(|(one, _), (next, _)| one < next));
    for model in MODELS {
        let reference = ModelReference::parse(model.id).unwrap();
        assert_eq!((reference.kind(), reference.canonical()), (ModelKind::Foundation, model.id));
        assert_eq!(find(model.id), Some(model));
        assert!(!model.inputs.is_empty(), "{}", model.id);
    }
    for (tariff, price) in prices::PRICES {
        let reference = ModelReference::parse(tariff).unwrap();
        assert!(find(reference.canonical()).is_some(), "{tariff}");
        assert!(price.input > 0 && price.input < 200_000_000, "{tariff}");
        // What is read again is cheaper.
        assert!(price.cache_read.is_none_or(|read| read < price.input), "{tariff}");
    }
}

#[test]
fn a_call_costs_what_its_tokens_cost() {
    let usage = |input, output, cache_read, cache_write| Usage { input, output, cache_read, cache_write };
    let table = [
        // 3 and 15 dollars for a million tokens.
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", usage(Some(1000), Some(100), None, None), Some(4_500)),
        // The profiles of a geography cost a tenth more.
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            usage(Some(1000), Some(100), None, None),
            Some(4_950),
        ),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", usage(Some(0), Some(0), Some(10), Some(10)), Some(41)),
        ("amazon.nova-lite-v1:0", usage(Some(1), Some(0), None, None), Some(1)),
        // No price is known for writing to its cache.
        ("amazon.nova-lite-v1:0", usage(Some(1), Some(1), None, Some(1)), None),
        ("amazon.nova-lite-v1:0", usage(Some(1), Some(1), None, Some(0)), Some(1)),
        ("amazon.titan-embed-text-v2:0", usage(Some(1_000_000), None, None, None), Some(20_000)),
        ("amazon.nova-lite-v1:0", usage(Some(1), None, None, None), None),
        ("amazon.nova-lite-v1:0", usage(None, Some(1), None, None), None),
        (
            "amazon.nova-lite-v1:0",
            usage(Some(u64::MAX), Some(u64::MAX), None, None),
            Some(5_534_023_222_112_865_485),
        ),
    ];
    for (id, usage, cost) in table {
        assert_eq!(price(id).unwrap().cost(usage), cost.map(MicroDollars), "{id} {usage:?}");
    }
    assert_eq!(price("anthropic.claude-nobody-knows"), None);
}

#[test]
fn a_profile_of_ones_own_costs_what_it_was_copied_from() {
    let foundation = |region: &str, id: &str| {
        let arn = format!("arn:aws:bedrock:{region}::foundation-model/{id}");
        ModelReference::parse(&arn).unwrap()
    };
    let nova = "amazon.nova-lite-v1:0";
    let over = |models: Vec<ModelReference>| {
        let profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdef123456";
        tariff(&ModelReference::parse(profile).unwrap().with(Found::stated(models)))
    };
    let table = [
        (vec![foundation("us-east-1", nova)], Some(nova.to_owned())),
        (vec![foundation("us-east-1", nova), foundation("us-west-2", nova)], Some(format!("us.{nova}"))),
        (vec![foundation("eu-west-1", nova), foundation("eu-west-3", nova)], Some(format!("eu.{nova}"))),
        (vec![foundation("ap-south-1", nova), foundation("ap-south-2", nova)], None),
        (
            vec![foundation("us-east-1", nova), ModelReference::parse(&format!("global.{nova}")).unwrap()],
            Some(format!("global.{nova}")),
        ),
        (vec![foundation("us-east-1", nova), foundation("us-east-1", "amazon.nova-pro-v1:0")], None),
        (vec![], None),
    ];
    for (models, expected) in table {
        assert_eq!(over(models.clone()), expected, "{models:?}");
    }
    let provisioned =
        ModelReference::parse("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdef123456");
    let provisioned = provisioned.unwrap().with(Found::stated(vec![foundation("us-east-1", nova)]));
    assert_eq!(tariff(&provisioned), None, "paid by the hour");
}

proptest! {
    #[test]
    fn more_tokens_never_cost_less(input in any::<u32>(), more in any::<u32>(), output in any::<u32>()) {
        let price = price("anthropic.claude-opus-4-5-20251101-v1:0").unwrap();
        let cost = |input: u64| price.cost(Usage { input: Some(input), output: Some(output.into()), cache_read: None, cache_write: None });
        prop_assert!(cost(u64::from(input)) <= cost(u64::from(input) + u64::from(more)));
    }
}
