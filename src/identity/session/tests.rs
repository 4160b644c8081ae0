use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::event_stream::{sign_empty_message, sign_message};
use aws_sigv4::sign::v4;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::bedrock::event_stream::{FrameError, SignedFrameReader, encode_signed};
use crate::bedrock::speech::MAX_ENVELOPE;
use crate::identity::MasterKey;
use crate::identity::callers::{Key, KeyKind, Register};
use crate::identity::keys::derive_secret;

const PAIR: &str = "AKIAWRDNABCDEFGH2345";
const REGION: &str = "us-east-1";
const SEED: [u8; 32] = [9; 32];

type Change = fn(&mut Key);

fn now() -> Timestamp {
    "2026-11-24T23:59:58Z".parse().unwrap()
}

/// Callers with one key pair, and its secret.
fn callers(change: impl FnOnce(&mut Key)) -> (Callers, String) {
    let master = MasterKey::generate().unwrap();
    let mut key = Key {
        id: PAIR.to_owned(),
        kind: KeyKind::Pair,
        created: now() - SignedDuration::from_hours(9),
        not_before: None,
        not_after: None,
        revoked: None,
        replaced_by: None,
    };
    change(&mut key);
    let mut register = Register::default();
    register.add("payments", "voice", key);
    let secret = derive_secret(&master, PAIR).expose().to_owned();
    (Callers::new(&register, &master), secret)
}

fn session() -> SignedSession {
    SignedSession::new(PAIR, EventChain::new(Signature::of_bytes(SEED), REGION, signed::SERVICE))
}

/// The envelopes of `payloads` and of the end, as the SDK signs them; each a second after the one before, over midnight.
fn signed(secret: &str, payloads: &[String]) -> Vec<Vec<u8>> {
    let identity = Credentials::new(PAIR, secret, None, None, "tests").into();
    let (mut last, mut at) = (hex::encode(SEED), u64::try_from(now().as_second()).unwrap());
    let messages = payloads.iter().map(|payload| {
        let kind = Header::new(":event-type", HeaderValue::String("chunk".into()));
        Some(Message::new(payload.clone().into_bytes()).add_header(kind))
    });
    let mut frames = Vec::new();
    for message in messages.chain([None]) {
        let time = UNIX_EPOCH + Duration::from_secs(at);
        let parameters = v4::SigningParams::builder().identity(&identity).region(REGION).name("bedrock");
        let parameters = parameters.time(time).settings(()).build().unwrap();
        let envelope = match &message {
            Some(message) => sign_message(message, &last, &parameters),
            None => sign_empty_message(&last, &parameters),
        };
        let (envelope, signature) = envelope.unwrap().into_parts();
        let mut frame = Vec::new();
        write_message_to(&envelope, &mut frame).unwrap();
        frames.push(frame);
        (last, at) = (signature, at + 1);
    }
    frames
}

/// What is carried by a stream that arrives in pieces of `size` bytes, or that something is wrong with it.
fn read(callers: &Callers, bytes: &[u8], size: usize) -> Result<Vec<Bytes>, String> {
    let (mut reader, mut session) = (SignedFrameReader::new(MAX_ENVELOPE), session());
    let mut carried = Vec::new();
    let text = |error: &dyn std::fmt::Display| error.to_string();
    for piece in bytes.chunks(size) {
        reader.push(piece);
        while let Some(frame) = reader.next().map_err(|error| text(&error))? {
            carried.extend(session.verify(callers, &frame, now()).map_err(|error| text(&error))?);
        }
    }
    reader.finish().map_err(|error| text(&error))?;
    session.finish().map_err(|error| text(&error))?;
    Ok(carried)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stream_is_read_however_it_is_cut(payloads in prop::collection::vec("[ -~]{0,40}", 0..5), size in 1_usize..200) {
        let (callers, secret) = callers(|_| {});
        let stream = signed(&secret, &payloads).concat();
        let carried = read(&callers, &stream, size).unwrap();
        prop_assert_eq!(carried.len(), payloads.len());
        for (frame, payload) in carried.iter().zip(&payloads) {
            prop_assert!(frame.windows(payload.len().max(1)).any(|window| window == payload.as_bytes()) || payload.is_empty());
        }
    }

    #[test]
    fn a_frame_that_is_changed_left_out_repeated_or_moved_is_noticed(
        payloads in prop::collection::vec("[ -~]{1,40}", 1..5),
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        bit in 0..8_u32,
        how in 0..5,
    ) {
        let (callers, secret) = callers(|_| {});
        let mut frames = signed(&secret, &payloads);
        let (one, other) = (one.index(frames.len()), other.index(frames.len()));
        match how {
            0 => {
                let at = other * 7919 % frames[one].len();
                frames[one][at] ^= 1_u8 << bit;
            }
            1 => drop(frames.remove(one)),
            2 => {
                let again = frames[one].clone();
                frames.insert(one, again);
            }
            3 => {
                prop_assume!(one != other);
                frames.swap(one, other);
            }
            _ => frames.truncate(one),
        }
        prop_assert!(read(&callers, &frames.concat(), 1000).is_err());
    }

    /// Checksums can be made anew by anyone; signatures cannot.
    #[test]
    fn a_payload_a_date_or_a_signature_of_somebody_elses_is_noticed(
        payload in "[ -~]{1,40}",
        millis in -1000_i64..1000,
        at in 0_usize..32,
        bit in 0..8_u32,
    ) {
        let (callers, secret) = callers(|_| {});
        let mut reader = SignedFrameReader::new(MAX_ENVELOPE);
        reader.push(&signed(&secret, std::slice::from_ref(&payload))[0]);
        let frame = reader.next().unwrap().unwrap();
        let mut other_signature = *frame.signature();
        other_signature[at] ^= 1_u8 << bit;
        let mut other_payload = frame.payload().to_vec();
        other_payload.push(b' ');
        let changed = [
            (frame.millis(), other_signature, frame.payload().clone()),
            (frame.millis(), *frame.signature(), other_payload.into()),
            (frame.millis() + if millis == 0 { 1 } else { millis }, *frame.signature(), frame.payload().clone()),
        ];
        for (millis, signature, payload) in changed {
            reader.push(&encode_signed(millis, signature, payload).unwrap());
            let forged = reader.next().unwrap().unwrap();
            let verified = session().verify(&callers, &forged, now());
            prop_assert_eq!(verified, Err(AuthenticationError::EventSignature));
        }
        prop_assert!(session().verify(&callers, &frame, now()).is_ok());
    }
}

