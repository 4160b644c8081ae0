use super::*;
use crate::bedrock::operation::Operation;
use crate::policy::fixture::{HAIKU, ROUTER, Request, policy};

const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";

fn need(request: &Request, size: Size<'_>) -> Need {
    policy("", "").need(&request.inquiry(), size)
}

fn body(bytes: u64) -> Size<'static> {
    Size { body: bytes, opaque: &[] }
}

#[test]
fn a_request_takes_at_most_its_bytes_and_what_the_model_may_answer() {
    let asks = |most: &[f64]| Request::new(HAIKU).set(Parameter::MaxTokens, most);
    let table = [
        (asks(&[100.0]), 1_000, Ok((1_000, 100))),
        (asks(&[100.0, 300.0]), 1_000, Ok((1_000, 300))),
        (asks(&[100.0]).set(Parameter::Choices, &[4.0]), 1_000, Ok((1_000, 400))),
        (asks(&[100.0]).set(Parameter::Choices, &[0.0]), 1_000, Ok((1_000, 100))),
        (asks(&[100.0]).set(Parameter::ThinkingTokens, &[900.0]), 1_000, Ok((1_000, 900))),
        (asks(&[f64::NAN]), 1_000, Err(Unbounded::NoMaximum)),
        (asks(&[1.5]), 1_000, Ok((1_000, 2))),
        // The context of this model is not known, that of the next one is.
        (Request::new(HAIKU), 1_000, Err(Unbounded::NoMaximum)),
        (Request::new(SONNET), 1_000, Ok((1_000, 199_000))),
        (Request::new(SONNET), 300_000, Ok((300_000, 0))),
        (Request::new(SONNET).set(Parameter::MaxTokens, &[1e18]), 10, Ok((10, 1_000_000))),
        (Request::new("amazon.titan-embed-text-v2:0"), 1_000, Ok((1_000, 0))),
        (Request::new("nobody.knows-v1:0").set(Parameter::MaxTokens, &[10.0]), 1_000, Ok((1_000, 10))),
        (Request::new(SONNET).with(|one| one.operation = Operation::CountTokens), 1_000, Ok((0, 0))),
        (Request::new(SONNET).with(|one| one.operation = Operation::ApplyGuardrail), 1_000, Ok((0, 0))),
        (
            Request::new("amazon.nova-sonic-v1:0")
                .with(|one| one.operation = Operation::InvokeModelWithBidirectionalStream),
            1_000,
            Err(Unbounded::Session),
        ),
        (asks(&[100.0]).with(|one| one.facts.tools.push("search".to_owned())), 1_000, Ok((2_000, 100))),
    ];
    for (request, bytes, expected) in table {
        let expected = expected.map(|(input, output)| TokenNeed { input, output });
        assert_eq!(need(&request, body(bytes)).tokens, expected, "{request:?}");
    }
}

#[test]
fn attachments_count_for_what_they_are_worth() {
    let entry = |kind, count, bytes| Uninspected { kind, count, bytes, paths: Vec::new() };
    let table = [
        (entry(OpaqueKind::Image, 2, 900), 100 + 10_000),
        (entry(OpaqueKind::Document, 1, 20_000), 100 + 20_000),
        (entry(OpaqueKind::Video, 1, 10), 100 + 5_000),
        (entry(OpaqueKind::S3Reference, 1, 50), 100 + 200_000),
        (entry(OpaqueKind::EncryptedReasoning, 1, 77), 100 + 77),
    ];
    for (entry, expected) in table {
        let request = Request::new(SONNET).set(Parameter::MaxTokens, &[1.0]);
        let size = Size { body: 100 + entry.bytes, opaque: std::slice::from_ref(&entry) };
        let tokens = need(&request, size).tokens.unwrap();
        assert_eq!(tokens.input, expected, "{entry:?}");
    }
}

#[test]
fn the_cost_is_that_of_the_dearest_way_to_count_the_input() {
    let request = Request::new(SONNET).set(Parameter::MaxTokens, &[1_000_000.0]);
    let price = catalogue::price(SONNET).unwrap();
    let dearest = price.cache_write.unwrap().max(price.input);
    let expected = price.output + dearest.div_ceil(1_000);
    assert_eq!(need(&request, body(1_000)).cost, Ok(expected));
}

