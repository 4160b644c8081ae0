//! The whole product, tested from outside: the real binary, real sockets, real AWS SDKs, a simulated Bedrock.
//!
//! Every test starts its own warden and its own simulator on loopback ports, and ends by checking what must hold after
//! any test at all: nothing reached Bedrock without an intent, every intent has one end, nobody panicked, no secret and
//! no prompt text was logged. See `support::warden`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "a test that meets the unexpected must stop, and say where"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the harness is outside the product: it has deadlines, an environment and tasks of its own"
)]

// What the tests are written with: processes, signing, sockets, the journal, interpreters.
mod support;

// Unmodified AWS SDKs for Python, JavaScript and Rust: one table of expectations for the three.
mod real_clients;

// Policy and request in, decision out, through the socket.
mod allow_deny;
// The one file that loosens: exceptions, break glass, and conditions in Cedar.
mod exceptions;
// Names that hide a model, and every model behind them.
mod names;
// Prompts that AWS keeps, judged as if they had been sent.
mod stored_prompts;
// Who may call: signatures that are wrong in one way each.
mod signatures;
// Bodies that two parsers could read differently.
mod json_strictness;
// Operations beside inference: counting, guardrails, async invocations, the control plane.
mod operations;
// Who called, in AWS's own logs: sessions of a role, request metadata.
mod attribution;
// Counts that must admit a request before it is sent.
mod quotas;
// The same, shared by many wardens.
mod shared_quotas;
// Sensitive data in prompts and answers.
mod redaction;
// Texts on stdin, and the catalogue of detectors.
mod sensitive;
// Every family of models: read, bounded, answered, counted.
mod families;
// The APIs of OpenAI and Anthropic, in their own forms.
mod apis;
// Event streams: first bytes early, and no failure that looks like success.
mod streaming;
// Answers that policy changes while they stream.
mod edited_streams;
// Values that the model never sees and the caller gets back.
mod tokenize;

// Live sessions: both directions at once, every event judged on its way.
mod sessions;

// OpenTelemetry: spans, metrics, trace context.
mod traces;

// kill -9 under load: what Bedrock saw is in the journal.
mod crash;
// SIGTERM with work in flight.
mod drain;
// What cannot be judged or recorded is not forwarded.
mod fail_closed;
// Policies and callers that change while requests are served.
mod reload;
// Policies that are pinned, signed, and fetched from elsewhere.
mod bundles;
// The page about policies, run as it is written.
mod policy_page;
// Claims about all requests, before a solver.
mod prove;
// What policy authors meet: layout and schemas.
mod policy_files;
// Recorded requests, judged again by other policies.
mod policy_replay;
// Every mistake that policy files can hold, with what is said of it.
mod policy_mistakes;

// What Prometheus is shown.
mod metrics;
// The line that is logged for a request.
mod log_line;

// Requests no SDK would send.
mod hostile_http;
// Answers that Bedrock would never give.
mod hostile_upstream;
// HTTP/1.1 and HTTP/2, with and without TLS.
mod http_versions;
// Endpoints with a path of their own.
mod base_path;

// What telemetry says, read by receivers that others wrote.
mod receivers;

// The commands people type.
mod cli;
// What the README and the shipped files show.
mod readme;

// Dashboards and alarms against the names of what is sent.
mod deploy;

// Import directions and purity of the source tree.
mod architecture;
