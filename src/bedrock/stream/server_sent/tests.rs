use serde_json::{Value, json};

use super::*;
use crate::bedrock::format::Format;
use crate::bedrock::format::error::DecodeError;
use crate::bedrock::stream::{Carrier, CarrierError, Framing, Kind, Observed, StreamReader};
use crate::bedrock::view::Usage;

/// The events of a stream, whatever they say.
fn events(api: Api, stream: &str) -> Result<Vec<crate::bedrock::stream::Event>, CarrierError> {
    let mut carrier = Carrier::new(Framing::ServerSent(api));
    carrier.push(stream.as_bytes());
    let mut events = Vec::new();
    while let Some(event) = carrier.next()? {
        events.push(event);
    }
    carrier.finish().map(|()| events)
}

fn heard(api: Api, stream: &str) -> (StreamReader, Result<Vec<Observed>, DecodeError>) {
    let mut reader = Format::of_api(api).stream();
    let observed = events(api, stream).unwrap().iter().map(|event| reader.observe(event)).collect();
    (reader, observed)
}

#[test]
fn an_event_announces_what_clients_take_it_for() {
    let failure = r#"{"error":{"message":"no","type":"server_error","code":null}}"#;
    let table: [(Api, &str, &str); 13] = [
        (Api::Completions, "data: [DONE]\n\n", "Done"),
        (Api::Completions, "data: {\"choices\":[]}\n\n", "Event(\"\")"),
        (Api::Completions, ": ping\n\n", "Comment"),
        (Api::Completions, &format!("data: {failure}\n\n"), "Exception(\"ModelStreamErrorException\")"),
        (Api::Completions, "data: {\"choices\":[],\"error\":{\"code\":\"x\"}}\n\n", "Event(\"\")"),
        (
            Api::Completions,
            "data: {\"error\":{\"code\":\"ThrottlingException\"}}\n\n",
            "Exception(\"ThrottlingException\")",
        ),
        (Api::Responses, "data: [DONE]\n\n", "Event(\"\")"),
        (
            Api::Responses,
            "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\"}\n\n",
            "Exception(\"ThrottlingException\")",
        ),
        (
            Api::Responses,
            "event: response.created\ndata: {\"response\":{\"error\":null}}\n\n",
            "Event(\"response.created\")",
        ),
        (Api::Messages, "event: ping\ndata: {\"type\":\"ping\"}\n\n", "Event(\"ping\")"),
        (
            Api::Messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
            "Exception(\"ServiceUnavailableException\")",
        ),
        (Api::Messages, "event: error\ndata: nothing that can be read\n\n", "Exception(\"\")"),
        (Api::Messages, "data: [DONE]\n\n", "Event(\"\")"),
    ];
    for (api, stream, announced) in table {
        let events = events(api, stream).unwrap();
        assert_eq!(format!("{:?}", events[0].announced()), announced, "{stream}");
    }
}

#[test]
fn an_exception_of_our_own_is_one_in_every_api() {
    for api in Api::ALL {
        let bytes = Framing::ServerSent(api).exception(Fault::Validation, "say \"no\"\n");
        let events = events(api, std::str::from_utf8(&bytes).unwrap()).unwrap();
        let data: Value = serde_json::from_slice(events[0].payload()).unwrap();
        assert_eq!(data["error"]["message"], "say \"no\"\n", "{data}");
        let name = match api {
            Api::Completions | Api::Responses => Fault::Validation.name(),
            // Anthropic has kinds of errors and no codes.
            Api::Messages => "ValidationException",
        };
        assert_eq!(events[0].announced(), Announced::Exception(name));
        if api == Api::Responses {
            assert_eq!((&data["type"], &data["message"]), (&json!("error"), &json!("say \"no\"\n")));
        }
    }
}

#[test]
fn an_event_is_written_again_under_its_name() {
    let events = events(Api::Messages, "event: ping\r\ndata: {\"type\":\r\ndata: \"ping\"}\r\n\r\n").unwrap();
    assert_eq!(events[0].payload(), b"{\"type\":\n\"ping\"}");
    let again = events[0].with_payload(b"{\n}".to_vec()).unwrap();
    assert_eq!(again, "event: ping\ndata: {\ndata: }\n\n");
    assert!(events[0].with_payload(vec![0xff]).is_err());
}