#[test]
fn what_has_no_price_has_no_most_cost() {
    let request = Request::new("nobody.knows-v1:0").set(Parameter::MaxTokens, &[10.0]);
    assert_eq!(need(&request, body(1)).cost, Err(Unbounded::NoPrice));
    let priced = policy("quotas: { cost: 1 USD/day }\n", "");
    let inquiry = request.inquiry();
    let charges = priced.charges(&inquiry, body(1)).list;
    assert_eq!(charges.len(), 1);
    let violation = charges[0].uncountable(Unbounded::NoPrice);
    assert_eq!(violation.fault, Fault::AccessDenied);
    assert!(violation.message.contains("no price of the model is known"), "{}", violation.message);
}

#[test]
fn of_the_models_behind_a_router_the_dearest_counts() {
    let [dear, cheap] = ["anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-micro-v1:0"];
    let asks = |model: &str| Request::new(model).set(Parameter::MaxTokens, &[1_000.0]);
    let of = |request: Request| need(&request, body(1_000)).cost.unwrap();
    let routed = of(asks(ROUTER).leading_to(&[cheap, dear]));
    assert_eq!(routed, of(asks(dear)));
    assert!(routed > of(asks(cheap)));
}

#[test]
fn every_level_counts_for_its_own_subject() {
    let set = policy(
        "quotas:\n  - requests: 1/min\n  - { id: each, per: caller, requests: 2/min }\n",
        "quotas:\n  - { per: app, requests: 3/min, tokens: 4/day }\n  - { id: x, requests: 5/min, when: { env: dev } }\n  - { id: y, requests: 6/min, mode: shadow }\n",
    );
    let request = Request::new(HAIKU);
    let inquiry = request.inquiry();
    let charges = set.charges(&inquiry, body(1)).list;
    let shown: Vec<_> = charges
        .iter()
        .map(|charge| {
            format!("{} {} {} {}", charge.rule(), charge.subject, charge.bound(), charge.mode().name())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "org/quotas payments 1 request/min enforce",
            "org/quotas/each payments/checkout/AKIAEXAMPLE 2 requests/min enforce",
            "payments/quotas payments/checkout 3 requests/min enforce",
            "payments/quotas payments/checkout 4 tokens/day enforce",
            "payments/quotas/y payments 6 requests/min shadow",
        ]
    );
    let read = request.with(|one| one.operation = Operation::ListFoundationModels);
    assert!(set.charges(&read.inquiry(), body(0)).list.is_empty());
}

#[test]
fn who_is_over_is_told_what_is_used_and_when_it_begins_anew() {
    let set = policy("quotas:\n  - { requests: 2/min, tokens: 1K/day, message: Ask for more. }\n", "");
    let request = Request::new(HAIKU).set(Parameter::MaxTokens, &[100.0]);
    let inquiry = request.inquiry();
    let charges = set.charges(&inquiry, body(50)).list;
    let minute = charges[0].exceeded(2, 12);
    assert_eq!(minute.fault, Fault::Throttling);
    assert_eq!(
        minute.message,
        "payments has used 2 requests of 2 requests/min; the count begins anew in 12 s: Ask for more"
    );
    let day = charges[1].exceeded(900, 3_725);
    assert_eq!((day.fault, day.value.as_deref()), (Fault::ServiceQuotaExceeded, Some("900 tokens")));
    assert!(day.message.contains("900 tokens of 1000 tokens/day, and this request may take 150 tokens"));
    assert!(day.message.contains("in 1 h 2 min"), "{}", day.message);
    let denial = quota_denial(&inquiry, &[minute, day]).unwrap();
    assert_eq!(denial.fault, Fault::ServiceQuotaExceeded);
    assert!(
        denial.message.starts_with("payments/checkout may not call bedrock:Converse on "),
        "{}",
        denial.message
    );
    assert!(denial.message.contains("; org/quotas: "), "{}", denial.message);
}

#[test]
fn what_never_fits_is_not_throttled() {
    let set = policy("quotas: { tokens: 100/min }\n", "");
    let request = Request::new(HAIKU).set(Parameter::MaxTokens, &[1_000.0]);
    let inquiry = request.inquiry();
    let violation = set.charges(&inquiry, body(50)).list[0].exceeded(0, 30);
    assert_eq!(violation.fault, Fault::ServiceQuotaExceeded);
    assert!(violation.message.starts_with("this request may take 1050 tokens"), "{}", violation.message);
}
