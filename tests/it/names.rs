//! Names that hide a model: every model behind them is judged, and the record says which.

use serde_json::json;

use crate::support::call::{Call, HAIKU, TITAN, claude_body, titan_body};
use crate::support::http::Response;
use crate::support::warden::{ALLOW_ALL, Setup, TestWarden};

const NOVA: &str = "amazon.nova-lite-v1:0";
const ACCESS: &str = "AccessDeniedException";
const HAIKU_ONLY: &str = "allow:\n  - models: [\"anthropic.claude-3-haiku-*\"]\n";

/// A resource of the simulated account.
fn arn(resource: &str) -> String {
    format!("arn:aws:bedrock:us-east-1:111122223333:{resource}")
}

fn profile(number: u32) -> String {
    arn(&format!("application-inference-profile/profile{number:05}"))
}

fn hello(warden: &TestWarden, model: &str) -> Response {
    warden.send(Call::converse(model, "say: hello"))
}

#[test]
fn a_profile_is_judged_by_the_models_behind_it() {
    let warden = Setup::new().org(HAIKU_ONLY).start();
    let granted = hello(&warden, &profile(1));
    assert_eq!(granted.converse_text(), "hello");
    let record = warden.journal().intents().next().unwrap().clone();
    assert_eq!((record.text("model_requested"), record.text("model_resolved")), (profile(1).as_str(), HAIKU));
    assert_eq!(record.text("provider"), "anthropic");
    let behind = format!("arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}");
    assert_eq!(record.0["model_behind"], json!([behind]), "{record:?}");
    assert!(
        warden.upstream_request().path().contains("application-inference-profile"),
        "forwarded as it was named"
    );

    let message = hello(&warden, &profile(2)).assert_refused(403, ACCESS);
    assert!(message.contains("org/allow") && message.contains(TITAN), "{message}");
    let denied = hello(&warden, &profile(2));
    let record = warden.record_of(&denied);
    assert!(record.is_denial());
    assert_eq!(record.text("model_resolved"), TITAN, "{record:?}");
    assert_eq!(warden.upstream().len(), 1);
    let paths: Vec<_> = warden.lookups().iter().map(|seen| seen.path().to_owned()).collect();
    assert_eq!(paths.len(), 2, "each name is asked about once: {paths:?}");
    assert!(warden.lookups().iter().all(|seen| seen.signature_ok() && seen.body().is_empty()));
}

#[test]
fn invoke_bodies_are_read_by_the_family_behind_the_name() {
    let warden =
        Setup::new().org(&format!("{ALLOW_ALL}limits:\n  - maxTokens: {{ max: 20, over: clamp }}\n")).start();
    let forwarded = |call: Call| {
        warden.send(call).assert_ok();
        warden.upstream().last().unwrap().json()
    };
    let claude = forwarded(Call::invoke_with(&profile(1), claude_body("say: hello").to_string()));
    assert_eq!(claude["max_tokens"], 20);
    let titan = forwarded(Call::invoke_with(&profile(2), titan_body("say: hello").to_string()));
    assert_eq!(titan["textGenerationConfig"]["maxTokenCount"], 20);
    let wrong = Call::invoke_with(&profile(2), claude_body("say: hello").to_string());
    assert_eq!(warden.send(wrong).status, 403, "not a body of Titan's");
    let imported = arn("imported-model/imported0001");
    let warden = Setup::new().org(&listing(&imported)).team(&listing(&imported)).start();
    assert_eq!(hello(&warden, &imported).converse_text(), "hello");
}

#[test]
fn a_throughput_that_is_pointed_at_another_model_is_judged_anew() {
    let warden = Setup::new()
        .org("allow:\n  - models: [\"amazon.nova-*\"]\n")
        .setting("WARDEN_UPSTREAM_RECHECK", "500ms")
        .start();
    for name in [arn("provisioned-model/movable00001"), "claims-throughput".to_owned()] {
        assert_eq!(hello(&warden, &name).converse_text(), "hello", "{name}");
    }
    let update = Call::new(
        "PATCH",
        "/provisioned-model-throughput/movable00001",
        json!({ "desiredModelId": HAIKU }).to_string(),
    );
    warden.bedrock().call(update).assert_ok();
    crate::support::eventually("the warden to look again", || {
        hello(&warden, &arn("provisioned-model/movable00001")).status == 403
    });
    let refused = hello(&warden, &arn("provisioned-model/movable00001"));
    assert!(refused.assert_refused(403, ACCESS).contains(HAIKU));
    assert_eq!(warden.record_of(&refused).text("model_resolved"), HAIKU);
}

