//! What a record says: plain data, filled in by the request path and by the journal itself.
//!
//! Receives facts as strings, numbers and small structs, so that evidence does not change its meaning when another
//! room changes its types. Never holds prompt text, matched text or a secret: counts, names and places only.

use std::collections::BTreeMap;
use std::net::IpAddr;

use uuid::Uuid;

/// Every record there is. A request leaves exactly one intent or denial, and after an intent exactly one outcome or,
/// when a crash took it, one unknown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record {
    /// Durable before the first byte goes upstream.
    Intent {
        request_id: Uuid,
        request: Box<Request>,
        intent: Box<Intent>,
    },
    Outcome {
        request_id: Uuid,
        outcome: Box<Outcome>,
    },
    /// Terminal: nothing was forwarded.
    Denied {
        request_id: Uuid,
        request: Box<Request>,
        denied: Box<Denied>,
    },
    /// Written by recovery: the intent at `intent_seq` has no outcome, and the process that wrote it is gone.
    Unknown {
        request_id: Uuid,
        intent_seq: i64,
    },
    System(System),
}

/// What is known about a request. Stages are added as the request path learns them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    pub arrival: Arrival,
    /// After authentication.
    pub caller: Option<Caller>,
    /// After the path was recognised.
    pub target: Option<Target>,
    /// After the body was decoded.
    pub content: Option<Content>,
}

/// What the connection and the headers say, proven or not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrival {
    pub source_ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// `amz-sdk-invocation-id`: the caller's own name for the call, the same for every retry of it.
    pub client_invocation_id: Option<String>,
    /// The credential that the request names, before anything proves it.
    pub claimed_credential_id: Option<String>,
}

/// Who is proven to be calling.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    pub team: String,
    pub app: String,
    /// `sigv4` or `bearer`.
    pub credential_kind: String,
    /// The public identifier of the credential, never the secret.
    pub credential_id: String,
}

/// Which call, on which model, where.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// Name of the Bedrock operation, or of what was asked instead.
    pub operation: String,
    pub model: Option<Model>,
    /// The AWS region the call is sent to.
    pub region: String,
}

/// A model as asked for and as resolved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub requested: String,
    pub resolved: String,
    pub provider: Option<String>,
    /// Where it runs: the geography of a profile, or a region.
    pub geography: Option<String>,
    /// Everything that was found behind the requested name, from the name inwards.
    pub behind: Vec<String>,
}

/// Values per parameter, by normalised name. More than one value when a body spells a parameter more than once.
pub type Settings = BTreeMap<String, Vec<f64>>;

/// The shape of the body, never its text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    /// As received.
    pub bytes: u64,
    pub modalities: Vec<String>,
    pub tools: u32,
    pub turns: u32,
    pub images: u32,
    pub stream: bool,
    pub system: bool,
    pub settings: Settings,
    /// `identifier:version` as asked for.
    pub guardrail: Option<String>,
    /// The bucket that the answer goes to instead of to the caller, such as `s3://results`.
    pub output: Option<String>,
    /// Bytes of text that detectors could see.
    pub inspected_bytes: u64,
    /// What they could not look into, one entry per kind.
    pub uninspected: Vec<Uninspected>,
}

/// The shape of the events that followed the intent of a session, as received.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Session {
    pub events: u64,
    pub bytes: u64,
    /// Bytes of text that detectors could see, by what spoke it: `system`, `user`, `tool_result`, …
    pub texts: BTreeMap<String, u64>,
    pub modalities: Vec<String>,
    pub tools: u32,
    pub turns: u32,
    /// What they could not look into, one entry per kind.
    pub uninspected: Vec<Uninspected>,
}

/// Content of one kind that nobody looked into.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Uninspected {
    /// `image`, `s3`, …
    pub kind: String,
    pub count: u32,
    /// Bytes of the body that hold it, or that refer to it.
    pub bytes: u64,
    /// JSON pointers to the first few.
    pub paths: Vec<String>,
}

/// What the policies said, with the places that said it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    pub policy_digest: Option<String>,
    pub granted_by: Vec<String>,
    pub violated: Vec<RuleHit>,
    /// What would have been violated, had the rule been enforced.
    pub shadow: Vec<RuleHit>,
    /// Exceptions without which a rule would have been violated.
    pub exceptions: Vec<ExceptionUse>,
    pub findings: Vec<Finding>,
}

