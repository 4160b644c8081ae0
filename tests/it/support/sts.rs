//! AWS STS as far as `AssumeRole` goes: the query protocol in, XML out, and what was asked.
//!
//! The nth session that it gives is one of those whose signatures the simulator accepts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::PATIENCE;
use super::hostile_upstream::{HostileUpstream, Received};
use super::simulator::{SESSIONS, Session};

/// An STS that answers until the test ends.
pub struct Sts {
    listener: HostileUpstream,
    will: Arc<Will>,
}

/// What it does with requests.
#[derive(Default)]
struct Will {
    refuses: AtomicBool,
    given: AtomicUsize,
    held: Mutex<bool>,
    released: Condvar,
}

impl Sts {
    pub fn start() -> Self {
        let will = Arc::<Will>::default();
        let its = Arc::clone(&will);
        Self { listener: HostileUpstream::start(move |received| its.answer(received)), will }
    }

    pub fn endpoint(&self) -> String {
        self.listener.endpoint()
    }

    /// Answers `AccessDenied` from now on, or gives sessions again.
    pub fn refuse(&self, refuses: bool) {
        self.will.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Keeps those who ask waiting, or lets them go.
    pub fn hold(&self, held: bool) {
        *self.will.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
        self.will.released.notify_all();
    }

    /// The parameters of every request so far.
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.listener.received().iter().map(|received| parameters(&received.body)).collect()
    }

    /// Every request so far, as it came.
    pub fn received(&self) -> Vec<Received> {
        self.listener.received()
    }
}

impl Will {
    fn answer(&self, received: &Received) -> Vec<u8> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.released.wait_timeout_while(held, PATIENCE, |held| *held));
        if self.refuses.load(Ordering::SeqCst) {
            return answer("403 Forbidden", DENIED);
        }
        let nth = self.given.fetch_add(1, Ordering::SeqCst);
        assert!(nth < SESSIONS, "the simulator knows no more sessions");
        let asked = parameters(&received.body);
        answer("200 OK", &given(&Session::nth(nth), &asked["RoleSessionName"]))
    }
}

const DENIED: &str = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
    <Code>AccessDenied</Code><Message>User: arn:aws:iam::111122223333:user/warden is not authorized to perform: \
    sts:TagSession on resource: arn:aws:iam::111122223333:role/bedrock</Message></Error>\
    <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ErrorResponse>";

fn given(session: &Session, name: &str) -> String {
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>\
         <AssumedRoleId>AROAEXAMPLE:{name}</AssumedRoleId>\
         <Arn>arn:aws:sts::111122223333:assumed-role/bedrock/{name}</Arn></AssumedRoleUser><Credentials>\
         <AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken>\
         <Expiration>{}</Expiration></Credentials><SourceIdentity>{name}</SourceIdentity></AssumeRoleResult>\
         <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>\
         </AssumeRoleResponse>",
        session.access_key_id,
        session.secret,
        session.token,
        end.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Reads a form.
fn parameters(body: &[u8]) -> BTreeMap<String, String> {
    let text = std::str::from_utf8(body).unwrap();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (decoded(key), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).unwrap()
}
