//! Relays an event stream frame by frame as it arrives.
//!
//! Receives Bedrock's bytes, passes complete, checked frames on, and keeps count of usage and end. The frames that end
//! an answer are held until its outcome is durable, so that no caller sees a completed call that has no record. A
//! stream that breaks off ends with an exception frame: every SDK takes a clean early end for success.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::bedrock::event_stream::{Frame, FrameReader, encode_exception};
use crate::bedrock::fault::Fault;
use crate::bedrock::stream::StreamReader;
use crate::bedrock::view::Usage;
use crate::clock;
use crate::sensitive::{DetectorSet, Findings, Scanner};

use super::refuse::Refusal;
use super::reply::Pieces;
use super::session::Beside;

/// How long an answer is still read for its token counts after the caller has left.
const DRAIN: Duration = Duration::from_mins(1);
/// Text of one answer that is kept to be scanned at its end.
const SCANNED_BYTES: usize = 1024 * 1024;
/// Most bytes of terminal frames that are held; Bedrock's are a few hundred.
const HELD_BYTES: usize = 1024 * 1024;

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Complete,
    /// Bedrock sent an exception frame, which was passed on.
    Exception,
    /// Bedrock's stream broke off, stalled, or held a frame that could not be read.
    Broken,
    /// The caller left; the rest was read for its counts where there was time.
    CallerLeft,
    /// The request's side of a session was refused.
    Refused,
}

/// What is known about an answer once its stream has ended.
#[derive(Debug)]
pub struct Streamed {
    pub end: End,
    pub usage: Usage,
    pub stop_reason: Option<String>,
    /// Id of the model that a prompt router chose.
    pub routed_to: Option<String>,
    /// Name of the exception that ended the stream: Bedrock's, or our own for a stream that broke off.
    pub error: Option<String>,
    pub findings: Findings,
    pub first_byte: Option<Instant>,
    pub bytes: u64,
    pub frames: u64,
    /// Whether part of the text was too long to be kept for scanning.
    pub unscanned: bool,
    /// What still has to be passed on: the terminal frames, or an exception.
    pub held: Bytes,
}

/// What the relay looks for in the text of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    pub scanner: &'a Scanner,
    pub detectors: DetectorSet,
}

/// Relays `body` to `pieces` until it ends. `pause` is the longest wait between two pieces of it.
pub async fn relay(
    mut body: Incoming,
    reader: StreamReader,
    pieces: &mut Pieces,
    pause: Duration,
    watch: Watch<'_>,
    beside: &mut Beside<'_>,
) -> Streamed {
    let mut relay = Relay::new(reader, watch);
    let mut left: Option<Instant> = None;
    loop {
        if (!pieces.is_open() || beside.has_left()) && left.is_none() {
            left = Some(clock::instant());
        }
        if left.is_some_and(|since| since.elapsed() > DRAIN) {
            return relay.finish(End::CallerLeft);
        }
        let next = tokio::select! {
            next = tokio::time::timeout(pause, body.frame()) => next,
            refused = beside.ended() => match refused {
                Some(refusal) => return relay.refuse(&refusal),
                None => continue,
            },
        };
        let data = match next {
            // Both sides of a session may be silent as long as one of them alone could be.
            Err(_) if beside.is_heard_within(pause) => continue,
            Err(_) | Ok(Some(Err(_))) if beside.has_left() => return relay.finish(End::CallerLeft),
            Err(_) | Ok(Some(Err(_))) => return relay.finish(End::Broken),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => data,
                Err(_) => continue,
            },
        };
        match relay.take(&data, beside) {
            Ok(ready) => pieces.send(ready).await,
            Err(Unreadable { ready }) => {
                pieces.send(ready).await;
                return relay.finish(End::Broken);
            }
        }
    }
    // FAIL-CLOSED: before the request is complete, the answer cannot be.
    let ended_well = relay.ended_well() && beside.is_complete();
    let end = match (ended_well, relay.exception.is_some(), left) {
        (_, true, _) => End::Exception,
        (true, false, None) => End::Complete,
        (true, false, Some(_)) => End::CallerLeft,
        (false, false, Some(_)) if beside.has_left() => End::CallerLeft,
        (false, false, _) => End::Broken,
    };
    relay.finish(end)
}

/// A frame that cannot be trusted; `ready` holds what came before it.
struct Unreadable {
    ready: Bytes,
}

struct Relay<'a> {
    frames: FrameReader,
    reader: StreamReader,
    watch: Watch<'a>,
    texts: Vec<(u32, String)>,
    kept: usize,
    unscanned: bool,
    held: BytesMut,
    exception: Option<String>,
    first_byte: Option<Instant>,
    bytes: u64,
    count: u64,
}

