//! Relays a streamed answer event by event as it arrives, without what policy takes out of it.
//!
//! Receives Bedrock's bytes, passes complete, checked events on, and keeps count of usage and end. The events that end an
//! answer are held until its outcome is durable, so that no caller sees a completed call that has no record. A stream that
//! breaks off ends with an exception: every SDK takes a clean early end for success.

mod denial;
mod filter;
mod run;
mod runs;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::bedrock::fault::Fault;
use crate::bedrock::stream::{Announced, Carrier, Event, Framing, Observed, StreamReader};
use crate::bedrock::view::Usage;
use crate::clock;

use super::refuse::Refusal;
use super::reply::Pieces;
use super::session::Beside;

use denial::Progressed;
use runs::{Passed, Runs, Stop};

pub use denial::{Cut, NOTICE};
pub use filter::{Filter, Seen};

/// How long an answer is still read for its token counts after the caller has left or was refused the rest.
const DRAIN: Duration = Duration::from_mins(1);

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Complete,
    /// Bedrock sent an exception, which was passed on.
    Exception,
    /// Bedrock's stream broke off, stalled, or held an event that could not be read.
    Broken,
    /// The caller left; the rest was read for its counts where there was time.
    CallerLeft,
    /// The request's side of a session was refused.
    Refused,
    /// Something in the answer may not reach the caller.
    Denied,
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
    pub seen: Seen,
    pub first_byte: Option<Instant>,
    /// Bytes and events for the caller, those that are held included.
    pub bytes: u64,
    pub frames: u64,
    /// What still has to be passed on: the terminal events, or an exception. Of a denied answer, nothing.
    pub held: Bytes,
    /// Where a denied answer was cut.
    pub cut: Cut,
}

/// Relays `body`, which carries its events in `framing`, to `pieces` until it ends. `pause` is the longest wait between
/// two pieces of it.
pub async fn relay(
    mut body: Incoming,
    framing: Framing,
    reader: StreamReader,
    pieces: &mut Pieces,
    pause: Duration,
    filter: &Filter<'_>,
    beside: &mut Beside<'_>,
) -> Streamed {
    let mut relay = Relay::new(framing, reader, filter);
    let mut left: Option<Instant> = None;
    loop {
        if (!pieces.is_open() || beside.has_left() || relay.cut.is_some()) && left.is_none() {
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
        let (ready, stopped) = relay.take(&data, beside);
        pieces.send(ready).await;
        match stopped {
            // Of a session nothing more is wanted; of any other answer its counts.
            Some(Stop::Denied) if beside.is_live() => break,
            None | Some(Stop::Denied) => {}
            Some(Stop::Unreadable) => return relay.finish(End::Broken),
        }
    }
    let end = relay.end(beside, left.is_some());
    relay.finish(end)
}

struct Relay<'f> {
    framing: Framing,
    carrier: Carrier,
    acts: bool,
    reader: StreamReader,
    runs: Runs<'f>,
    progressed: Progressed,
    cut: Option<Cut>,
    held: BytesMut,
    exception: Option<String>,
    first_byte: Option<Instant>,
    bytes: u64,
    count: u64,
}

impl<'f> Relay<'f> {
    fn new(framing: Framing, reader: StreamReader, filter: &'f Filter<'f>) -> Self {
        Self {
            framing,
            carrier: Carrier::new(framing),
            acts: filter.acts(),
            reader,
            runs: Runs::new(filter),
            progressed: Progressed::default(),
            cut: None,
            held: BytesMut::new(),
            exception: None,
            first_byte: None,
            bytes: 0,
            count: 0,
        }
    }

    /// Takes bytes as they came and returns those that can be passed on now, and why nothing will follow them.
    fn take(&mut self, data: &[u8], beside: &Beside<'_>) -> (Bytes, Option<Stop>) {
        self.first_byte.get_or_insert_with(clock::instant);
        self.carrier.push(data);
        let mut ready = BytesMut::new();
        let stopped = loop {
            let taken = match self.carrier.next() {
                Ok(None) => break None,
                Ok(Some(event)) => self.observe(&event, &mut ready, beside),
                Err(_) => Err(Stop::Unreadable),
            };
            match taken {
                Ok(()) => {}
                // The rest of the bytes may hold the counts.
                Err(Stop::Denied) if !beside.is_live() => {}
                Err(stop) => break Some(stop),
            }
        };
        self.bytes += ready.len() as u64;
        (ready.freeze(), stopped)
    }

