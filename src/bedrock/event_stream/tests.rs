use proptest::prelude::*;

use super::*;
use crate::bedrock::fault::Fault;

/// CRC-32 of IEEE 802.3, one bit at a time, so that no table or library is shared with the code under test.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| {
                if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
            },
        )
    })
}

/// One header: name, type byte and value bytes as they stand on the wire.
fn header(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(name.len()).unwrap()];
    bytes.extend(name.as_bytes());
    bytes.push(kind);
    bytes.extend(value);
    bytes
}

fn string(name: &str, text: &str) -> Vec<u8> {
    let mut value = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    value.extend(text.as_bytes());
    header(name, 7, &value)
}

/// A frame laid out by hand, with claimed lengths that may be wrong and checksums that hold.
fn claiming(total: usize, headers_length: usize, headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(total).unwrap().to_be_bytes().to_vec();
    bytes.extend(u32::try_from(headers_length).unwrap().to_be_bytes());
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

fn frame(headers: &[Vec<u8>], payload: &[u8]) -> Vec<u8> {
    let headers = headers.concat();
    claiming(16 + headers.len() + payload.len(), headers.len(), &headers, payload)
}

fn event(name: &str, payload: &[u8]) -> Vec<u8> {
    let headers = [
        string(":event-type", name),
        string(":content-type", "application/json"),
        string(":message-type", "event"),
    ];
    frame(&headers, payload)
}

fn read_all(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
    let mut reader = FrameReader::new();
    reader.push(bytes);
    let mut frames = Vec::new();
    while let Some(frame) = reader.next()? {
        frames.push(frame);
    }
    reader.finish().map(|()| frames)
}

fn read_one(bytes: &[u8]) -> Result<Frame, FrameError> {
    read_all(bytes).map(|mut frames| {
        assert_eq!(frames.len(), 1);
        frames.remove(0)
    })
}

const MESSAGE_STOP: &str = concat!(
    "0000007a",                                                           // total length
    "00000051",                                                           // headers length
    "ca2c4665",                                                           // CRC-32 of the eight bytes before
    "0b3a6576656e742d7479706507000b6d65737361676553746f70",               // :event-type messageStop
    "0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e", // :content-type application/json
    "0d3a6d6573736167652d747970650700056576656e74",                       // :message-type event
    "7b2273746f70526561736f6e223a22656e645f7475726e227d",                 // {"stopReason":"end_turn"}
    "5fbf09fc",                                                           // CRC-32 of everything before
);

#[test]
fn a_frame_written_out_in_hex_is_read_and_written_byte_for_byte() {
    let golden = hex::decode(MESSAGE_STOP).unwrap();
    let read = read_one(&golden).unwrap();
    assert_eq!(read.message_type(), "event");
    assert_eq!(read.event_type(), Some("messageStop"));
    assert_eq!(read.exception_type(), None);
    assert_eq!(read.payload(), br#"{"stopReason":"end_turn"}"#);
    assert_eq!(read.raw(), &golden);
    assert_eq!(encode_event("messageStop", read.payload()).unwrap(), golden);
    assert_eq!(event("messageStop", read.payload()), golden);
}

#[test]
fn the_checksum_of_these_tests_is_the_standard_one() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

#[test]
fn headers_may_come_in_any_order_and_of_any_type() {
    let headers = [
        string(":message-type", "exception"),
        header("true", 0, &[]),
        header("false", 1, &[]),
        header("i8", 2, &[0xff]),
        header("i16", 3, &[1, 2]),
        header("i32", 4, &[1, 2, 3, 4]),
        header("i64", 5, &[1, 2, 3, 4, 5, 6, 7, 8]),
        header("bytes", 6, &[0, 2, 0xc3, 0x28]),
        header(":date", 8, &[0, 0, 1, 0x90, 0, 0, 0, 0]),
        header("uuid", 9, &[7; 16]),
        string(":exception-type", "throttlingException"),
    ];
    let read = read_one(&frame(&headers, b"{}")).unwrap();
    assert_eq!((read.message_type(), read.exception_type()), ("exception", Some("throttlingException")));
    assert_eq!((read.event_type(), read.payload()), (None, b"{}".as_slice()));
}

#[test]
fn an_unmodelled_error_frame_is_read_as_such() {
    let headers =
        [string(":error-code", "500"), string(":error-message", "x"), string(":message-type", "error")];
    let read = read_one(&frame(&headers, b"")).unwrap();
    assert_eq!((read.message_type(), read.event_type(), read.exception_type()), ("error", None, None));
    assert!(read.payload().is_empty());
}

#[test]
fn a_frame_that_does_not_say_one_thing_is_refused() {
    let kind = |name| string(":message-type", name);
    let table = [
        (vec![], FrameError::Untyped),
        (vec![kind("event")], FrameError::Untyped),
        (vec![kind("exception")], FrameError::Untyped),
        (vec![kind("event"), string(":exception-type", "x")], FrameError::Untyped),
        (vec![string(":event-type", "chunk")], FrameError::Untyped),
        (vec![header(":message-type", 0, &[])], FrameError::Untyped),
        (vec![kind("event"), header(":event-type", 6, b"\0\x05chunk")], FrameError::Untyped),
        (vec![kind("Event"), string(":event-type", "chunk")], FrameError::UnknownType),
        (vec![kind("initial-response")], FrameError::UnknownType),
        (vec![kind("error"), kind("event"), string(":event-type", "chunk")], FrameError::RepeatedHeader),
        (
            vec![kind("event"), string(":event-type", "a"), string(":event-type", "a")],
            FrameError::RepeatedHeader,
        ),
        (vec![header(":x", 10, &[])], FrameError::Corrupt),
        (vec![header(":x", 7, &[0, 9, b'a'])], FrameError::Corrupt),
        (vec![header(":x", 7, &[0, 2, 0xc3, 0x28])], FrameError::Corrupt),
        (vec![vec![9, b'a', 0]], FrameError::Corrupt),
    ];
    for (headers, expected) in table {
        assert_eq!(read_one(&frame(&headers, b"{}")), Err(expected), "{headers:?}");
    }
}

#[test]
fn a_hostile_length_is_refused_as_soon_as_it_can_be_read() {
    let table = [
        (0, 0, FrameError::Length),
        (15, 0, FrameError::Length),
        (16, 1, FrameError::Length),
        (100, 85, FrameError::Length),
        (100, u32::MAX, FrameError::HeadersTooLong),
        (u32::MAX, 0, FrameError::PayloadTooLong(MAX_PAYLOAD)),
        (u32::MAX, 131_073, FrameError::HeadersTooLong),
        (24 * 1024 * 1024 + 17, 0, FrameError::PayloadTooLong(MAX_PAYLOAD)),
    ];
    for (total, headers, expected) in table {
        let mut reader = FrameReader::new();
        reader.push(&total.to_be_bytes());
        reader.push(&headers.to_be_bytes());
        assert_eq!(reader.next(), Err(expected), "{total} {headers}");
    }
    let mut reader = FrameReader::new();
    reader.push(&(24 * 1024 * 1024 + 131_072 + 16_u32).to_be_bytes());
    reader.push(&131_072_u32.to_be_bytes());
    assert_eq!(reader.next(), Ok(None), "the largest frame is waited for");
}

#[test]
fn headers_that_overrun_their_block_are_refused() {
    let headers = [string(":event-type", "chunk"), string(":message-type", "event")].concat();
    let total = 16 + headers.len() + 2;
    assert!(read_one(&claiming(total, headers.len(), &headers, b"{}")).is_ok());
    for length in [headers.len() - 1, headers.len() + 1, headers.len() + 2, 1] {
        assert_eq!(read_one(&claiming(total, length, &headers, b"{}")), Err(FrameError::Corrupt), "{length}");
    }
}

#[test]
fn a_reader_that_failed_stays_failed() {
    let good = event("chunk", b"{}");
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    let mut reader = FrameReader::new();
    reader.push(&[good.clone(), bad].concat());
    assert!(reader.next().unwrap().is_some());
    assert_eq!(reader.next(), Err(FrameError::Corrupt));
    reader.push(&good);
    assert_eq!(reader.next(), Err(FrameError::Corrupt));
    assert_eq!(reader.finish(), Err(FrameError::Corrupt));
}

#[test]
fn a_stream_may_end_between_frames_only() {
    let bytes = event("chunk", b"{\"bytes\":\"\"}");
    for end in 0..=bytes.len() {
        let expected = if end == 0 || end == bytes.len() { Ok(()) } else { Err(FrameError::Truncated) };
        assert_eq!(read_all(&bytes[..end]).map(drop), expected, "{end}");
    }
}

#[test]
fn an_exception_frame_carries_the_fault_whatever_the_message_is() {
    let long = "é\"\u{1}".repeat(100_000);
    for fault in Fault::ALL {
        for message in ["", "policy `payments/pii` refused the answer", long.as_str()] {
            let read = read_one(&encode_exception(fault, message)).unwrap();
            assert_eq!(
                (read.message_type(), read.exception_type()),
                ("exception", Some(fault.stream_member()))
            );
            let body: serde_json::Value = serde_json::from_slice(read.payload()).unwrap();
            assert!(message.starts_with(body["message"].as_str().unwrap()));
            assert!(message.len() > 16 * 1024 || body["message"] == message);
        }
    }
}

#[test]
fn what_no_client_would_read_is_not_written() {
    assert_eq!(
        encode_event("chunk", &vec![0; MAX_PAYLOAD + 1]),
        Err(FrameError::PayloadTooLong(MAX_PAYLOAD))
    );
    assert_eq!(encode_event(&"n".repeat(40_000), b"{}"), Err(FrameError::Unwritable));
    let largest = encode_event("chunk", &vec![b' '; MAX_PAYLOAD]).unwrap();
    assert_eq!(read_one(&largest).unwrap().payload().len(), MAX_PAYLOAD);
}

#[test]
fn a_frame_in_a_log_does_not_show_its_payload() {
    let shown = format!("{:?}", read_one(&event("chunk", b"{\"secret\":1}")).unwrap());
    assert!(shown.contains("chunk") && shown.contains("12") && !shown.contains("secret"), "{shown}");
}

proptest! {
    #[test]
    fn any_split_of_a_stream_yields_the_same_frames(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let written: Vec<_> = payloads.iter().map(|payload| event("contentBlockDelta", payload)).collect();
        let stream = written.concat();
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        ends.push(stream.len());
        ends.sort_unstable();

        let (mut reader, mut frames, mut start) = (FrameReader::new(), Vec::new(), 0);
        for end in ends {
            reader.push(&stream[start..end]);
            start = end;
            while let Some(frame) = reader.next().unwrap() {
                frames.push(frame);
            }
        }
        prop_assert_eq!(reader.finish(), Ok(()));
        prop_assert_eq!(frames.iter().map(|frame| frame.raw().to_vec()).collect::<Vec<_>>(), written);
        prop_assert_eq!(frames.iter().map(|frame| frame.payload().to_vec()).collect::<Vec<_>>(), payloads);
    }

    #[test]
    fn a_change_of_any_one_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut bytes = hex::decode(MESSAGE_STOP).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(read_all(&bytes).is_err());
    }

    #[test]
    fn no_bytes_behind_valid_checksums_make_the_reader_panic(
        headers in prop::collection::vec(any::<u8>(), 0..40),
        length in 0..60_usize,
        total in 0..80_usize,
    ) {
        drop(read_all(&claiming(total, length, &headers, b"")));
        drop(read_all(&claiming(16 + headers.len(), headers.len(), &headers, b"")));
    }

    #[test]
    fn what_is_written_is_read_back(name in "[a-zA-Z]{1,40}", payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let read = read_one(&encode_event(&name, &payload).unwrap()).unwrap();
        prop_assert_eq!(read.event_type(), Some(name.as_str()));
        prop_assert_eq!(read.payload(), payload.as_slice());
    }
}
