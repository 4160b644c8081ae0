//! Event streams: first bytes early, every event as it was sent, and no failure that looks like success.
//!
//! That bytes arrive before Bedrock has finished is shown by cause and effect: the simulator stops in the middle of its
//! answer and goes on only when it is ended, which happens after the client has read the first event.

use crate::support::call::{Call, HAIKU};
use crate::support::eventually;
use crate::support::frames::{Event, EventReader, claude_text, converse_text, decode};
use crate::support::http::Connection;
use crate::support::http2;
use crate::support::journal::Record;
use crate::support::warden::Setup;

const STREAM_TYPE: &str = "application/vnd.amazon.eventstream";

/// How a client saw a stream end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// At a frame boundary, the body properly closed, no exception: what every SDK takes for success.
    Clean,
    /// By an exception frame with this name.
    Exception(String),
    /// By a connection that broke off or a frame that cannot be read.
    Broken,
}

#[test]
fn the_first_event_arrives_before_bedrock_has_finished() {
    for call in [
        Call::converse_stream(HAIKU, "simulate: stall-mid-stream"),
        Call::invoke_stream(HAIKU, "simulate: stall-mid-stream"),
    ] {
        let mut warden = Setup::new().start();
        let (mut connection, head) = warden.open(call);
        assert_eq!((head.status, head.header("content-type")), (200, Some(STREAM_TYPE)));
        let first = first_events(&mut connection);
        assert!(!first[0].is_exception(), "{first:?}");
        // Only now can Bedrock's answer come to an end.
        warden.simulator.kill();
        assert!(matches!(rest(&mut connection).1, End::Exception(_)));
        assert_eq!(warden.only_outcome().text("end_state"), "upstream_abort");
    }
}

#[test]
fn a_whole_stream_is_relayed_and_recorded() {
    let warden = Setup::new().event_gap_ms(5).start();
    let response = warden.send(Call::converse_stream(HAIKU, "say: one two three four five"));
    // The terminal events are held until the outcome is durable, so it is there already.
    let outcome = warden.record_of(&response);
    let events = decode(&response.assert_ok().body);
    assert_eq!(converse_text(&events), "one two three four five");
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names.first(), Some(&"messageStart"));
    assert_eq!(&names[names.len() - 2..], ["messageStop", "metadata"]);
    let usage = &events.last().unwrap().payload["usage"];
    assert_complete(&outcome);
    assert_eq!(outcome.number("in_tokens"), usage["inputTokens"].as_u64());
    assert_eq!(outcome.number("out_tokens"), usage["outputTokens"].as_u64());
    assert_eq!(outcome.text("stop_reason"), events[events.len() - 2].payload["stopReason"].as_str().unwrap());
}

#[test]
fn a_whole_invoke_stream_is_relayed_and_recorded() {
    let warden = Setup::new().start();
    let response = warden.send(Call::invoke_stream(HAIKU, "say: one two three four five"));
    let outcome = warden.record_of(&response);
    let events = decode(&response.assert_ok().body);
    assert!(events.iter().all(|event| event.name == "chunk"), "{events:?}");
    assert_eq!(claude_text(&events), "one two three four five");
    let metrics = &events.last().unwrap().chunk()["amazon-bedrock-invocationMetrics"];
    assert_complete(&outcome);
    assert_eq!(outcome.number("in_tokens"), metrics["inputTokenCount"].as_u64());
    assert_eq!(outcome.number("out_tokens"), metrics["outputTokenCount"].as_u64());
}

#[test]
fn a_stream_that_breaks_never_looks_whole() {
    for fault in ["truncate-frame", "bad-crc", "exception-mid-stream"] {
        for streamed in [Call::converse_stream, Call::invoke_stream] {
            let warden = Setup::new().start();
            let (mut connection, head) = warden.open(streamed(HAIKU, &format!("simulate: {fault}")));
            assert_eq!(head.status, 200, "{fault}");
            let (events, end) = rest(&mut connection);
            assert!(events.len() > 1, "what was whole has arrived: {fault}: {events:?}");
            assert!(matches!(end, End::Exception(_)), "{fault}: {end:?} {events:?}");
            let outcome = warden.only_outcome();
            assert_eq!(outcome.text("end_state"), "upstream_abort", "{fault}: {outcome:?}");
        }
    }
}