/// One rule that applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleHit {
    pub rule: String,
    /// `file:line` in the policy folder.
    pub at: String,
    pub value: Option<String>,
    pub bound: Option<String>,
    /// Controls of compliance catalogues that the rule implements.
    pub controls: Vec<String>,
}

/// An exception that a request relied on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExceptionUse {
    pub id: String,
    /// Whether the caller invoked it by name.
    pub break_glass: bool,
}

/// How often a detector matched; never what it matched.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub direction: Direction,
    /// The detector's name, such as `EMAIL`.
    pub detector: String,
    pub count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    In,
    Out,
}

/// A change that a policy made to the request. For redactions `from` and `to` stay empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    pub field: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub rule: String,
}

/// What is about to be forwarded, and why it may be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intent {
    pub judgement: Judgement,
    /// Empty when the body is forwarded as received: then the decision is `allow`, otherwise `modify`.
    pub edits: Vec<Edit>,
    /// Parameters as forwarded.
    pub settings: Settings,
    /// `identifier:version` as forwarded.
    pub guardrail: Option<String>,
    /// Length of the body as forwarded.
    pub forwarded_bytes: u64,
    /// Keyed hash (HMAC-SHA256) of the body as forwarded. Not a bare hash: short prompts can be guessed.
    pub forwarded_hmac: [u8; 32],
}

/// Why a request was not forwarded.
#[derive(Debug, Clone, PartialEq)]
pub struct Denied {
    pub reason: DenialReason,
    pub http_status: u16,
    /// Name of the error that the caller received, such as `AccessDeniedException`.
    pub error_code: String,
    /// What the caller may read.
    pub message: String,
    pub judgement: Judgement,
}

/// Whether a rule said no, or something was wrong with the request or with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialReason {
    /// A policy, or authentication, refused.
    Deny,
    /// The request could not be read, or could not be served.
    Error,
    /// The request path let go of the entry without saying how it ended.
    Abandoned,
}

/// What was decided about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// Allowed after policies changed it.
    Modify,
    Deny,
    /// Not decided: the request could not be read, or could not be served.
    Error,
}

/// How a forwarded request ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub end_state: EndState,
    /// As sent to the caller; `None` when nothing was.
    pub http_status: Option<u16>,
    pub upstream_status: Option<u16>,
    /// `x-amzn-requestid` of the answer: joins the record to CloudTrail.
    pub upstream_request_id: Option<String>,
    pub error_code: Option<String>,
    pub stop_reason: Option<String>,
    pub tokens: Tokens,
    /// The model that a prompt router chose, as it says.
    pub routed_to: Option<String>,
    /// What the tokens cost, in millionths of a US dollar: an estimate at list prices. `None` where no price is known.
    pub cost_micros: Option<u64>,
    pub timings: Timings,
    /// Body bytes sent to the caller.
    pub out_bytes: u64,
    /// Event-stream frames sent to the caller; 0 for a unary answer.
    pub frames: u32,
    /// What followed the intent, in a session; never its text.
    pub session: Option<Session>,
    /// Changes to events that followed the intent, in a session.
    pub edits: Vec<Edit>,
    /// About the answer, and in a session about the events that followed the intent: rules it violated, findings in it.
    pub judgement: Judgement,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// From the request head to the end of the answer.
    pub latency_ms: u64,
    pub upstream_ms: Option<u64>,
    /// To the first byte of the answer.
    pub ttft_ms: Option<u64>,
    /// The warden's own share.
    pub overhead_us: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndState {
    Complete,
    ClientAbort,
    UpstreamAbort,
    PolicyAbort,
    /// The answer was withheld whole.
    Refused,
    /// The warden was told to stop, and the exchange would have outlasted it.
    Drained,
    /// The request path let go of the entry without saying how it ended.
    Abandoned,
    /// Nothing was forwarded: the intent became durable too late, or there was nothing to sign with.
    NotForwarded,
    /// The process died between intent and outcome.
    CrashUnknown,
}

/// Something that happened to the warden itself.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    pub kind: SystemKind,
    /// Names and values, never secrets.
    pub details: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemKind {
    SidecarStart,
    SidecarStop,
    PolicyLoad,
    PolicyRejected,
    CallersLoad,
    CallersRejected,
    ConfigChange,
    AuditDegraded,
    AuditResumed,
    /// Records were lost, and how many.
    AuditGap,
}

