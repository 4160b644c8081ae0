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
use std::time::Duration;

use aws_lc_rs::digest;
use bedrock_warden::bedrock::format::Format;
use bedrock_warden::bedrock::json::Document;
use bedrock_warden::bedrock::model::ModelReference;
use bedrock_warden::bedrock::operation::{Operation, Route};
use bedrock_warden::bedrock::view::View;
use bedrock_warden::clock;
use bedrock_warden::identity::sigv4::{self, Scope, Signature};
use bedrock_warden::identity::{CredentialKind, Principal};
use bedrock_warden::policy::{self, Context, Direction, Facts, Inquiry, PolicySet};
use bedrock_warden::sensitive::{Findings, Scanner};
use bedrock_warden::yaml::{Diagnostics, Source};

const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const TARGET: &str = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse";
const PROSE: &str = "The harbour lay quiet in the early light, and the boats had not yet gone out. ";

fn main() {
    let policies = policies();
    let scanner = Scanner::new().unwrap();
    println!("{:<44}{:>12}", "microseconds on one core", "median");
    measure("recognise the operation and model", || Route::recognise(&http::Method::POST, TARGET).unwrap());
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
}

fn measure<T>(what: &str, mut work: impl FnMut() -> T) {
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
    println!("{what:<44}{:>12.2}", rounds.get(rounds.len() / 2).unwrap());
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
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/");
    let read = |path: &str| Source::new(path, std::fs::read_to_string(format!("{folder}{path}")).unwrap());
    let sources = ["org.yaml", "teams/payments.yaml", "teams/research.yaml"].map(read);
    policy::compile(&sources, &mut Diagnostics::default()).unwrap()
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