impl<'a> Relay<'a> {
    fn new(reader: StreamReader, watch: Watch<'a>) -> Self {
        Self {
            frames: FrameReader::new(),
            reader,
            watch,
            texts: Vec::new(),
            kept: 0,
            unscanned: false,
            held: BytesMut::new(),
            exception: None,
            first_byte: None,
            bytes: 0,
            count: 0,
        }
    }

    /// Takes bytes as they came and returns those that can be passed on now.
    fn take(&mut self, data: &[u8], beside: &Beside<'_>) -> Result<Bytes, Unreadable> {
        self.first_byte.get_or_insert_with(clock::instant);
        self.bytes += data.len() as u64;
        self.frames.push(data);
        let mut ready = BytesMut::new();
        loop {
            match self.frames.next() {
                Ok(None) => return Ok(ready.freeze()),
                Ok(Some(frame)) => {
                    if self.observe(&frame, &mut ready, beside).is_err() {
                        return Err(Unreadable { ready: ready.freeze() });
                    }
                }
                Err(_) => return Err(Unreadable { ready: ready.freeze() }),
            }
        }
    }

    fn observe(&mut self, frame: &Frame, ready: &mut BytesMut, beside: &Beside<'_>) -> Result<(), ()> {
        self.count += 1;
        if frame.message_type() == "exception" {
            self.exception = Some(exception_name(frame.exception_type().unwrap_or_default()));
            self.held.extend_from_slice(frame.raw());
            return Ok(());
        }
        // FAIL-CLOSED: an event that we cannot read is an event that we cannot vouch for.
        let observed = self.reader.observe(frame).map_err(drop)?;
        for (block, text) in observed.texts {
            self.keep(block, &text);
        }
        // ORDER: once one frame is held, all that follow are, so that the caller sees them in Bedrock's order.
        // What ends one of several answers must reach a caller who has more to ask.
        if (observed.terminal && beside.is_complete()) || !self.held.is_empty() {
            self.held.extend_from_slice(frame.raw());
            if self.held.len() > HELD_BYTES {
                return Err(());
            }
        } else {
            ready.extend_from_slice(frame.raw());
        }
        Ok(())
    }

    fn keep(&mut self, block: u32, text: &str) {
        if self.watch.detectors.is_empty() {
            return;
        }
        if self.kept + text.len() > SCANNED_BYTES {
            self.unscanned = true;
            return;
        }
        self.kept += text.len();
        match self.texts.iter_mut().find(|(known, _)| *known == block) {
            Some((_, whole)) => whole.push_str(text),
            None => self.texts.push((block, text.to_owned())),
        }
    }

    fn ended_well(&self) -> bool {
        self.frames.finish().is_ok() && self.reader.finished()
    }

    fn refuse(self, refusal: &Refusal) -> Streamed {
        let fault = refusal.fault();
        let held = encode_exception(fault, &refusal.to_string());
        Streamed { error: Some(fault.name().to_owned()), held, ..self.finish(End::Refused) }
    }

    fn finish(self, end: End) -> Streamed {
        let mut findings = Findings::default();
        for (_, text) in &self.texts {
            for found in self.watch.scanner.scan(self.watch.detectors, text, None) {
                findings.add(found.detector, 1);
            }
        }
        let (held, error) = match end {
            End::Complete | End::Exception | End::CallerLeft => (self.held.freeze(), self.exception),
            End::Refused => (Bytes::new(), None),
            End::Broken => {
                let text = "the answer broke off on the way from Bedrock and is incomplete";
                let fault = Fault::ModelStreamError;
                (encode_exception(fault, text), Some(fault.name().to_owned()))
            }
        };
        Streamed {
            end,
            usage: self.reader.usage(),
            stop_reason: self.reader.stop_reason().map(str::to_owned),
            routed_to: self.reader.routed_to().map(str::to_owned),
            error,
            findings,
            first_byte: self.first_byte,
            bytes: self.bytes,
            frames: self.count,
            unscanned: self.unscanned,
            held,
        }
    }
}

/// The name that answers use for an exception: `ThrottlingException` for the `throttlingException` of a stream. One that
/// is not modelled is somebody else's text, and is not repeated.
fn exception_name(event: &str) -> String {
    let known = Fault::ALL.into_iter().map(Fault::name).find(|name| name.eq_ignore_ascii_case(event));
    known.unwrap_or("UnknownException").to_owned()
}