    fn observe(&mut self, event: &Event, ready: &mut BytesMut, beside: &Beside<'_>) -> Result<(), Stop> {
        if let Announced::Exception(name) = event.announced() {
            self.exception(event, name);
            return Ok(());
        }
        // FAIL-CLOSED: an event that we cannot read is an event that we cannot vouch for.
        let observed = self.reader.observe(event).map_err(|_| Stop::Unreadable)?;
        if let Some(cut) = &mut self.cut {
            cut.drained(event);
            return Ok(());
        }
        let terminal = observed.terminal && beside.is_complete();
        let shown = self.acts.then(|| self.progressed.after(&observed));
        let Passed { before, event: passed } = match self.runs.pass(event, observed) {
            Ok(passed) => passed,
            Err(stop) => {
                if stop == Stop::Denied {
                    let mut cut = Cut::new(self.progressed.shown().clone());
                    cut.drained(event);
                    self.cut = Some(cut);
                    self.held.clear();
                }
                return Err(stop);
            }
        };
        if let Some(shown) = shown.filter(|_| passed.is_some() || !before.is_empty()) {
            self.progressed.show(shown);
        }
        self.count += before.len() as u64 + u64::from(passed.is_some());
        // ORDER: once one event is held, all that follow are, so that the caller sees them in Bedrock's order.
        // What ends one of several answers must reach a caller who has more to ask.
        let holds = terminal || !self.held.is_empty();
        let bytes = if holds { &mut self.held } else { ready };
        before.iter().chain(&passed).for_each(|event| bytes.extend_from_slice(event));
        if self.held.len() > self.framing.most_held() { Err(Stop::Unreadable) } else { Ok(()) }
    }

    /// Bedrock ends the stream. Its words are passed on as they are or not at all.
    fn exception(&mut self, event: &Event, name: &str) {
        self.count += 1;
        self.exception = Some(exception_name(name));
        let clean =
            self.reader.observe(event).is_ok_and(|Observed { pieces, .. }| self.runs.pass_whole(&pieces));
        if clean {
            self.held.extend_from_slice(event.raw());
        } else {
            let fault = known_fault(name).unwrap_or(Fault::ModelStreamError);
            let text = "Bedrock ended the answer; what it says about that is withheld by policy";
            self.held.extend_from_slice(&self.framing.exception(fault, text));
        }
    }

    /// How the stream ended, now that Bedrock's bytes have.
    fn end(&self, beside: &Beside<'_>, left: bool) -> End {
        let whole = self.carrier.finish().is_ok() && self.reader.finished();
        // FAIL-CLOSED: before the request is complete, the answer cannot be.
        let ended_well = whole && beside.is_complete();
        match (ended_well, self.exception.is_some(), left) {
            (_, true, _) => End::Exception,
            (true, false, false) => End::Complete,
            (true, false, true) => End::CallerLeft,
            (false, false, true) if beside.has_left() => End::CallerLeft,
            (false, false, _) => End::Broken,
        }
    }

    fn refuse(self, refusal: &Refusal) -> Streamed {
        let fault = refusal.fault();
        let held = self.framing.exception(fault, &refusal.to_string());
        Streamed { error: Some(fault.name().to_owned()), held, ..self.finish(End::Refused) }
    }

    fn finish(self, end: End) -> Streamed {
        // What is denied stays denied, however the rest of it ended.
        let end = if self.cut.is_some() { End::Denied } else { end };
        let (held, error) = match end {
            End::Complete | End::Exception | End::CallerLeft => (self.held.freeze(), self.exception),
            End::Refused | End::Denied => (Bytes::new(), None),
            End::Broken => {
                let text = "the answer broke off on the way from Bedrock and is incomplete";
                let fault = Fault::ModelStreamError;
                (self.framing.exception(fault, text), Some(fault.name().to_owned()))
            }
        };
        let seen = self.runs.finish();
        Streamed {
            end,
            usage: self.reader.usage(),
            stop_reason: self.reader.stop_reason().map(str::to_owned),
            routed_to: self.reader.routed_to().map(str::to_owned),
            error,
            seen,
            first_byte: self.first_byte,
            bytes: self.bytes + held.len() as u64,
            frames: self.count,
            held,
            cut: self.cut.unwrap_or_default(),
        }
    }
}

/// The name that answers use for an exception: `ThrottlingException` for the `throttlingException` of a stream. One that
/// is not modelled is somebody else's text, and is not repeated.
fn exception_name(event: &str) -> String {
    known_fault(event).map_or("UnknownException", Fault::name).to_owned()
}

fn known_fault(event: &str) -> Option<Fault> {
    Fault::ALL.into_iter().find(|fault| fault.name().eq_ignore_ascii_case(event))
}
