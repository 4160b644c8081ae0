//! Turns a record into its canonical bytes, and into the columns that are projections of them.
//!
//! Receives a record and its stamp, returns a [`Sealed`] row. The bytes are JSON with sorted keys and no spaces, at
//! most [`MAX_RECORD_BYTES`]; long texts are cut and long lists are counted instead, because sealing must never
//! fail: a caller who sends something long would otherwise choose not to be recorded.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::record::{
    Arrival, Caller, Content, Denied, Edit, EndState, Finding, Intent, Judgement, Outcome, Record, Request,
    RuleHit, Session, Settings, Target, Uninspected,
};

/// Limit of a leaf in a C2SP tile log: entry bundles carry 16-bit lengths.
pub(super) const MAX_RECORD_BYTES: usize = 65_535;

/// When and where a record was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stamp {
    pub event_id: Uuid,
    pub boot_id: Uuid,
    pub chain_id: Uuid,
    /// Wall clock, microseconds since 1970.
    pub ts_us: i64,
    /// Monotonic, since this process opened the journal. Orders records inside a boot.
    pub ts_mono_ns: u64,
}

/// A row ready to be inserted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sealed {
    pub kind: &'static str,
    pub ts_us: i64,
    pub ts_mono_ns: u64,
    pub request_id: Option<String>,
    pub team: Option<String>,
    pub app: Option<String>,
    pub operation: Option<String>,
    pub model: Option<String>,
    pub decision: Option<&'static str>,
    pub end_state: Option<&'static str>,
    /// The evidence.
    pub text: Arc<str>,
    pub rules: Vec<RuleRow>,
    pub findings: Vec<Finding>,
}

/// A row of `rule_hit`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RuleRow {
    pub rule: String,
    pub at: Option<String>,
    pub role: &'static str,
}

/// Seals a record. Never fails.
pub(super) fn seal(record: &Record, stamp: &Stamp) -> Sealed {
    let text = LIST_CAPS
        .iter()
        .map(|cap| canonical(record, stamp, *cap))
        .find(|text| text.len() <= MAX_RECORD_BYTES)
        .unwrap_or_else(|| canonical(record, stamp, 0));
    let mut sealed = Sealed {
        kind: record.kind(),
        ts_us: stamp.ts_us,
        ts_mono_ns: stamp.ts_mono_ns,
        request_id: record.request_id().map(|id| id.to_string()),
        team: None,
        app: None,
        operation: None,
        model: None,
        decision: None,
        end_state: None,
        text: Arc::from(text),
        rules: Vec::new(),
        findings: Vec::new(),
    };
    match record {
        Record::Intent { request, intent, .. } => {
            sealed.project_request(request);
            sealed.decision = Some(intent.decision().name());
            sealed.project_judgement(&intent.judgement);
            sealed.rules.extend(intent.edits.iter().take(MAX_LIST).map(RuleRow::edit));
        }
        Record::Denied { request, denied, .. } => {
            sealed.project_request(request);
            sealed.decision = Some(denied.reason.decision().name());
            sealed.end_state = Some(denied.reason.end_state().name());
            sealed.project_judgement(&denied.judgement);
        }
        Record::Outcome { outcome, .. } => {
            sealed.end_state = Some(outcome.end_state.name());
            sealed.project_judgement(&outcome.judgement);
            sealed.rules.extend(outcome.edits.iter().take(MAX_LIST).map(RuleRow::edit));
        }
        Record::Unknown { .. } => sealed.end_state = Some(EndState::CrashUnknown.name()),
        Record::System(_) => {}
    }
    sealed
}

impl Sealed {
    fn project_request(&mut self, request: &Request) {
        if let Some(caller) = &request.caller {
            self.team = Some(cut(&caller.team, NAME));
            self.app = Some(cut(&caller.app, NAME));
        }
        if let Some(target) = &request.target {
            self.operation = Some(cut(&target.operation, NAME));
            self.model = target.model.as_ref().map(|model| cut(&model.resolved, MODEL));
        }
    }

    fn project_judgement(&mut self, judgement: &Judgement) {
        self.rules.extend(judgement.violated.iter().take(MAX_LIST).map(|hit| RuleRow::hit(hit, "violated")));
        self.rules.extend(judgement.shadow.iter().take(MAX_LIST).map(|hit| RuleRow::hit(hit, "shadow")));
        self.rules.extend(judgement.granted_by.iter().take(MAX_LIST).map(|rule| RuleRow {
            rule: cut(rule, NAME),
            at: None,
            role: "granted",
        }));
        self.rules.extend(judgement.exceptions.iter().take(MAX_LIST).map(|exception| RuleRow {
            rule: cut(&exception.id, NAME),
            at: None,
            role: "exception",
        }));
        self.findings.extend(judgement.findings.iter().take(MAX_LIST).map(|finding| Finding {
            direction: finding.direction,
            detector: cut(&finding.detector, NAME),
            count: finding.count,
        }));
    }
}

