//! What one request costs in the pure parts of its path: `cargo bench`.
//!
//! Each line is the median of several rounds, in microseconds on one core. Sockets, the journal and Bedrock are not in
//! it. Figures are for comparing two versions on one quiet machine, not for a test to assert.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at the first thing that is not as it should be"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_lc_rs::digest;
use bedrock_warden::audit::{Decision, EndState, Tokens};
use bedrock_warden::bedrock::event_stream::encode_event;
use bedrock_warden::bedrock::format::Format;
use bedrock_warden::bedrock::json::{Document, Edits};
use bedrock_warden::bedrock::model::ModelReference;
use bedrock_warden::bedrock::operation::{Operation, Route};
use bedrock_warden::bedrock::stream::{Carrier, Framing, rewritten};
use bedrock_warden::bedrock::view::View;
use bedrock_warden::clock;
use bedrock_warden::config::{self, CloudWatch as CloudWatchSettings, CloudWatchWay, Config};
use bedrock_warden::identity::sigv4::{self, Scope, Signature};
use bedrock_warden::identity::{CredentialKind, Principal};
use bedrock_warden::policy::{self, Context, Direction, Facts, Inquiry, PolicySet};
use bedrock_warden::sensitive::{
    DetectorSet, Findings, Plan, Progress, Redactor, Restorer, Scanner, Spelling, Tokens as Placeholders,
};
use bedrock_warden::telemetry::cloudwatch::CloudWatch;
use bedrock_warden::telemetry::{
    Caller, Finished, Metrics, Parameters, Servers, Timings, Trace, Traces, Upstream,
};
use bedrock_warden::yaml::{Diagnostics, Source};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};

const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const TARGET: &str = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse";
const PROSE: &str = "The harbour lay quiet in the early light, and the boats had not yet gone out. ";
/// Text as support answers are, a value in every line.
const DENSE: &str = "Ms Ito, ssn 219-09-9999, card 4111 1111 1111 1111,\nito@example.com or +1 662-237-5048,\n\
                     host 52.98.176.142, IBAN DE89 3704 0044 0532 0130 00, ref 7f3a-2291. ";

fn main() {
    let policies = policies();
    let scanner = Scanner::new().unwrap();
    println!("{:<44}{:>12}", "microseconds on one core", "median");
    measure("recognise the operation and model", || Route::recognise(&http::Method::POST, TARGET).unwrap());
    let (metrics, cloudwatch, event) = (Metrics::new().unwrap(), cloudwatch(), finished());
    measure("count a finished exchange", || metrics.record(&event));
    measure("add a finished exchange to CloudWatch's sums", || cloudwatch.record(&event));
    for size in [1_000, 100_000, 1_000_000] {
        let body = body(size);
        let label = |what: &str| format!("{what}, {} KB", size / 1000);
        measure(&label("hash the body"), || digest::digest(&digest::SHA256, &body));
        measure(&label("verify a signature, body hashed"), || verify(&body));
        measure(&label("read strict JSON"), || Document::parse(&body).unwrap().root().members().len());
        let document = Document::parse(&body).unwrap();
        let format = Format::of(Operation::Converse, Some(&ModelReference::parse(MODEL).unwrap())).unwrap();
        measure(&label("decode to the view"), || format.decode(&document).unwrap().texts.len());
        let view = format.decode(&document).unwrap();
        measure(&label("scan the texts, all detectors"), || scan(&scanner, &policies, &view));
        if size == 1_000 {
            measure("repair and verify by policy", || judge(&policies, &view));
        }
    }
    for teams in [10, 100, 1_000] {
        let policies = policies_of(teams);
        let body = body(1_000);
        let document = Document::parse(&body).unwrap();
        let format = Format::of(Operation::Converse, Some(&ModelReference::parse(MODEL).unwrap())).unwrap();
        let view = format.decode(&document).unwrap();
        measure(&format!("repair and verify by policy, {teams} teams"), || judge(&policies, &view));
    }
    measure_spans();
    measure_scans(&scanner);
    measure_streams(&scanner);
    measure_frames();
    measure_tokens(&scanner);
}

