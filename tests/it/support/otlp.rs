//! A receiver of OTLP over HTTP: keeps what it is sent, or behaves as receivers do on a bad day.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::eventually;

pub const SERVER: i32 = 2;
pub const CLIENT: i32 = 3;
/// `status.code` of an error.
pub const ERROR: i32 = 2;

/// What the receiver does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Takes,
    Refuses,
    /// Reads requests and never answers.
    Stalls,
}

/// A receiver that listens as long as the test runs.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    mood: AtomicU8,
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    requests: usize,
    headers: Vec<BTreeMap<String, String>>,
    /// Every body, as it was before compression.
    bytes: Vec<u8>,
    resources: Vec<BTreeMap<String, String>>,
    spans: Vec<Span>,
    metrics: Vec<Metric>,
}

impl Receiver {
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared =
            Arc::new(Shared { mood: AtomicU8::new(mood as u8), received: Mutex::new(Received::default()) });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn feel(&self, mood: Mood) {
        self.shared.mood.store(mood as u8, Ordering::SeqCst);
    }

    /// Requests so far, whatever became of them.
    pub fn requests(&self) -> usize {
        self.shared.received.lock().unwrap().requests
    }

    pub fn headers(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.received.lock().unwrap().headers.clone()
    }

    pub fn resources(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.received.lock().unwrap().resources.clone()
    }

    pub fn spans(&self) -> Vec<Span> {
        self.shared.received.lock().unwrap().spans.clone()
    }

    /// The spans of one record, once there are `count`: the exchange's first.
    pub fn spans_of(&self, decision: &str, count: usize) -> Vec<Span> {
        let mut found = Vec::new();
        eventually("the spans of the request", || {
            let spans = self.spans();
            let exchange = spans.iter().find(|span| {
                told(&span.attributes).get("warden.audit.id").map(String::as_str) == Some(decision)
            });
            found = exchange.map_or_else(Vec::new, |exchange| {
                let mut found = vec![exchange.clone()];
                found.extend(spans.iter().filter(|span| span.parent_span_id == exchange.span_id).cloned());
                found
            });
            found.len() == count
        });
        found
    }

    /// A metric by its name, once it is there.
    pub fn metric(&self, name: &str) -> Metric {
        let mut found = None;
        eventually(name, || {
            let received = self.shared.received.lock().unwrap();
            found = received.metrics.iter().rev().find(|metric| metric.name == name).cloned();
            found.is_some()
        });
        found.unwrap()
    }

    /// Whether any body held `text`.
    pub fn was_told(&self, text: &str) -> bool {
        let received = self.shared.received.lock().unwrap();
        received.bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

impl Shared {
    /// Answers requests on one connection until it is closed.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((path, headers, body)) = read(&mut reader) {
            self.received.lock().unwrap().requests += 1;
            let answer: &[u8] = match self.mood.load(Ordering::SeqCst) {
                mood if mood == Mood::Takes as u8 => {
                    self.keep(&path, headers, &body);
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                }
                mood if mood == Mood::Refuses as u8 => {
                    b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
                }
                _ => {
                    // Until the other side gives up.
                    let mut rest = Vec::new();
                    let _closed = reader.read_to_end(&mut rest);
                    return;
                }
            };
            if reader.get_mut().write_all(answer).is_err() {
                return;
            }
        }
    }

    fn keep(&self, path: &str, headers: BTreeMap<String, String>, body: &[u8]) {
        let mut plain = Vec::new();
        if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
            GzDecoder::new(body).read_to_end(&mut plain).unwrap();
        } else {
            plain.extend_from_slice(body);
        }
        let mut received = self.received.lock().unwrap();
        received.bytes.extend_from_slice(&plain);
        received.headers.push(headers);
        match path {
            "/v1/traces" => {
                for group in ExportTraceServiceRequest::decode(plain.as_slice()).unwrap().resource_spans {
                    received.resources.extend(group.resource.map(|resource| told(&resource.attributes)));
                    received.spans.extend(group.scope_spans.into_iter().flat_map(|scope| scope.spans));
                }
            }
            "/v1/metrics" => {
                for group in ExportMetricsServiceRequest::decode(plain.as_slice()).unwrap().resource_metrics {
                    received.resources.extend(group.resource.map(|resource| told(&resource.attributes)));
                    received.metrics.extend(group.scope_metrics.into_iter().flat_map(|scope| scope.metrics));
                }
            }
            other => panic!("a request to {other}"),
        }
    }
}

/// Attributes as text.
pub fn told(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    attributes
        .iter()
        .map(|pair| (pair.key.clone(), pair.value.as_ref().map_or_else(String::new, text)))
        .collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        Some(Value::DoubleValue(value)) => value.to_string(),
        Some(Value::ArrayValue(array)) => array.values.iter().map(text).collect::<Vec<_>>().join(","),
        other => panic!("a value that we never send: {other:?}"),
    }
}

/// Reads one request: path, headers in lower case, body.
fn read(reader: &mut BufReader<TcpStream>) -> Option<(String, BTreeMap<String, String>, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((path, headers, body))
}