impl RuleRow {
    fn hit(hit: &RuleHit, role: &'static str) -> Self {
        Self { rule: cut(&hit.rule, NAME), at: Some(cut(&hit.at, PLACE)), role }
    }

    fn edit(edit: &Edit) -> Self {
        Self { rule: cut(&edit.rule, NAME), at: None, role: "edit" }
    }
}

/// An object under construction: absent and empty members are left out.
struct Object {
    members: Map<String, Value>,
    list_cap: usize,
}

impl Object {
    fn new(list_cap: usize) -> Self {
        Self { members: Map::new(), list_cap }
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.members.insert(key.to_owned(), value.into());
    }

    fn text(&mut self, key: &str, text: &str, cap: usize) {
        self.set(key, cut(text, cap));
    }

    fn optional_text(&mut self, key: &str, text: Option<&str>, cap: usize) {
        if let Some(text) = text {
            self.text(key, text, cap);
        }
    }

    fn optional(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// A list, or as much of it as fits and how much does not.
    fn list<T>(&mut self, key: &str, items: &[T], value: impl Fn(&T) -> Value) {
        if items.is_empty() {
            return;
        }
        let kept: Vec<Value> = items.iter().take(self.list_cap).map(value).collect();
        if kept.len() < items.len() {
            self.set(&format!("{key}_omitted"), items.len() - kept.len());
        }
        self.set(key, kept);
    }

    fn into_value(self) -> Value {
        Value::Object(self.members)
    }
}

fn canonical(record: &Record, stamp: &Stamp, list_cap: usize) -> String {
    let mut object = Object::new(list_cap);
    object.set("schema_v", SCHEMA_VERSION);
    object.set("kind", record.kind());
    object.set("event_id", stamp.event_id.to_string());
    object.set("boot_id", stamp.boot_id.to_string());
    object.set("chain_id", stamp.chain_id.to_string());
    object.set("ts_us", stamp.ts_us);
    object.set("ts_mono_ns", stamp.ts_mono_ns);
    object.optional("request_id", record.request_id().map(|id| id.to_string()));
    match record {
        Record::Intent { request, intent, .. } => {
            write_request(&mut object, request);
            write_intent(&mut object, request, intent);
        }
        Record::Denied { request, denied, .. } => {
            write_request(&mut object, request);
            write_denied(&mut object, request, denied);
        }
        Record::Outcome { outcome, .. } => write_outcome(&mut object, outcome),
        Record::Unknown { intent_seq, .. } => {
            object.set("intent_seq", *intent_seq);
            object.set("end_state", EndState::CrashUnknown.name());
        }
        Record::System(system) => {
            let details: Vec<_> = system.details.iter().collect();
            let mut inner = Map::new();
            for (name, value) in details.iter().take(list_cap) {
                inner.insert(cut(name, NAME), Value::from(cut(value, MESSAGE)));
            }
            object.set("details", inner);
        }
    }
    let mut value = object.into_value();
    value.sort_all_objects();
    value.to_string()
}

fn write_request(object: &mut Object, request: &Request) {
    write_arrival(object, &request.arrival);
    if let Some(caller) = &request.caller {
        write_caller(object, caller);
    }
    if let Some(target) = &request.target {
        write_target(object, target);
    }
    if let Some(content) = &request.content {
        write_content(object, content);
    }
}

fn write_arrival(object: &mut Object, arrival: &Arrival) {
    object.optional("src_ip", arrival.source_ip.map(|ip| ip.to_string()));
    object.optional_text("user_agent", arrival.user_agent.as_deref(), USER_AGENT);
    object.optional_text("client_invocation_id", arrival.client_invocation_id.as_deref(), NAME);
    object.optional_text("claimed_cred_id", arrival.claimed_credential_id.as_deref(), NAME);
}

fn write_caller(object: &mut Object, caller: &Caller) {
    object.text("team", &caller.team, NAME);
    object.text("app", &caller.app, NAME);
    object.text("cred_kind", &caller.credential_kind, NAME);
    object.text("cred_id", &caller.credential_id, NAME);
}

fn write_target(object: &mut Object, target: &Target) {
    object.text("operation", &target.operation, NAME);
    object.text("region", &target.region, NAME);
    if let Some(model) = &target.model {
        object.text("model_requested", &model.requested, MODEL);
        object.text("model_resolved", &model.resolved, MODEL);
        object.optional_text("provider", model.provider.as_deref(), NAME);
        object.optional_text("geography", model.geography.as_deref(), NAME);
        object.list("model_behind", &model.behind, |model| Value::from(cut(model, MODEL)));
    }
}

fn write_content(object: &mut Object, content: &Content) {
    object.set("in_bytes", content.bytes);
    object.list("modalities", &content.modalities, |name| Value::from(cut(name, NAME)));
    object.set("tools", content.tools);
    object.set("turns", content.turns);
    object.set("images", content.images);
    object.set("stream", content.stream);
    object.set("system", content.system);
    object.optional_text("output", content.output.as_deref(), NAME);
    object.set("inspected_bytes", content.inspected_bytes);
    let list_cap = object.list_cap;
    object.list("uninspected", &content.uninspected, |entry| uninspected(entry, list_cap));
}

fn write_session(session: &Session, list_cap: usize) -> Value {
    let mut inner = Object::new(list_cap);
    inner.set("events", session.events);
    inner.set("in_bytes", session.bytes);
    inner.set("inspected_bytes", session.texts.values().sum::<u64>());
    let texts: Map<_, _> =
        session.texts.iter().map(|(role, bytes)| (cut(role, NAME), Value::from(*bytes))).collect();
    inner.set("texts", texts);
    inner.list("modalities", &session.modalities, |name| Value::from(cut(name, NAME)));
    inner.set("tools", session.tools);
    inner.set("turns", session.turns);
    inner.list("uninspected", &session.uninspected, |entry| uninspected(entry, list_cap));
    inner.into_value()
}

fn uninspected(entry: &Uninspected, list_cap: usize) -> Value {
    let mut inner = Object::new(list_cap);
    inner.text("kind", &entry.kind, NAME);
    inner.set("count", entry.count);
    inner.set("bytes", entry.bytes);
    inner.list("at", &entry.paths, |path| Value::from(cut(path, PLACE)));
    inner.into_value()
}

fn write_intent(object: &mut Object, request: &Request, intent: &Intent) {
    object.set("decision", intent.decision().name());
    write_judgement(object, &intent.judgement);
    object.list("edits", &intent.edits, edit);
    object.set("forwarded_bytes", intent.forwarded_bytes);
    object.set("in_hmac", hex::encode(intent.forwarded_hmac));
    let before = request.content.as_ref();
    let mut params = Map::new();
    params.insert("before".to_owned(), settings(before.map(|content| &content.settings), object.list_cap));
    params.insert("after".to_owned(), settings(Some(&intent.settings), object.list_cap));
    object.set("params", params);
    let asked = before.and_then(|content| content.guardrail.as_deref());
    if asked.is_some() || intent.guardrail.is_some() {
        let mut guardrail = Object::new(object.list_cap);
        guardrail.optional_text("before", asked, NAME);
        guardrail.optional_text("after", intent.guardrail.as_deref(), NAME);
        object.set("guardrail", guardrail.into_value());
    }
}

fn write_denied(object: &mut Object, request: &Request, denied: &Denied) {
    object.set("decision", denied.reason.decision().name());
    object.set("end_state", denied.reason.end_state().name());
    object.set("http_status", denied.http_status);
    object.text("error_code", &denied.error_code, NAME);
    object.text("message", &denied.message, MESSAGE);
    write_judgement(object, &denied.judgement);
    if let Some(content) = &request.content {
        let mut params = Map::new();
        params.insert("before".to_owned(), settings(Some(&content.settings), object.list_cap));
        object.set("params", params);
        if let Some(asked) = &content.guardrail {
            let mut guardrail = Object::new(object.list_cap);
            guardrail.text("before", asked, NAME);
            object.set("guardrail", guardrail.into_value());
        }
    }
}

fn write_outcome(object: &mut Object, outcome: &Outcome) {
    object.set("end_state", outcome.end_state.name());
    object.optional("http_status", outcome.http_status);
    object.optional("upstream_status", outcome.upstream_status);
    object.optional_text("upstream_request_id", outcome.upstream_request_id.as_deref(), NAME);
    object.optional_text("error_code", outcome.error_code.as_deref(), NAME);
    object.optional_text("stop_reason", outcome.stop_reason.as_deref(), NAME);
    object.optional("in_tokens", outcome.tokens.input);
    object.optional("out_tokens", outcome.tokens.output);
    object.optional("cache_read_tokens", outcome.tokens.cache_read);
    object.optional("cache_write_tokens", outcome.tokens.cache_write);
    object.optional_text("routed_to", outcome.routed_to.as_deref(), MODEL);
    object.optional("cost_micros", outcome.cost_micros);
    object.set("latency_ms", outcome.timings.latency_ms);
    object.optional("upstream_ms", outcome.timings.upstream_ms);
    object.optional("ttft_ms", outcome.timings.ttft_ms);
    object.optional("overhead_us", outcome.timings.overhead_us);
    object.set("out_bytes", outcome.out_bytes);
    object.set("frames", outcome.frames);
    if let Some(session) = &outcome.session {
        object.set("session", write_session(session, object.list_cap));
    }
    object.list("edits", &outcome.edits, edit);
    write_judgement(object, &outcome.judgement);
}

fn write_judgement(object: &mut Object, judgement: &Judgement) {
    object.optional_text("policy_digest", judgement.policy_digest.as_deref(), NAME);
    object.list("granted_by", &judgement.granted_by, |rule| Value::from(cut(rule, NAME)));
    object.list("rules", &judgement.violated, rule_hit);
    object.list("shadow", &judgement.shadow, rule_hit);
    object.list("exceptions", &judgement.exceptions, |exception| {
        let mut entry = Object::new(0);
        entry.text("id", &exception.id, NAME);
        entry.set("break_glass", exception.break_glass);
        entry.into_value()
    });
    object.list("findings", &judgement.findings, |finding| {
        let mut entry = Object::new(0);
        entry.set("direction", finding.direction.name());
        entry.text("type", &finding.detector, NAME);
        entry.set("count", finding.count);
        entry.into_value()
    });
}

/// Controls of one rule that a record names.
const MOST_CONTROLS: usize = 8;

fn rule_hit(hit: &RuleHit) -> Value {
    let mut entry = Object::new(0);
    entry.text("rule", &hit.rule, NAME);
    entry.text("at", &hit.at, PLACE);
    entry.optional_text("value", hit.value.as_deref(), NAME);
    entry.optional_text("bound", hit.bound.as_deref(), NAME);
    if !hit.controls.is_empty() {
        let controls = hit.controls.iter().take(MOST_CONTROLS);
        entry.set("controls", controls.map(|control| Value::from(cut(control, NAME))).collect::<Vec<_>>());
    }
    entry.into_value()
}

fn edit(edit: &Edit) -> Value {
    let mut entry = Object::new(0);
    entry.text("field", &edit.field, PLACE);
    entry.optional_text("from", edit.from.as_deref(), NAME);
    entry.optional_text("to", edit.to.as_deref(), NAME);
    entry.text("rule", &edit.rule, NAME);
    entry.into_value()
}

fn settings(settings: Option<&Settings>, list_cap: usize) -> Value {
    let mut members = Map::new();
    for (name, values) in settings.into_iter().flatten().take(list_cap) {
        let value = match values.as_slice() {
            [single] => number(*single),
            several => several.iter().take(list_cap).map(|value| number(*value)).collect(),
        };
        members.insert(cut(name, NAME), value);
    }
    Value::Object(members)
}

/// A number as RFC 8785 writes it: whole numbers without a fraction.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() <= MAX_SAFE_INTEGER {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, checked above")]
        let whole = value as i64;
        Value::from(whole)
    } else {
        Value::from(value)
    }
}

/// At most `cap` bytes of a text, cut between characters and marked as cut.
fn cut(text: &str, cap: usize) -> String {
    if text.len() <= cap {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(cap);
    for character in text.chars() {
        if kept.len() + character.len_utf8() + MARK.len_utf8() > cap {
            break;
        }
        kept.push(character);
    }
    kept.push(MARK);
    kept
}

const SCHEMA_VERSION: u32 = 1;
/// Tried in order until the record fits.
const LIST_CAPS: [usize; 4] = [MAX_LIST, 16, 4, 0];
const MAX_LIST: usize = 64;
const MARK: char = '…';
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;
// Bytes. INVARIANT: with all lists empty, the sum of all texts stays below `MAX_RECORD_BYTES` even when every byte
// is a control character, which JSON writes as six.
const NAME: usize = 128;
const PLACE: usize = 256;
const USER_AGENT: usize = 256;
const MODEL: usize = 512;
const MESSAGE: usize = 1_024;
