//! The same for the APIs of OpenAI and Anthropic, whose events are carried in another way and may repeat a text thrice.

use super::*;
use crate::bedrock::chat::Api;
use crate::bedrock::sse;

/// How an API streams a text.
struct Speaking {
    api: Api,
    says: fn(&[&str]) -> Vec<Value>,
    reads: &'static str,
    repeats: &'static [&'static str],
}

const ALL: [Speaking; 3] = [
    Speaking { api: Api::Completions, says: completions, reads: "/choices/0/delta/content", repeats: &[] },
    Speaking {
        api: Api::Responses,
        says: responses,
        reads: "/delta",
        repeats: &["/text", "/part/text", "/item/content/0/text", "/response/output/0/content/0/text"],
    },
    Speaking { api: Api::Messages, says: messages, reads: "/delta/text", repeats: &[] },
];

fn completions(pieces: &[&str]) -> Vec<Value> {
    super::chat("delta", "finish_reason", pieces).into_iter().map(|(_, chunk)| chunk).collect()
}

fn messages(pieces: &[&str]) -> Vec<Value> {
    claude(pieces).into_iter().map(|(_, chunk)| chunk).collect()
}

fn responses(pieces: &[&str]) -> Vec<Value> {
    let text = pieces.concat();
    let part = json!({"type": "output_text", "text": text, "annotations": []});
    let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": [part]});
    let mut events = vec![
        json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": "msg_1", "content": []}}),
    ];
    events.extend(pieces.iter().map(|piece| {
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "delta": piece, "obfuscation": "aB3xY9"})
    }));
    events.extend([
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": text}),
        json!({"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": part}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "output": [item],
            "usage": {"input_tokens": 3, "output_tokens": 2}}}),
    ]);
    events
}

/// The bytes of a stream as servers write it.
fn written(api: Api, events: &[Value]) -> Vec<u8> {
    let name = |event: &Value| event["type"].as_str().filter(|_| api != Api::Completions).map(str::to_owned);
    let mut bytes: Vec<u8> =
        events.iter().flat_map(|event| sse::encode(name(event).as_deref(), &event.to_string())).collect();
    if api == Api::Completions {
        bytes.extend(sse::encode(None, "[DONE]"));
    }
    bytes
}

/// Passes a stream through that arrives in pieces of `size` bytes. Whether it ended well.
fn passed(api: Api, filter: &Filter<'_>, stream: &[u8], size: usize) -> (Vec<u8>, Option<Stop>, bool) {
    let mut carrier = Carrier::new(Framing::ServerSent(api));
    let (mut reader, mut runs) = (Format::of_api(api).stream(), Runs::new(filter));
    let mut out = Vec::new();
    for data in stream.chunks(size) {
        carrier.push(data);
        while let Some(event) = carrier.next().unwrap() {
            let observed = reader.observe(&event).unwrap_or_else(|error| panic!("{error}: {event:?}"));
            match runs.pass(&event, observed) {
                Ok(Passed { before, event }) => out.extend(before.into_iter().chain(event).flatten()),
                Err(stop) => return (out, Some(stop), false),
            }
        }
    }
    (out, None, carrier.finish().is_ok() && reader.finished())
}

/// What a client puts together out of the strings at a place.
fn read(bytes: &[u8], place: &str) -> Vec<String> {
    let lines = std::str::from_utf8(bytes).unwrap().lines();
    let events = lines.filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    events.filter_map(|event| Some(event.pointer(place)?.as_str()?.to_owned())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_way_of_cutting_a_stream_changes_what_the_caller_reads(pieces in any_pieces(), step in 1_usize..400) {
        let scanner = Scanner::new().unwrap();
        let filter = redacting(&scanner);
        let (clean, _) = batch(&scanner, &pieces.concat());
        for Speaking { api, says, reads, repeats } in ALL {
            let bytes = written(api, &says(&borrowed(&pieces)));
            let (out, stop, well) = passed(api, &filter, &bytes, step);
            prop_assert_eq!((stop, well), (None, true), "{:?}", api);
            prop_assert_eq!(read(&out, reads).concat(), clean.as_str(), "{:?}", api);
            for place in repeats {
                prop_assert_eq!(read(&out, place), vec![clean.clone()], "{} in {}", place, String::from_utf8_lossy(&out));
            }
        }
    }

    #[test]
    fn a_stream_that_nobody_filters_is_passed_on_byte_for_byte(pieces in any_pieces(), step in 1_usize..400) {
        let scanner = Scanner::new().unwrap();
        let filter = Filter::new(&scanner, Plan::new(detectors(), DetectorSet::EMPTY, DetectorSet::EMPTY));
        for Speaking { api, says, .. } in ALL {
            let bytes = written(api, &says(&borrowed(&pieces)));
            prop_assert_eq!(passed(api, &filter, &bytes, step), (bytes, None, true), "{:?}", api);
        }
    }

    #[test]
    fn nothing_of_what_is_denied_is_passed_on_in_any_api(pieces in any_pieces()) {
        let scanner = Scanner::new().unwrap();
        let filter = denying(&scanner);
        let text = pieces.concat();
        let first = scanner.scan(detectors(), &text, None).into_iter().next();
        for Speaking { api, says, reads, .. } in ALL {
            let bytes = written(api, &says(&borrowed(&pieces)));
            let (out, stop, well) = passed(api, &filter, &bytes, 64);
            prop_assert_eq!(stop, first.as_ref().map(|_| Stop::Denied), "{:?}", api);
            prop_assert_eq!(well, first.is_none());
            if let Some(found) = &first {
                let read = read(&out, reads).concat();
                prop_assert!(text[..found.range.start].starts_with(&read), "{:?}: {}", api, read);
            }
        }
    }
}