/// What placeholders add to a request that was scanned, and giving the values back to each delta of its answer.
fn measure_tokens(scanner: &Scanner) {
    let text = DENSE.repeat(20);
    let all = DetectorSet::all();
    let matches = scanner.scan(all, &text, None);
    let tokenised = || {
        let mut tokens = Placeholders::default();
        tokens.avoid(&text);
        let clean = tokens.clean(&text, &matches, DetectorSet::EMPTY, all).unwrap();
        (tokens, clean)
    };
    measure(&format!("tokenise {} values", matches.len()), tokenised);
    let (tokens, sent) = tokenised();
    for (what, text) in [("prose", PROSE.repeat(20)), ("placeholders", sent)] {
        let letters: Vec<char> = text.chars().collect();
        let deltas: Vec<String> = letters.chunks(4).map(|delta| delta.iter().collect()).collect();
        let mut out = String::new();
        measure(&format!("restore {} deltas of {what}", deltas.len()), || {
            let mut restorer = Restorer::default();
            out.clear();
            for delta in &deltas {
                restorer.push(&tokens, Spelling::Plain, delta, &mut out);
            }
            restorer.finish(&mut out);
        });
    }
}

/// How fast whole texts are looked through for everything there is a detector for.
fn measure_scans(scanner: &Scanner) {
    for (what, text) in [("prose", PROSE.repeat(1_000)), ("dense text", DENSE.repeat(400))] {
        let all = DetectorSet::all();
        let took =
            measure(&format!("scan {} KB of {what}", text.len() / 1_000), || scanner.scan(all, &text, None));
        #[expect(clippy::cast_precision_loss, reason = "a text of this bench is far from 2^52 bytes")]
        let speed = text.len() as f64 / took;
        println!("  {speed:.1} MB/s");
    }
}

/// What a frame of an answer costs: read and understood, and written anew with another text.
fn measure_frames() {
    let format = Format::of(Operation::ConverseStream, Some(&ModelReference::parse(MODEL).unwrap())).unwrap();
    let payload = br#"{"contentBlockIndex":0,"delta":{"text":" mail it to"},"p":"abcdefghijkl"}"#;
    let frame = encode_event("contentBlockDelta", payload).unwrap();
    let framing = Framing::of(Operation::ConverseStream.body());
    let read = || {
        let mut carrier = Carrier::new(framing);
        carrier.push(&frame);
        let event = carrier.next().unwrap().unwrap();
        let observed = format.stream().observe(&event).unwrap();
        (event, observed)
    };
    measure("read a frame of a stream", read);
    let (event, observed) = read();
    let place = observed.pieces.first().and_then(|piece| piece.place).unwrap();
    measure("write it anew with another text", || {
        let mut edits = Edits::default();
        edits.replace_with_string(place, " {EMAIL} to");
        let payload = rewritten(event.payload(), None, edits, 7).unwrap();
        event.with_payload(payload).unwrap()
    });
}

/// What redaction adds to each delta of a streamed answer, how long its automaton takes to be built, and how much text
/// it holds back.
fn measure_streams(scanner: &Scanner) {
    let all = DetectorSet::all();
    let plan = Plan::new(DetectorSet::EMPTY, all, DetectorSet::EMPTY);
    let started = clock::instant();
    black_box(Redactor::new(scanner, &plan, None));
    let built = started.elapsed().as_secs_f64() * 1e6;
    println!("{:<44}{built:>12.2}", "build the automaton of all detectors, once");
    for (what, text) in [("prose", PROSE.repeat(20)), ("dense text", DENSE.repeat(20))] {
        let letters: Vec<char> = text.chars().collect();
        let deltas: Vec<String> = letters.chunks(4).map(|delta| delta.iter().collect()).collect();
        let mut out = String::new();
        let mut run = |held: &mut Vec<usize>| {
            let mut redactor = Redactor::new(scanner, &plan, None);
            out.clear();
            for delta in &deltas {
                assert_eq!(redactor.push(delta, &mut out), Progress::Going);
                held.push(redactor.held());
            }
            assert_eq!(redactor.finish(&mut out), Progress::Going);
        };
        let mut held = Vec::new();
        run(&mut held);
        let first =
            held.iter().zip(1..).find(|(held, sent)| **held < 4 * sent).map_or(0, |(_, sent)| 4 * sent);
        println!("first text passed on after {first} bytes of {what}");
        let mut again = Vec::with_capacity(deltas.len());
        let label = format!("redact {} deltas of {what}", deltas.len());
        measure(&label, || {
            again.clear();
            run(&mut again);
        });
        held.sort_unstable();
        let at = |share: usize| held.get((held.len() - 1) * share / 100).unwrap();
        let mean = held.iter().sum::<usize>() / held.len();
        println!("  held after a delta, bytes: mean {mean}, p50 {}, p99 {}, max {}", at(50), at(99), at(100));
    }
}

