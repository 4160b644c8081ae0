//! Quotas that hold under concurrency, over restarts, and by what Bedrock really reported.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::call::{Call, HAIKU, converse_body};
use crate::support::http::Response;
use crate::support::process::run;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

fn with(quotas: &str) -> Setup {
    // What is counted here are requests, on machines however busy.
    let setup = Setup::new().setting("WARDEN_AUDIT_DEADLINE", "30s");
    setup.team(&format!("{ALLOW_ALL}quotas:\n{quotas}"))
}

/// A request that asks for at most `most` tokens.
fn asking(most: u32) -> Call {
    let mut body = converse_body("say: one two three");
    body["inferenceConfig"] = json!({ "maxTokens": most });
    Call::converse_with(HAIKU, &body)
}

/// Sends `each` requests from each of 100 clients at once. Returns how many were answered with 200.
fn storm(warden: &TestWarden, each: usize) -> usize {
    let answered = AtomicUsize::new(0);
    let calls: Vec<Vec<_>> = (0..100).map(|_| (0..each).map(|_| warden.sign(asking(16))).collect()).collect();
    let target = warden.tls();
    std::thread::scope(|scope| {
        for calls in &calls {
            let (target, answered) = (&target, &answered);
            scope.spawn(move || {
                for call in calls {
                    let response = target.send(call);
                    match response.status {
                        200 => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        400 => assert_eq!(response.error_type(), "ServiceQuotaExceededException"),
                        status => panic!("{status}: {}", response.text()),
                    }
                }
            });
        }
    });
    answered.into_inner()
}

#[test]
fn a_hundred_clients_never_exceed_a_budget_by_one_request() {
    let warden = with("  - requests: 137/day\n").start();
    assert_eq!(storm(&warden, 3), 137);
    assert_eq!(warden.upstream().len(), 137);
    let journal = warden.journal();
    let denied = journal.records.iter().filter(|record| record.is_denial()).count();
    assert_eq!(denied, 163, "what a quota refuses is recorded as any denial");
}

#[test]
fn a_minute_is_throttled_and_a_day_is_not_to_be_repeated() {
    let warden =
        with("  - requests: 1/min\n  - { id: day, requests: 2/day, message: Ask the platform team. }\n")
            .start();
    let mut throttled = Vec::new();
    // The minute may end between two requests, and then the next one passes.
    while warden.upstream().len() < 2 {
        let response = warden.send(asking(16));
        if response.status == 429 {
            throttled.push(response);
            assert!(throttled.len() < 3, "throttled again and again");
            wait_for_the_next_minute(throttled.last().unwrap());
        }
    }
    for response in &throttled {
        response.assert_refused(429, "ThrottlingException");
        assert!(response.text().contains("payments/quotas: payments has used 1 request of 1 request/min"));
        let record = warden.record_of(response);
        assert!(record.is_denial(), "{record:?}");
        assert_eq!(record.0["rules"][0]["rule"], "payments/quotas");
        assert_eq!(record.0["rules"][0]["bound"], "1 request/min");
    }
    let response = warden.send(asking(16));
    response.assert_refused(400, "ServiceQuotaExceededException");
    assert!(response.text().contains("Ask the platform team"), "{}", response.text());
    assert_eq!(response.header("retry-after"), None);
}

fn wait_for_the_next_minute(refused: &Response) {
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    std::thread::sleep(std::time::Duration::from_secs(seconds));
}