/// A reset may overtake the head of the answer. Then it is a native error, else an exception: never a success.
#[test]
fn a_connection_that_is_reset_never_looks_like_an_answer() {
    for streamed in [Call::converse_stream, Call::invoke_stream] {
        let warden = Setup::new().start();
        let (mut connection, head) = warden.open(streamed(HAIKU, "simulate: reset"));
        if head.status == 200 {
            let (events, end) = rest(&mut connection);
            assert!(matches!(end, End::Exception(_)), "{end:?} {events:?}");
        } else {
            assert_eq!(
                (head.status, head.header("x-amzn-errortype")),
                (500, Some("InternalServerException"))
            );
        }
        let outcome = warden.only_outcome();
        assert_eq!(outcome.text("end_state"), "upstream_abort", "{outcome:?}");
    }
}

#[test]
fn an_exception_of_bedrock_reaches_the_client_by_its_name() {
    let warden = Setup::new().start();
    let (mut connection, _) = warden.open(Call::converse_stream(HAIKU, "simulate: exception-mid-stream"));
    let (events, end) = rest(&mut connection);
    let last = events.last().unwrap();
    assert!(last.is_exception() && last.name.ends_with("Exception"), "{end:?} {events:?}");
    assert!(last.payload["message"].is_string(), "{last:?}");
    let recorded = warden.only_outcome().text("error_code").to_owned();
    assert!(
        recorded.eq_ignore_ascii_case(&last.name) && recorded.starts_with(char::is_uppercase),
        "{recorded}"
    );
}

#[test]
fn a_stream_that_falls_silent_is_ended() {
    let warden = Setup::new().setting("WARDEN_UPSTREAM_IDLE_TIMEOUT", "1s").start();
    let (mut connection, _) = warden.open(Call::converse_stream(HAIKU, "simulate: stall-mid-stream"));
    assert!(!first_events(&mut connection).is_empty());
    assert!(matches!(rest(&mut connection).1, End::Exception(_)));
    assert_eq!(warden.only_outcome().text("end_state"), "upstream_abort");
}

/// The answer is read to its end for its usage, whoever is still listening.
#[test]
fn a_client_that_hangs_up_does_not_cost_the_record() {
    let prompt = "say: one two three four five six seven";
    for streamed in [Call::converse_stream, Call::invoke_stream] {
        let warden = Setup::new().event_gap_ms(20).start();
        let whole = warden.record_of(&warden.send(streamed(HAIKU, prompt)));
        let (mut connection, head) = warden.open(streamed(HAIKU, prompt));
        assert!(!first_events(&mut connection).is_empty());
        drop(connection);
        let outcome = warden.outcome_of(&head.decision_id());
        assert_left_with_counts(&outcome, &whole);
    }
}

#[test]
fn a_client_that_resets_its_http2_stream_does_not_cost_the_record() {
    let prompt = "say: one two three four five six seven";
    let warden = Setup::new().event_gap_ms(20).start();
    let whole = warden.record_of(&warden.send(Call::converse_stream(HAIKU, prompt)));
    let target = warden.tls_with(&["h2"]);
    let call = warden.sign(Call::converse_stream(HAIKU, prompt));
    let left = http2::leave_inside_answer(&target, &call);
    assert_left_with_counts(&warden.outcome_of(&left.decision_id()), &whole);
}

#[test]
fn a_client_that_leaves_before_a_unary_answer_does_not_cost_the_record() {
    let warden = Setup::new().start();
    let call = warden.sign(Call::converse(HAIKU, "simulate: slow=400\nsay: too late"));
    let mut connection = Connection::open(&warden.tls()).unwrap();
    connection.write(&call.to_bytes()).unwrap();
    eventually("the request to be at Bedrock", || warden.upstream().len() == 1);
    drop(connection);
    let outcome = warden.only_outcome();
    assert_eq!(outcome.text("end_state"), "client_abort", "{outcome:?}");
    assert_eq!(outcome.number("upstream_status"), Some(200), "{outcome:?}");
    assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{outcome:?}");
}

#[test]
fn many_streams_run_side_by_side() {
    let warden = Setup::new().event_gap_ms(10).start();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let warden = &warden;
            scope.spawn(move || {
                let said = format!("this is stream number {number} and no other");
                let response = warden.send(Call::converse_stream(HAIKU, &format!("say: {said}")));
                assert_eq!(converse_text(&decode(&response.assert_ok().body)), said);
            });
        }
    });
    assert_eq!(warden.upstream().len(), 16);
}

