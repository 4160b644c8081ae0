//! Signatures of event streams: each covers one frame and the signature before it.
//!
//! Receives the signature of a request's head and then frame by frame what is signed, and returns the signature that each
//! frame must have. A frame that is changed, left out, added or moved therefore breaks the chain. Rules as captured from
//! the JavaScript and Rust SDKs: the scope's day is the frame's own, so a session may outlast a day.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;

use super::{Scope, Signature, SigningKey};

/// What stands for the body in the head's signature, and in `x-amz-content-sha256`, when frames are signed one by one.
/// JavaScript writes it; Rust signs the hash of an empty body and sends no such header.
pub const EVENTS_PAYLOAD: &str = "STREAMING-AWS4-HMAC-SHA256-EVENTS";

const ALGORITHM: &str = "AWS4-HMAC-SHA256-PAYLOAD";

/// The signatures of one stream, in one direction.
#[derive(Debug, Clone)]
pub struct EventChain {
    region: String,
    service: &'static str,
    prior: Signature,
}

impl EventChain {
    /// A chain that begins with the signature of the request's head.
    pub fn new(seed: Signature, region: &str, service: &'static str) -> Self {
        Self { region: region.to_owned(), service, prior: seed }
    }

    /// What the key of a frame is for that was signed at `millis` since 1970. `None` for no time at all.
    pub fn scope(&self, millis: i64) -> Option<Scope> {
        let date = Timestamp::from_millisecond(millis).ok()?.strftime("%Y%m%d").to_string();
        Some(Scope { date, region: self.region.clone(), service: self.service.to_owned() })
    }

    /// The signature that the next frame must have. `date_header` are the bytes of its `:date` header. `None` for no
    /// time at all.
    pub fn next(
        &self,
        key: &SigningKey,
        millis: i64,
        date_header: &[u8],
        payload: &[u8],
    ) -> Option<Signature> {
        let date = Timestamp::from_millisecond(millis).ok()?.strftime("%Y%m%dT%H%M%SZ");
        let scope = self.scope(millis)?;
        let hash = |bytes: &[u8]| hex::encode(digest(&SHA256, bytes));
        let (prior, headers, payload) = (self.prior.to_hex(), hash(date_header), hash(payload));
        Some(key.sign(&format!("{ALGORITHM}\n{date}\n{scope}\n{prior}\n{headers}\n{payload}")))
    }

    /// Goes on from a frame that has `signature`.
    pub const fn advance(&mut self, signature: Signature) {
        self.prior = signature;
    }
}
