//! W3C Trace Context: the caller's place in a trace, and ours for Bedrock.
//!
//! Receives headers, returns a context that is valid to the letter, or none: a `traceparent` that is not starts a new
//! trace, a `tracestate` that is not is left out. Both are bounded. Never reads or writes baggage.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-` and what follows it: 32, 16 and 2 hexadecimal digits with dashes between them.
const PARENT_LENGTH: usize = 55;
/// Later versions may append to that, and may not have us hold anything.
const LONGEST_PARENT: usize = 256;
/// What every vendor has to be able to pass on (W3C Trace Context, 3.3.1.5).
const LONGEST_STATE: usize = 512;
const MOST_MEMBERS: usize = 32;
/// The flags that are defined: sampled, and that the trace id is random.
const KNOWN_FLAGS: u8 = 0b11;

/// A caller's valid context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    trace_id: TraceId,
    span_id: SpanId,
    flags: TraceFlags,
    parent: HeaderValue,
    state: Option<String>,
}

impl Incoming {
    /// The context of a request. Two `traceparent` headers are none.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let (trace_id, span_id, flags) = read_parent(parent.to_str().ok()?)?;
        Some(Self { trace_id, span_id, flags, parent: parent.clone(), state: read_state(headers) })
    }

    /// As a parent of spans.
    pub fn span_context(&self) -> SpanContext {
        let state = self.state.as_deref().and_then(|state| {
            let pairs = members(state).filter_map(|member| member.split_once('='));
            TraceState::from_key_value(pairs).ok()
        });
        SpanContext::new(self.trace_id, self.span_id, self.flags, true, state.unwrap_or_default())
    }

    /// Passes the context on as it came.
    pub fn place(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.parent.clone());
        if let Some(Ok(state)) = self.state.as_deref().map(HeaderValue::from_str) {
            headers.insert(TRACESTATE, state);
        }
    }
}

/// Writes a context of our own.
pub fn place(context: &SpanContext, headers: &mut HeaderMap) {
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags().to_u8());
    if let Ok(parent) = HeaderValue::from_str(&format!("00-{trace}-{span}-{flags:02x}")) {
        headers.insert(TRACEPARENT, parent);
    }
    let state = context.trace_state().header();
    if let (false, Ok(state)) = (state.is_empty(), HeaderValue::from_str(&state)) {
        headers.insert(TRACESTATE, state);
    }
}

fn read_parent(text: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    if text.len() > LONGEST_PARENT {
        return None;
    }
    let (known, appended) = text.split_at_checked(PARENT_LENGTH)?;
    let mut fields = known.split('-');
    let fields: [&str; 4] = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    let [version, trace_id, span_id, flags] = fields;
    let lengths = fields.map(str::len) == [2, 32, 16, 2];
    let digits = fields.iter().all(|field| field.bytes().all(is_digit));
    // Version 00 ends here; a later one may go on after a dash; ff is no version.
    let ended = appended.is_empty() || version != "00" && appended.starts_with('-');
    if !lengths || !digits || !ended || version == "ff" {
        return None;
    }
    let trace_id = TraceId::from_hex(trace_id).ok().filter(|id| *id != TraceId::INVALID)?;
    let span_id = SpanId::from_hex(span_id).ok().filter(|id| *id != SpanId::INVALID)?;
    let flags = u8::from_str_radix(flags, 16).ok()? & KNOWN_FLAGS;
    Some((trace_id, span_id, TraceFlags::new(flags)))
}

/// Lower case only, as the standard has it.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

/// The list of all `tracestate` headers, or nothing when any part of it is not valid.
fn read_state(headers: &HeaderMap) -> Option<String> {
    let mut whole = String::new();
    for value in headers.get_all(TRACESTATE) {
        let value = value.to_str().ok()?;
        if whole.len() + value.len() + 1 > LONGEST_STATE {
            return None;
        }
        if !whole.is_empty() {
            whole.push(',');
        }
        whole.push_str(value);
    }
    let mut keys = Vec::new();
    for member in members(&whole) {
        let (key, value) = member.split_once('=')?;
        if keys.len() == MOST_MEMBERS || keys.contains(&key) || !is_key(key) || !is_value(value) {
            return None;
        }
        keys.push(key);
    }
    (!keys.is_empty()).then_some(whole)
}

fn members(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty())
}

/// A vendor, or a tenant of up to 241 characters at a system of up to 14.
fn is_key(key: &str) -> bool {
    let (tenant, system) = match key.split_once('@') {
        Some((tenant, system)) => (tenant, Some(system)),
        None => (key, None),
    };
    let part = |part: &str, longest: usize, digit_first: bool| {
        let begins = |byte: u8| byte.is_ascii_lowercase() || digit_first && byte.is_ascii_digit();
        let goes_on =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
        part.len() <= longest && part.bytes().next().is_some_and(begins) && part.bytes().all(goes_on)
    };
    match system {
        None => part(tenant, 256, true),
        Some(system) => part(tenant, 241, true) && part(system, 14, false),
    }
}