#[test]
fn every_kind_of_name_is_followed_to_what_runs() {
    let custom = arn("custom-model/amazon.nova-lite-v1:0/custom000001");
    let rows = [
        (arn("provisioned-model/fixed0000001"), NOVA),
        (arn("custom-model-deployment/deployed0001"), NOVA),
        (
            arn("prompt-router/router000001"),
            "anthropic.claude-3-haiku-20240307-v1:0,anthropic.claude-3-sonnet-20240229-v1:0",
        ),
        (
            "arn:aws:sagemaker:us-east-1:111122223333:endpoint/falcon".to_owned(),
            "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/huggingface-llm-falcon/2.0.1",
        ),
    ];
    let models = rows.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let listed = format!("allow:\n  - models: [{models}, \"{custom}\"]\n");
    let warden = Setup::new().org(&listed).team(&listed).start();
    for (name, resolved) in &rows {
        let response = hello(&warden, name);
        assert_eq!(response.converse_text(), "hello", "{name}");
        let intent = warden.journal().of(&response.decision_id()).next().unwrap().clone();
        assert_eq!(intent.text("model_resolved"), *resolved, "{name}");
    }
    let stream = warden.send(Call::converse_stream(&rows[2].0, "say: hello"));
    for response in [hello(&warden, &rows[2].0), stream] {
        let outcome = warden.outcome_of(&response.decision_id());
        assert!(outcome.text("routed_to").ends_with(HAIKU), "{outcome:?}");
    }
    let denied = format!("{listed}deny:\n  - id: d\n    models: [\"amazon.*\"]\n");
    warden.write_policy("org.yaml", &format!("version: 1\nscope: org\n{denied}"));
    crate::support::eventually("the new policy", || hello(&warden, &rows[0].0).status == 403);
    for name in [&rows[0].0, &rows[1].0] {
        hello(&warden, name).assert_refused(403, ACCESS);
    }
}

#[test]
fn residency_looks_at_every_region_behind_a_name() {
    let warden = Setup::new().org(&format!("{ALLOW_ALL}residency:\n  - in: [us-east-1]\n")).start();
    assert_eq!(hello(&warden, &profile(1)).status, 200);
    let message = hello(&warden, &profile(3)).assert_refused(403, ACCESS);
    assert!(message.contains("org/residency") && message.contains("us-west-2"), "{message}");
    let unwritten = Setup::new().start();
    assert_eq!(hello(&unwritten, &profile(3)).status, 200);
    let message = hello(&unwritten, &profile(4)).assert_refused(403, ACCESS);
    assert!(message.contains("org/residency") && message.contains("global"), "{message}");
}

#[test]
fn a_control_plane_that_is_away_sends_nothing_fails_closed() {
    let listed = listing(&profile(1));
    let warden = Setup::new()
        .org(&listed)
        .team(&listed)
        .setting("WARDEN_UPSTREAM_CONTROL_PLANE_ENDPOINT", "https://127.0.0.1:9")
        .start();
    let response = hello(&warden, &profile(1));
    response.assert_refused(503, "ServiceUnavailableException");
    assert_eq!(response.header("retry-after"), Some("1"));
    assert!(warden.upstream().is_empty());
    assert_eq!(warden.record_of(&response).text("decision"), "error");
    let catalog = format!("version: 1\naliases:\n  - id: {}\n    models: [{HAIKU}]\n", profile(1));
    warden.write_policy("catalog.yaml", &catalog);
    crate::support::eventually("the alias to be read", || hello(&warden, &profile(1)).status == 200);
}

#[test]
fn names_that_lead_nowhere_or_too_far_are_refused_natively() {
    let warden = Setup::new().start();
    for name in [profile(9), arn("provisioned-model/nobody000000"), "nobody".to_owned()] {
        let response = hello(&warden, &name);
        response.assert_refused(404, "ResourceNotFoundException");
        assert!(warden.record_of(&response).is_denial(), "{name}");
    }
    let prompt = hello(&warden, &arn("prompt/QWERTYUIOP"));
    assert!(prompt.assert_refused(403, ACCESS).contains("draft of a prompt"));
    let elsewhere = profile(1).replace("us-east-1", "eu-west-1");
    hello(&warden, &elsewhere).assert_refused(400, "ValidationException");
    assert_eq!(
        warden.lookups().len(),
        4,
        "a bare name is asked about twice, a draft and another region never"
    );
    assert!(warden.upstream().is_empty());
}

#[test]
fn strangers_make_nobody_ask_aws() {
    let warden = Setup::new().start();
    let mut call = warden.sign(Call::converse(&profile(1), "say: hello"));
    call.body.push(b' ');
    assert_eq!(warden.tls().send(&call).status, 403);
    assert!(warden.lookups().is_empty());
}

#[test]
fn what_a_call_cost_is_recorded_where_a_price_is_known() {
    let catalog =
        format!("version: 1\nmodels:\n  - id: {HAIKU}\n    prices: {{ input: 1000000, output: 2000000 }}\n");
    let warden = Setup::new().policy("catalog.yaml", &catalog).start();
    for name in [HAIKU.to_owned(), profile(1)] {
        let outcome = warden.outcome_of(&hello(&warden, &name).decision_id());
        let count = |member: &str| outcome.number(member).unwrap();
        assert_eq!(
            count("cost_micros"),
            (count("in_tokens") + 2 * count("out_tokens")) * 1_000_000,
            "{name}"
        );
    }
    let outcome = warden.outcome_of(&hello(&warden, &arn("provisioned-model/movable00001")).decision_id());
    assert_eq!(outcome.number("cost_micros"), None, "paid by the hour");
}

fn listing(id: &str) -> String {
    format!("allow:\n  - models: [\"{id}\"]\n")
}
