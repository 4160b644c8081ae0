//! The request log: what reached the double, one JSON line each, written before the answer.
//!
//! Receives request heads and digests and returns once the line is in the file. Tests compare it with the sidecar's own
//! record to prove that nothing went out unrecorded. Never holds credentials; holds bodies only when told to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use http::header::USER_AGENT;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::verify::claimed_access_key_id;

/// Headers that authenticate.
const CREDENTIALS: &[&str] = &["authorization", "cookie", "x-amz-security-token"];

/// An open log.
#[derive(Debug)]
pub struct RequestLog {
    file: Mutex<File>,
    bodies: bool,
}

/// One request as it arrived.
#[derive(Debug)]
pub struct Arrival<'a> {
    pub time: Timestamp,
    pub head: &'a Parts,
    pub target: &'a str,
    pub body: &'a [u8],
    pub body_sha256: &'a str,
    /// What is wrong with the signature, if something is.
    pub signature_error: Option<&'a str>,
}

impl RequestLog {
    /// Appends to `path`. `bodies` says whether lines hold request bodies.
    pub fn open(path: &Path, bodies: bool) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Mutex::new(file), bodies })
    }

    pub fn write(&self, arrival: &Arrival<'_>) -> io::Result<()> {
        let mut line = arrival.line(self.bodies).to_string().into_bytes();
        line.push(b'\n');
        // The lock protects the order of whole lines; a panic elsewhere cannot leave half of one.
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

impl Arrival<'_> {
    fn line(&self, bodies: bool) -> Value {
        let headers = &self.head.headers;
        let header = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let shown = headers.iter().filter(|(name, _)| !CREDENTIALS.contains(&name.as_str()));
        let shown: Map<String, Value> = shown
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect();
        let mut line = json!({
            "time": self.time.to_string(),
            "http": format!("{:?}", self.head.version),
            "method": self.head.method.as_str(),
            "path": self.target,
            "access_key_id": claimed_access_key_id(headers),
            "signature_ok": self.signature_error.is_none(),
            "signature_error": self.signature_error,
            "amz-sdk-invocation-id": header("amz-sdk-invocation-id"),
            "user-agent": header(USER_AGENT.as_str()),
            "guardrail_identifier": header("x-amzn-bedrock-guardrailidentifier"),
            "guardrail_version": header("x-amzn-bedrock-guardrailversion"),
            "body_bytes": self.body.len(),
            "body_sha256": self.body_sha256,
            "headers": shown,
        });
        if bodies && let Some(members) = line.as_object_mut() {
            members.insert("body".to_owned(), String::from_utf8_lossy(self.body).into());
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_what_arrived_but_no_credential_and_no_body_unless_told() {
        let request = http::Request::post("/model/m/converse")
            .header("authorization", "AWS4-HMAC-SHA256 SECRET")
            .header("x-amz-security-token", "TOKEN")
            .header("amz-sdk-invocation-id", "id-1");
        let (head, ()) = request.body(()).unwrap().into_parts();
        let folder = tempfile::tempdir().unwrap();
        for bodies in [false, true] {
            let path = folder.path().join(format!("{bodies}.jsonl"));
            let log = RequestLog::open(&path, bodies).unwrap();
            let arrival = Arrival {
                time: Timestamp::UNIX_EPOCH,
                head: &head,
                target: "/model/m/converse",
                body: b"{}",
                body_sha256: "44136fa3",
                signature_error: Some("wrong"),
            };
            log.write(&arrival).unwrap();
            log.write(&arrival).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("SECRET") && !text.contains("TOKEN"), "{text}");
            assert_eq!(text.lines().count(), 2);
            let line: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
            assert_eq!(line["amz-sdk-invocation-id"], "id-1");
            assert_eq!((&line["signature_ok"], &line["body_bytes"]), (&json!(false), &json!(2)));
            assert_eq!(line["body"].as_str(), bodies.then_some("{}"));
        }
    }
}