fn is_value(value: &str) -> bool {
    let readable = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(readable) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn sent(context: &SpanContext) -> HeaderMap {
        let mut to = HeaderMap::new();
        place(context, &mut to);
        to
    }

    #[test]
    fn a_traceparent_is_valid_to_the_letter_or_none() {
        let valid = format!("00-{TRACE}-{SPAN}-01");
        let table: [(String, Option<u8>); 21] = [
            (valid.clone(), Some(1)),
            (format!("00-{TRACE}-{SPAN}-00"), Some(0)),
            (format!("00-{TRACE}-{SPAN}-03"), Some(3)),
            (format!("00-{TRACE}-{SPAN}-ff"), Some(3)),
            (format!("01-{TRACE}-{SPAN}-01"), Some(1)),
            (format!("cc-{TRACE}-{SPAN}-01-what-the-future-will-be"), Some(1)),
            (format!("cc-{TRACE}-{SPAN}-01.what"), None),
            (format!("cc-{TRACE}-{SPAN}-01-{}", "x".repeat(300)), None),
            (format!("{valid}-more"), None),
            (format!("ff-{TRACE}-{SPAN}-01"), None),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None),
            (format!("0G-{TRACE}-{SPAN}-01"), None),
            (format!("00-{TRACE}-{SPAN}-0g"), None),
            (format!("00-{TRACE}-{SPAN}-1"), None),
            (format!("00-{TRACE}-{SPAN}"), None),
            (format!("00_{TRACE}_{SPAN}_01"), None),
            (format!("00-{TRACE}{}-{SPAN}--1", ""), None),
            (valid.replace('0', "٠"), None),
            (String::new(), None),
        ];
        for (text, flags) in table {
            let read = headers_of(&text).and_then(|headers| Incoming::read(&headers));
            assert_eq!(read.map(|incoming| incoming.flags.to_u8()), flags, "{text}");
        }
    }

    fn headers_of(parent: &str) -> Option<HeaderMap> {
        let value = HeaderValue::from_bytes(parent.as_bytes()).ok()?;
        Some(HeaderMap::from_iter([(TRACEPARENT, value)]))
    }

    #[test]
    fn two_parents_are_none() {
        let parent = format!("00-{TRACE}-{SPAN}-01");
        assert!(Incoming::read(&headers(&[("traceparent", &parent), ("traceparent", &parent)])).is_none());
    }

    #[test]
    fn a_tracestate_is_valid_to_the_letter_or_left_out() {
        let many = |count: usize| (0..count).map(|at| format!("k{at}=v")).collect::<Vec<_>>().join(",");
        let table: [(Vec<String>, bool); 20] = [
            (vec!["a=b".into()], true),
            (vec!["a=b, c=d".into(), "e@f=g h".into()], true),
            (vec!["a=b,,c=d".into()], true),
            (vec!["0abc=v".into()], true),
            (vec!["a*/_-1=v".into()], true),
            (vec![many(32)], true),
            (vec![many(33)], false),
            (vec!["a=b,a=c".into()], false),
            (vec!["a=b".into(), "a=c".into()], false),
            (vec!["A=b".into()], false),
            (vec!["a".into()], false),
            (vec!["a=".into()], false),
            (vec!["=b".into()], false),
            (vec!["a=b=c".into()], false),
            (vec!["a@b@c=d".into()], false),
            (vec!["a@0=d".into()], false),
            (vec![format!("a@{}=d", "b".repeat(15))], false),
            (vec![format!("{}=d", "a".repeat(257))], false),
            (vec![format!("a={}", "b".repeat(257))], false),
            (vec!["a=b".into(), format!("c={}", "d".repeat(250)), format!("e={}", "f".repeat(254))], false),
        ];
        for (states, valid) in table {
            let parent = format!("00-{TRACE}-{SPAN}-01");
            let mut list = vec![("traceparent", parent.as_str())];
            list.extend(states.iter().map(|state| ("tracestate", state.as_str())));
            let incoming = Incoming::read(&headers(&list)).expect("the parent holds without it");
            assert_eq!(incoming.state.is_some(), valid, "{states:?}");
            assert_eq!(!incoming.span_context().trace_state().header().is_empty(), valid, "{states:?}");
        }
    }

    #[test]
    fn a_context_is_passed_on_as_it_came_and_written_as_it_is() {
        let parent = format!("cc-{TRACE}-{SPAN}-01-more");
        let from = headers(&[("traceparent", &parent), ("tracestate", "b=c, a=d"), ("baggage", "user=jane")]);
        let incoming = Incoming::read(&from).unwrap();
        let mut to = HeaderMap::new();
        incoming.place(&mut to);
        assert_eq!(
            (to.get("traceparent"), to.get("tracestate")),
            (from.get("traceparent"), from.get("tracestate"))
        );
        assert_eq!(to.len(), 2);

        let written = sent(&incoming.span_context());
        assert_eq!(written.get("traceparent").unwrap(), &format!("00-{TRACE}-{SPAN}-01"));
        assert_eq!(written.get("tracestate").unwrap(), "b=c,a=d");
    }
}