/// The spans of one exchange from open to end, without what sends them.
fn measure_spans() {
    let event = finished();
    let from = HeaderMap::from_iter([(
        HeaderName::from_static("traceparent"),
        HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    )]);
    for (what, sampler) in [
        ("spans, tracing off", None),
        ("spans, not sampled", Some(Sampler::AlwaysOff)),
        ("spans, sampled", Some(Sampler::AlwaysOn)),
    ] {
        let traces = sampler.map_or_else(Traces::default, |sampler| {
            let provider =
                SdkTracerProvider::builder().with_sampler(sampler).with_span_processor(Nobody).build();
            Traces::new(provider, Servers::of(&upstream()), Arc::default())
        });
        measure(what, || {
            let mut headers = HeaderMap::new();
            let mut trace = Trace::open(&traces, &http::Method::POST, true, &from);
            trace.send(&traces, Duration::from_micros(200), &mut headers);
            trace.finish(&traces, &event);
            headers.len()
        });
    }
}

/// Prints the median of several rounds, and returns it: microseconds.
fn measure<T>(what: &str, mut work: impl FnMut() -> T) -> f64 {
    let mut rounds: Vec<f64> = (0..15)
        .map(|_| {
            let (started, mut times) = (clock::instant(), 0_u32);
            while started.elapsed() < Duration::from_millis(40) {
                black_box(work());
                times += 1;
            }
            started.elapsed().as_secs_f64() * 1e6 / f64::from(times)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    let median = *rounds.get(rounds.len() / 2).unwrap();
    println!("{what:<44}{median:>12.2}");
    median
}

fn cloudwatch() -> CloudWatch {
    let settings = CloudWatchSettings {
        namespace: "BedrockWarden".to_owned(),
        deployment: "bench".to_owned(),
        interval: Duration::from_mins(1),
        series: 500,
        way: CloudWatchWay::PutMetricData { endpoint: None },
    };
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "bench");
    CloudWatch::new(&settings, "us-east-1", SharedCredentialsProvider::new(credentials), Vec::new()).unwrap()
}

/// A stream that was served.
fn finished() -> Finished {
    Finished {
        request_id: uuid::Uuid::nil(),
        caller: Some(Caller { team: "payments".to_owned(), app: "checkout".to_owned() }),
        operation: Some(Operation::ConverseStream),
        model: Some(ModelReference::parse(MODEL).unwrap()),
        format: Format::of(Operation::ConverseStream, Some(&ModelReference::parse(MODEL).unwrap())).ok(),
        decision: Decision::Modify,
        end: EndState::Complete,
        status: Some(http::StatusCode::OK),
        error: None,
        upstream: Some(Upstream { status: Some(http::StatusCode::OK), request_id: None }),
        violated: Vec::new(),
        shadow: vec!["pii-in-prompts".to_owned()],
        exceptions: Vec::new(),
        edited: vec!["token-budget".to_owned()],
        findings: Vec::new(),
        guardrail: None,
        parameters: Parameters::default(),
        stop_reason: None,
        tokens: Tokens { input: Some(812), output: Some(97), cache_read: Some(400), cache_write: None },
        cost_micros: None,
        timings: Timings {
            total: Duration::from_micros(812_345),
            upstream: Some(Duration::from_micros(811_111)),
            first_byte: Some(Duration::from_millis(203)),
            held: None,
        },
        policy_digest: String::new(),
    }
}

/// A Converse body of about `size` bytes of prose.
fn body(size: usize) -> Vec<u8> {
    let text = PROSE.repeat(size / PROSE.len());
    let value = serde_json::json!({
        "messages": [{ "role": "user", "content": [{ "text": text }] }],
        "inferenceConfig": { "maxTokens": 500, "temperature": 0.2 },
    });
    value.to_string().into_bytes()
}

fn policies() -> PolicySet {
    policies_of(2)
}

/// The policies that ship, with copies of one team up to `teams` of them.
fn policies_of(teams: usize) -> PolicySet {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/");
    let read = |path: &str| std::fs::read_to_string(format!("{folder}{path}")).unwrap();
    let mut sources: Vec<Source> = ["org.yaml", "teams/payments.yaml", "teams/research.yaml"]
        .map(|path| Source::new(path, read(path)))
        .to_vec();
    let team = read("teams/research.yaml");
    sources.extend((2..teams).map(|number| {
        let scope = format!("scope: team/t{number}");
        Source::new(format!("teams/t{number}.yaml"), team.replace("scope: team/research", &scope))
    }));
    policy::compile(&sources, bedrock_warden::clock::now(), &mut Diagnostics::default()).unwrap()
}

fn principal() -> Principal {
    Principal {
        team: "payments".to_owned(),
        app: "checkout".to_owned(),
        credential: CredentialKind::SigV4,
        credential_id: "AKIAEXAMPLE".to_owned(),
    }
}

/// What a verification does once the head was read: key derivation, canonical request, signature.
fn verify(body: &[u8]) -> Signature {
    let scope =
        Scope { date: "20261124".to_owned(), region: "us-east-1".to_owned(), service: "bedrock".to_owned() };
    let hash = hex::encode(digest::digest(&digest::SHA256, body));
    let canonical =
        format!("POST\n{TARGET}\n\nhost:localhost\nx-amz-date:20261124T120000Z\n\nhost;x-amz-date\n{hash}");
    let string = sigv4::string_to_sign("20261124T120000Z", &scope, canonical.as_bytes());
    sigv4::signature("secret", &scope, &string)
}

fn scan(scanner: &Scanner, policies: &PolicySet, view: &View<'_>) -> usize {
    let detectors = policies.detectors(&principal(), Direction::Prompt);
    view.texts.iter().map(|text| scanner.scan(detectors, &text.text, text.key).len()).sum()
}

fn judge(policies: &PolicySet, view: &View<'_>) -> usize {
    let principal = principal();
    let model = ModelReference::parse(MODEL).unwrap();
    let context = Context {
        environment: "prod".to_owned(),
        region: "us-east-1".to_owned(),
        source: Ipv4Addr::LOCALHOST.into(),
        now: jiff::Timestamp::UNIX_EPOCH,
        break_glass: None,
    };
    let facts = Facts::of(view, Operation::Converse, None, Findings::default());
    let inquiry = Inquiry {
        principal: &principal,
        operation: Operation::Converse,
        model: Some(&model),
        context: &context,
        facts: &facts,
    };
    policies.repair(&inquiry).len() + policies.decide(&inquiry).0.granted_by.len()
}

/// Takes spans and forgets them.
#[derive(Debug)]
struct Nobody;

impl SpanProcessor for Nobody {
    fn on_start(&self, _span: &mut Span, _context: &opentelemetry::Context) {}

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn upstream() -> config::Upstream {
    let text = "listen: { address: 127.0.0.1:0, tls: { certificate: c, key: k } }\nupstream: { region: us-east-1 }\n\
                policies: p\ncallers: c\naudit: { journal: j }\n";
    Config::parse(&Source::new("warden.yaml", text), Path::new(""), &[]).unwrap().upstream
}