#[test]
fn failures_before_the_first_byte_are_answers() {
    let warden = Setup::new().start();
    let rows = [
        ("throttle", 429, "ThrottlingException"),
        ("error-500", 500, "InternalServerException"),
        ("model-error", 424, "ModelErrorException"),
    ];
    for (fault, status, error) in rows {
        let prompt = format!("simulate: {fault}");
        for call in [
            Call::converse(HAIKU, &prompt),
            Call::invoke(HAIKU, &prompt),
            Call::converse_stream(HAIKU, &prompt),
            Call::invoke_stream(HAIKU, &prompt),
        ] {
            let response = warden.send(call);
            response.assert_refused(status, error);
            let outcome = warden.record_of(&response);
            assert!(outcome.is_outcome(), "{fault}: {outcome:?}");
            assert!(outcome.mentions(&status.to_string()), "{fault}: {outcome:?}");
        }
    }
}

#[test]
fn a_unary_answer_that_does_not_come_is_an_error_and_an_outcome() {
    let warden = Setup::new()
        .setting("WARDEN_UPSTREAM_ANSWER_TIMEOUT", "2s")
        .setting("WARDEN_UPSTREAM_IDLE_TIMEOUT", "2s")
        .start();
    for (fault, status, error) in
        [("stall", 408, "ModelTimeoutException"), ("reset", 500, "InternalServerException")]
    {
        let response = warden.send(Call::converse(HAIKU, &format!("simulate: {fault}")));
        response.assert_refused(status, error);
        let outcome = warden.record_of(&response);
        assert!(outcome.is_outcome(), "{fault}: {outcome:?}");
        assert_eq!(outcome.text("end_state"), "upstream_abort", "{fault}");
    }
}

#[test]
fn a_slow_answer_is_still_an_answer() {
    let warden = Setup::new().start();
    let response = warden.send(Call::converse(HAIKU, "simulate: slow=300\nsay: at last"));
    response.assert_ok();
    assert_complete(&warden.record_of(&response));
}

fn assert_complete(outcome: &Record) {
    assert!(outcome.is_outcome(), "{outcome:?}");
    assert_eq!(outcome.text("end_state"), "complete", "{outcome:?}");
}

/// `outcome` is of a caller that left inside the answer whose undisturbed outcome is `whole`.
#[track_caller]
fn assert_left_with_counts(outcome: &Record, whole: &Record) {
    assert_eq!(outcome.text("end_state"), "client_abort", "{outcome:?}");
    assert!(outcome.number("out_tokens").is_some_and(|tokens| tokens > 0), "{outcome:?}");
    for member in ["in_tokens", "out_tokens", "upstream_status"] {
        assert_eq!(outcome.number(member), whole.number(member), "{member}: {outcome:?}");
    }
    assert_eq!(outcome.text("stop_reason"), whole.text("stop_reason"), "{outcome:?}");
}

/// Reads until at least one event is whole.
fn first_events(connection: &mut Connection) -> Vec<Event> {
    let mut reader = EventReader::default();
    loop {
        let piece = connection.piece().unwrap().expect("the stream goes on");
        let events = reader.push(&piece);
        // The rest of a frame that arrived in part would be lost here; frames are relayed whole.
        if !events.is_empty() {
            assert!(reader.at_boundary(), "frames are relayed whole");
            return events;
        }
    }
}

/// Reads to the end, whatever it is.
fn rest(connection: &mut Connection) -> (Vec<Event>, End) {
    let (mut reader, mut events) = (EventReader::default(), Vec::new());
    loop {
        match connection.piece() {
            Ok(Some(piece)) => match reader.try_push(&piece) {
                Ok(more) => events.extend(more),
                Err(_) => return (events, End::Broken),
            },
            Ok(None) => break,
            Err(_) => return (events, End::Broken),
        }
    }
    let end = match events.last() {
        Some(last) if last.is_exception() => End::Exception(last.name.clone()),
        // Half a frame before a proper end is dropped by SDKs without a word, so it is no excuse.
        _ => End::Clean,
    };
    (events, end)
}
