use http_body_util::BodyExt;

use super::*;
use crate::bedrock::event_stream::{FrameError, FrameReader};

const USAGE: Usage = Usage { input: 3, output: Some(5) };

fn stream(framing: Framing, interruption: Option<Interruption>) -> EventStream {
    let event = |number: usize| Event { name: "chunk", document: json!({"z": number, "a": "text"}) };
    let pace = Pace { first_byte: Duration::ZERO, event_gap: Duration::ZERO };
    let events = (0..4).map(event).collect();
    EventStream::new(framing, events, USAGE, Random::of(&["seed"]), pace, clock::instant())
        .interrupted(interruption)
}

/// Every write until the stream ends, and how it ends.
async fn writes(mut stream: EventStream) -> (Vec<Bytes>, Option<BrokenOff>) {
    let mut writes = Vec::new();
    while let Some(frame) = stream.frame().await {
        match frame {
            Ok(frame) => writes.push(frame.into_data().unwrap()),
            Err(error) => return (writes, Some(error)),
        }
    }
    (writes, None)
}

fn payloads(writes: &[Bytes]) -> Result<Vec<Value>, FrameError> {
    let mut reader = FrameReader::new();
    let mut payloads = Vec::new();
    for write in writes {
        reader.push(write);
        while let Some(frame) = reader.next()? {
            payloads.push(serde_json::from_slice(frame.payload()).unwrap());
        }
    }
    reader.finish().map(|()| payloads)
}

#[tokio::test]
async fn chunks_hold_documents_in_base64_and_the_last_one_the_metrics() {
    let (writes, end) = writes(stream(Framing::Chunk, None)).await;
    assert_eq!((writes.len(), end), (4, None), "one write per frame");
    let documents: Vec<Value> = payloads(&writes)
        .unwrap()
        .iter()
        .map(|payload| STANDARD.decode(payload["bytes"].as_str().unwrap()).unwrap())
        .map(|bytes| serde_json::from_slice(&bytes).unwrap())
        .collect();
    assert_eq!(documents[0], json!({"z": 0, "a": "text"}));
    let metrics = &documents[3]["amazon-bedrock-invocationMetrics"];
    assert_eq!((&metrics["inputTokenCount"], &metrics["outputTokenCount"]), (&json!(3), &json!(5)));
    assert!(metrics["invocationLatency"].as_u64() >= metrics["firstByteLatency"].as_u64());
}

#[tokio::test]
async fn members_are_payloads_padded_and_in_the_order_of_the_service() {
    let (writes, _) = writes(stream(Framing::Member, None)).await;
    let payloads = payloads(&writes).unwrap();
    let first: Vec<&String> = payloads[0].as_object().unwrap().keys().collect();
    assert_eq!(first, ["a", "p", "z"]);
    assert!(payloads[3]["metrics"]["latencyMs"].is_u64());
    let padding: Vec<usize> = payloads.iter().map(|payload| payload["p"].as_str().unwrap().len()).collect();
    assert!(padding.iter().any(|length| *length != padding[0]), "{padding:?}");
}

#[tokio::test]
async fn interruptions_strike_in_the_middle() {
    let (frames, end) = writes(stream(Framing::Chunk, Some(Interruption::Reset))).await;
    assert_eq!((frames.len(), end), (2, Some(BrokenOff)));

    let (frames, end) = writes(stream(Framing::Chunk, Some(Interruption::TruncateFrame))).await;
    assert_eq!((frames.len(), end), (3, None));
    assert!(payloads(&frames).is_err());
    assert_eq!(payloads(&frames[..2]).unwrap().len(), 2);

    let (frames, end) = writes(stream(Framing::Chunk, Some(Interruption::BadChecksum))).await;
    assert_eq!((frames.len(), end), (4, None));
    assert!(payloads(&frames).is_err());
    assert!(payloads(&frames[..2]).is_ok() && payloads(&frames[3..]).is_ok());

    let (frames, end) = writes(stream(Framing::Chunk, Some(Interruption::Exception))).await;
    assert_eq!((frames.len(), end), (3, None));
    let mut reader = FrameReader::new();
    reader.push(&frames[2]);
    let exception = reader.next().unwrap().unwrap();
    assert_eq!(exception.exception_type(), Some("modelStreamErrorException"));
}

#[tokio::test]
async fn events_are_sent_when_they_are_due() {
    let mut events = stream(Framing::Chunk, None);
    events.pace.event_gap = Duration::from_millis(10);
    let started = clock::instant();
    let (writes, _) = writes(events).await;
    assert_eq!(writes.len(), 4);
    assert!(started.elapsed() >= Duration::from_millis(30));
}