impl Outcome {
    /// An outcome of which only its end is known yet.
    pub fn new(end_state: EndState) -> Self {
        Self {
            end_state,
            http_status: None,
            upstream_status: None,
            upstream_request_id: None,
            error_code: None,
            stop_reason: None,
            tokens: Tokens::default(),
            routed_to: None,
            cost_micros: None,
            timings: Timings::default(),
            out_bytes: 0,
            frames: 0,
            session: None,
            edits: Vec::new(),
            judgement: Judgement::default(),
        }
    }
}

impl System {
    pub fn new(kind: SystemKind) -> Self {
        Self { kind, details: BTreeMap::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }
}

impl Intent {
    pub const fn decision(&self) -> Decision {
        if self.edits.is_empty() { Decision::Allow } else { Decision::Modify }
    }
}

impl Decision {
    pub const ALL: [Self; 4] = [Self::Allow, Self::Modify, Self::Deny, Self::Error];

    /// Whether nothing was forwarded.
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::Allow | Self::Modify => false,
            Self::Deny | Self::Error => true,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Modify => "modify",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

impl Direction {
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

impl DenialReason {
    /// The decision that such a record carries.
    pub const fn decision(self) -> Decision {
        match self {
            Self::Deny => Decision::Deny,
            Self::Error | Self::Abandoned => Decision::Error,
        }
    }

    pub const fn end_state(self) -> EndState {
        match self {
            Self::Deny | Self::Error => EndState::Refused,
            Self::Abandoned => EndState::Abandoned,
        }
    }
}

impl EndState {
    pub const ALL: [Self; 9] = [
        Self::Complete,
        Self::ClientAbort,
        Self::UpstreamAbort,
        Self::PolicyAbort,
        Self::Refused,
        Self::Drained,
        Self::Abandoned,
        Self::NotForwarded,
        Self::CrashUnknown,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientAbort => "client_abort",
            Self::UpstreamAbort => "upstream_abort",
            Self::PolicyAbort => "policy_abort",
            Self::Refused => "refused",
            Self::Drained => "drained",
            Self::Abandoned => "abandoned",
            Self::NotForwarded => "not_forwarded",
            Self::CrashUnknown => "crash_unknown",
        }
    }
}

impl SystemKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::SidecarStart => "sidecar.start",
            Self::SidecarStop => "sidecar.stop",
            Self::PolicyLoad => "policy.load",
            Self::PolicyRejected => "policy.rejected",
            Self::CallersLoad => "callers.load",
            Self::CallersRejected => "callers.rejected",
            Self::ConfigChange => "config.change",
            Self::AuditDegraded => "audit.degraded",
            Self::AuditResumed => "audit.resumed",
            Self::AuditGap => "audit.gap",
        }
    }
}

impl Record {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Intent { .. } => INTENT,
            Self::Outcome { .. } => OUTCOME,
            Self::Denied { .. } => DENIED,
            Self::Unknown { .. } => UNKNOWN,
            Self::System(system) => system.kind.name(),
        }
    }

    pub(super) const fn request_id(&self) -> Option<Uuid> {
        match self {
            Self::Intent { request_id, .. }
            | Self::Outcome { request_id, .. }
            | Self::Denied { request_id, .. }
            | Self::Unknown { request_id, .. } => Some(*request_id),
            Self::System(_) => None,
        }
    }

    /// The record as it is written when nobody waits for it: an intent that nobody acts on is a refusal.
    pub(super) fn unattended(self) -> Self {
        match self {
            Self::Intent { request_id, request, intent } => Self::Denied {
                request_id,
                request,
                denied: Box::new(Denied {
                    reason: DenialReason::Error,
                    http_status: 503,
                    error_code: "ServiceUnavailableException".to_owned(),
                    message: "the record of the request could not be made durable in time".to_owned(),
                    judgement: intent.judgement,
                }),
            },
            Self::Outcome { .. } | Self::Denied { .. } | Self::Unknown { .. } | Self::System(_) => self,
        }
    }
}

pub(super) const INTENT: &str = "request.intent";
pub(super) const OUTCOME: &str = "request.outcome";
pub(super) const DENIED: &str = "request.denied";
pub(super) const UNKNOWN: &str = "request.unknown";