#[test]
fn dates_are_held_against_the_clock() {
    let (callers, secret) = callers(|_| {});
    let frames = signed(&secret, &["{}".to_owned()]);
    let verify = |later: i64| {
        let mut reader = SignedFrameReader::new(MAX_ENVELOPE);
        reader.push(&frames[0]);
        let frame = reader.next().unwrap().unwrap();
        session().verify(&callers, &frame, now() + SignedDuration::from_secs(later))
    };
    assert!(verify(0).is_ok() && verify(300).is_ok() && verify(-300).is_ok());
    assert!(matches!(verify(301), Err(AuthenticationError::Expired { .. })));
    assert!(matches!(verify(-301), Err(AuthenticationError::NotYetCurrent { .. })));
}

#[test]
fn a_session_does_not_outlive_its_key() {
    let (_, secret) = callers(|_| {});
    let frames = signed(&secret, &[]).concat();
    let rows: [(Change, &str); 3] = [
        (|key| key.revoked = Some(now()), "invalid"),
        (|key| key.not_after = Some(now()), "expired"),
        (|key| key.id = "AKIAWRDNOTHER2222222".to_owned(), "invalid"),
    ];
    for (change, mention) in rows {
        let (callers, _) = callers(change);
        let error = read(&callers, &frames, 1000).unwrap_err();
        assert!(error.contains(mention), "{error}");
    }
}

#[test]
fn an_envelope_has_two_headers_and_no_other() {
    let date = Header::new(":date", HeaderValue::Timestamp(aws_smithy_types::DateTime::from_secs(1)));
    let signature = Header::new(":chunk-signature", HeaderValue::ByteArray(vec![1; 32].into()));
    let short = Header::new(":chunk-signature", HeaderValue::ByteArray(vec![1; 31].into()));
    let text = Header::new(":chunk-signature", HeaderValue::String("x".into()));
    let other = Header::new("x", HeaderValue::Bool(true));
    let rows = [
        (vec![date.clone(), signature.clone()], true),
        (vec![signature.clone(), date.clone()], true),
        (vec![date.clone()], false),
        (vec![signature.clone()], false),
        (vec![date.clone(), date.clone(), signature.clone()], false),
        (vec![date.clone(), signature.clone(), signature], false),
        (vec![date.clone(), short], false),
        (vec![date.clone(), text], false),
        (vec![date, other], false),
        (vec![], false),
    ];
    for (headers, fits) in rows {
        let mut bytes = Vec::new();
        write_message_to(&Message::new_from_parts(headers.clone(), &b"{}"[..]), &mut bytes).unwrap();
        let mut reader = SignedFrameReader::new(MAX_ENVELOPE);
        reader.push(&bytes);
        match reader.next() {
            Ok(frame) => assert!(fits && frame.is_some(), "{headers:?}"),
            Err(error) => assert!(!fits && error == FrameError::Unsigned, "{headers:?}: {error}"),
        }
    }
}
