use proptest::prelude::*;

use super::*;

/// Everything that is read out of pieces of a stream, and how it ends.
fn read(pieces: &[&[u8]]) -> Result<Vec<Event>, SseError> {
    let mut reader = EventReader::new();
    let mut events = Vec::new();
    for piece in pieces {
        reader.push(piece);
        while let Some(event) = reader.next()? {
            events.push(event);
        }
    }
    reader.finish().map(|()| events)
}

/// Name and data.
type Said = (Option<String>, Option<String>);

fn read_text(text: &str) -> Result<Vec<Said>, SseError> {
    read(&[text.as_bytes()]).map(|events| events.into_iter().map(|event| (event.name, event.data)).collect())
}

#[test]
fn events_are_read_as_every_client_reads_them() {
    let some = |text: &str| Some(text.to_owned());
    let table = [
        ("", vec![]),
        ("data: {}\n\n", vec![(None, some("{}"))]),
        ("data:{}\r\n\r\n", vec![(None, some("{}"))]),
        ("data:  two\n\n", vec![(None, some(" two"))]),
        (
            "event: ping\ndata: {\"a\":1}\n\ndata: [DONE]\n\n",
            vec![(some("ping"), some("{\"a\":1}")), (None, some("[DONE]"))],
        ),
        ("data: {\ndata: }\n\n", vec![(None, some("{\n}"))]),
        ("\n\r\n\ndata: x\n\n\n", vec![(None, some("x"))]),
        (": keep-alive\n\n", vec![(None, None)]),
        ("data: \u{feff}é\n\n", vec![(None, some("\u{feff}é"))]),
    ];
    for (text, events) in table {
        assert_eq!(read_text(text), Ok(events), "{text:?}");
    }
}

#[test]
fn what_clients_read_in_different_ways_is_refused() {
    let table = [
        ("data: a", SseError::Cut),
        ("data: a\n", SseError::Cut),
        ("data: a\n\ndata: b\n", SseError::Cut),
        ("data: a\rdata: b\n\n", SseError::LineEnd),
        ("\u{feff}data: a\n\n", SseError::LineEnd),
        ("data\n\n", SseError::Field),
        ("id: 7\ndata: a\n\n", SseError::Field),
        ("retry: 7\n\n", SseError::Field),
        (" data: a\n\n", SseError::Field),
        ("Data: a\n\n", SseError::Field),
        ("event: a\nevent: b\ndata: c\n\n", SseError::Field),
        ("event: a\n\n", SseError::NoData),
    ];
    for (text, error) in table {
        assert_eq!(read_text(text), Err(error), "{text:?}");
    }
    assert_eq!(read(&[b"data: \xff\n\n"]), Err(SseError::NotUtf8));
}

#[test]
fn the_text_of_a_comment_is_not_passed_on() {
    let events = read(&[b": 4111 1111 1111 1111\n\n: x\ndata: a\n\n"]).unwrap();
    let raw: Vec<&[u8]> = events.iter().map(|event| event.raw.as_ref()).collect();
    assert_eq!(raw, [&b":\n\n"[..], b"data: a\n\n"]);
}

#[test]
fn an_event_without_an_end_is_given_up_at_the_bound() {
    let mut reader = EventReader::new();
    let line = vec![b'a'; 1024 * 1024];
    reader.push(b"data: ");
    let pushed = (0..=32).find(|_| {
        reader.push(&line);
        reader.next().is_err()
    });
    assert_eq!(pushed, Some(31));
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        events in prop::collection::vec((prop::option::of("[a-z._]{1,12}"), "[^\r]{0,40}"), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let stream: Vec<u8> =
            events.iter().flat_map(|(name, data)| encode(name.as_deref(), data)).collect();
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        let read = read(&pieces).unwrap();
        let passed_on: Vec<u8> = read.iter().flat_map(|event| event.raw.clone()).collect();
        prop_assert_eq!(passed_on, stream);
        let read: Vec<_> = read.into_iter().map(|event| (event.name, event.data.unwrap())).collect();
        prop_assert_eq!(read, events);
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(
        bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b'd'), any::<u8>()], 0..60),
        prefix in prop_oneof![Just("data: "), Just("event: x\ndata:"), Just(":")],
        cut in any::<prop::sample::Index>(),
    ) {
        let stream: Vec<u8> = prefix.bytes().chain(bytes).chain(*b"\n\n").collect();
        let at = cut.index(stream.len());
        prop_assert_eq!(read(&[&stream]), read(&[&stream[..at], &stream[at..]]));
        let single: Vec<_> = stream.chunks(1).collect();
        prop_assert_eq!(read(&[&stream]), read(&single));
    }
}