#[test]
fn a_name_that_contradicts_its_data_is_not_read() {
    for (api, stream) in [
        (Api::Messages, "data: {\"type\":\"ping\"}\n\n"),
        (Api::Messages, "event: ping\ndata: {\"type\":\"message_stop\"}\n\n"),
        (
            Api::Responses,
            "event: response.created\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n",
        ),
        (Api::Responses, "data: {\"type\":\"response.completed\",\"response\":{}}\n\n"),
        (Api::Completions, "event: thread.created\ndata: {\"choices\":[]}\n\n"),
        (Api::Responses, "event: response.image\ndata: {\"type\":\"response.image\"}\n\n"),
    ] {
        assert!(heard(api, stream).1.is_err(), "{stream}");
    }
}

#[test]
fn a_stream_of_chat_is_whole_only_when_it_says_so() {
    let last = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    for (stream, finished) in [(format!("{last}\n\n"), false), (format!("{last}\n\ndata: [DONE]\n\n"), true)]
    {
        let (reader, observed) = heard(Api::Completions, &stream);
        assert!(observed.unwrap().iter().all(|observed| observed.terminal), "{stream}");
        assert_eq!((reader.finished(), reader.stop_reason()), (finished, Some("stop")));
    }
}

#[test]
fn what_a_response_repeats_is_told_apart_from_what_is_new() {
    let events = [
        json!({"type": "response.created", "response": {"id": "r", "instructions": "be brief"}}),
        json!({"type": "response.in_progress", "response": {"id": "r", "instructions": "be brief"}}),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"}),
        json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "lo"}),
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello",
            "logprobs": [{"token": "Hello"}]}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{\"a\":1}"}),
        json!({"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "{\"a\":1}"}),
        json!({"type": "response.output_item.done", "item": {"name": "other", "arguments": "{\"b\":2}"}}),
        json!({"type": "response.completed", "response": {"id": "r", "instructions": "be brief", "status": "completed",
            "output": [{"content": [{"text": "Hello"}]}, {"arguments": "{\"a\":1}"}],
            "usage": {"input_tokens": 4, "output_tokens": 2}}}),
    ];
    let named = |event: &Value| sse::encode(event["type"].as_str(), &event.to_string());
    let stream: Vec<u8> = events.iter().flat_map(named).collect();
    let (reader, observed) = heard(Api::Responses, std::str::from_utf8(&stream).unwrap());
    let observed = observed.unwrap();
    let kinds: Vec<Vec<(&str, Kind)>> = observed
        .iter()
        .map(|event| event.pieces.iter().map(|piece| (piece.text.as_str(), piece.kind)).collect())
        .collect();
    let (text, input) = (Kind::Words(0), Kind::ToolInput(1024 * 8 + 6));
    assert_eq!(kinds[0], [("r", Kind::Aside), ("be brief", Kind::Aside)]);
    assert_eq!(kinds[1], [("r", Kind::Repeated), ("be brief", Kind::Repeated)]);
    assert_eq!((&kinds[2][..], &kinds[3][..]), (&[("Hel", text)][..], &[("lo", text)][..]));
    assert_eq!(kinds[4], [("Hello", Kind::Repeated), ("Hello", Kind::Tokens)]);
    assert_eq!(
        (&kinds[5][..], &kinds[6][..]),
        (&[("{\"a\":1}", input)][..], &[("{\"a\":1}", Kind::RepeatedInput)][..])
    );
    assert_eq!(kinds[7], [("other", Kind::Aside), ("{\"b\":2}", Kind::Input)]);
    assert!(
        kinds[8].contains(&("Hello", Kind::Repeated))
            && kinds[8].contains(&("{\"a\":1}", Kind::RepeatedInput))
    );
    assert!(observed[4].ended.iter().any(|blocks| blocks.contains(&0)), "{observed:?}");
    assert!(observed[2].only_words && !observed[4].only_words && observed[8].terminal);
    assert_eq!((reader.finished(), reader.stop_reason()), (true, Some("completed")));
    assert_eq!(reader.usage(), Usage { input: Some(4), output: Some(2), ..Usage::default() });
}