#[test]
fn tokens_are_reserved_at_most_and_settled_as_reported() {
    let warden = with("  - tokens: 2K/day\n").start();
    // One such request fits into the day by what it may take, and many by what they take.
    for _ in 0..5 {
        let response = warden.send(asking(1_500));
        assert_eq!(response.status, 200, "{}", response.text());
    }
    let journal = warden.journal();
    let mut used = 0;
    for intent in journal.intents() {
        let outcome = journal.end_of(intent.request_id().unwrap());
        let [reserved, settled] =
            [intent, outcome].map(|record| record.0["quota"][0]["amount"].as_i64().unwrap());
        let told =
            ["in_tokens", "out_tokens"].map(|name| i64::try_from(outcome.number(name).unwrap()).unwrap());
        assert_eq!(reserved + settled, told.iter().sum::<i64>(), "{intent:?} {outcome:?}");
        assert!(reserved > 1_500, "{reserved}");
        used += reserved + settled;
    }
    let response = warden.send(asking(1_800));
    response.assert_refused(400, "ServiceQuotaExceededException");
    assert!(
        response.text().contains(&format!("payments has used {used} tokens of 2000 tokens/day")),
        "{}",
        response.text()
    );
    // Streams are settled alike.
    let mut body = converse_body("say: one two three");
    body["inferenceConfig"] = json!({ "maxTokens": 1_500 });
    let stream = Call::new("POST", Call::converse_stream(HAIKU, "").target, body.to_string())
        .header("content-type", "application/json");
    assert_eq!(warden.send(stream).status, 200);
    assert_eq!(warden.send(asking(1_400)).status, 200);
}

#[test]
fn what_nobody_can_count_is_refused() {
    let warden = with("  - { tokens: 1M/day, cost: 1 USD/day }\n").start();
    let unbounded = warden.send(Call::converse(HAIKU, "say: hello"));
    unbounded.assert_refused(400, "ValidationException");
    assert!(unbounded.text().contains("maxTokens is missing"), "{}", unbounded.text());
    let unpriced = warden.send(Call::converse_with("amazon.titan-tg1-large", &{
        let mut body = converse_body("say: hello");
        body["inferenceConfig"] = json!({ "maxTokens": 8 });
        body
    }));
    unpriced.assert_refused(403, "AccessDeniedException");
    assert!(unpriced.text().contains("no price of the model is known"), "{}", unpriced.text());
    assert!(warden.upstream().is_empty());
}

#[test]
fn a_restart_forgets_nothing_that_was_used() {
    let mut warden = with("  - requests: 10/day\n").start();
    for _ in 0..4 {
        assert_eq!(warden.send(asking(16)).status, 200);
    }
    warden.terminate();
    warden.wait_for_exit();
    warden.restart();
    for _ in 0..3 {
        assert_eq!(warden.send(asking(16)).status, 200);
    }
    // A request that a crash cuts off has left, and counts.
    let mut body = converse_body("simulate: stall-mid-stream");
    body["inferenceConfig"] = json!({ "maxTokens": 16 });
    let stalled = Call::new("POST", Call::converse_stream(HAIKU, "").target, body.to_string())
        .header("content-type", "application/json");
    let (connection, _) = warden.open(stalled);
    warden.kill();
    drop(connection);
    warden.restart();
    assert_eq!(storm(&warden, 1), 2);
    assert_eq!(warden.upstream().len(), 10);
}

#[test]
fn a_quota_in_shadow_is_recorded_and_refuses_nothing() {
    let warden = with("  - { mode: shadow, requests: 1/day }\n").start();
    let [first, second] = [(); 2].map(|()| warden.send(asking(16)));
    assert_eq!((first.status, second.status), (200, 200));
    let journal = warden.journal();
    let shadows: Vec<_> = journal.intents().map(|intent| intent.0["shadow"][0]["rule"].clone()).collect();
    assert_eq!(shadows, [json!(null), json!("payments/quotas")]);
}

#[test]
fn metrics_and_explain_show_the_quotas_there_are() {
    let warden = with("  - requests: 4/day\n").start();
    let shown = |expected: &str| {
        let target = warden.admin();
        let mut call = Call::new("GET", "/metrics", "");
        call.replace_header("host", &target.authority());
        let text = target.send(&call).text();
        assert!(text.contains(expected), "{text}");
    };
    shown("warden_quota_used_ratio{rule=\"payments/quotas\"} 0\n");
    assert_eq!(warden.send(asking(16)).status, 200);
    shown("warden_quota_used_ratio{rule=\"payments/quotas\"} 0.25\n");
    let folder = warden.folder().join("policies");
    let question = ["policy", "explain", HAIKU, "--team", "payments", "--app", "checkout", "--policies"];
    let explained = run(warden.home(), question.iter().chain(&[folder.to_str().unwrap()]));
    assert!(
        explained.stdout.contains("4 requests/day for payments"),
        "{}{}",
        explained.stdout,
        explained.stderr
    );
}
