//! From what a request head claims to a proved principal.
//!
//! A claim is made before the body is read: everything that can be refused without it has been checked. Only
//! [`Claim::prove`], which wants the body's hash, turns it into a [`Principal`]. Never shows keys or signatures.

use std::fmt;

use http::{HeaderMap, Method};

use super::session::SignedSession;
use super::sigv4::{EVENTS_PAYLOAD, EventChain, Scope, Signature, SigningKey, string_to_sign};
use super::{AuthenticationError, Principal, signed};

/// A request before its body.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    pub method: &'a Method,
    /// Path and query as on the wire.
    pub target: &'a str,
    pub headers: &'a HeaderMap,
    /// `:authority` of an HTTP/2 request.
    pub authority: Option<&'a str>,
    pub http2: bool,
    /// Whether the connection is encrypted. Bearer keys are refused where it is not.
    pub encrypted: bool,
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: target and headers carry credentials, a bearer key as it is.
        formatter.debug_struct("RequestHead").field("method", self.method).finish_non_exhaustive()
    }
}

/// Who the caller says it is.
pub struct Claim {
    principal: Principal,
    proof: Proof,
    /// Whether the key may be used now. Told only to who proves to hold it.
    current: bool,
}

/// What is still to be shown.
pub(super) enum Proof {
    /// Nothing: the key itself was presented.
    Presented,
    Signed(Box<Signed>),
}

/// A signature that waits for the body's hash.
pub(super) struct Signed {
    pub request: UnhashedRequest,
    pub scope: Scope,
    pub key: SigningKey,
    pub signature: Signature,
}

/// All of a canonical request but the body's hash, and the date it was signed at. SECRET: headers that were signed may
/// be a session token.
pub(super) struct UnhashedRequest {
    pub canonical: Vec<u8>,
    pub amz_date: String,
    /// `x-amz-content-sha256`.
    pub stated: StatedPayload,
}

/// What a request's head says of the body that follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StatedPayload {
    Unsaid,
    /// In hexadecimal.
    Hash(String),
    /// Frames that are signed one by one.
    Events,
}

impl Claim {
    pub(super) const fn new(principal: Principal, proof: Proof, current: bool) -> Self {
        Self { principal, proof, current }
    }

    /// Public id of the key, which is not proved yet.
    pub fn credential_id(&self) -> &str {
        &self.principal.credential_id
    }

    /// The caller, when the body is the one that was signed.
    pub fn prove(self, body_sha256: &[u8; 32]) -> Result<Principal, AuthenticationError> {
        match self.proof {
            Proof::Presented => {}
            Proof::Signed(signed) => signed.verify(&hex::encode(body_sha256))?,
        }
        if self.current { Ok(self.principal) } else { Err(AuthenticationError::ExpiredKey) }
    }

    /// The caller of a request whose body is a stream of signed frames, and what tells whether a frame is the caller's.
    /// Proven by the head alone, in either form that SDKs sign it.
    pub fn prove_session(self) -> Result<(Principal, SignedSession), AuthenticationError> {
        let chain = match self.proof {
            // FAIL-CLOSED: nothing would prove the frames. Bedrock does not take its own bearer keys here either.
            Proof::Presented => return Err(AuthenticationError::BearerSession),
            Proof::Signed(signed) => signed.verify_session()?,
        };
        if !self.current {
            return Err(AuthenticationError::ExpiredKey);
        }
        let session = SignedSession::new(&self.principal.credential_id, chain);
        Ok((self.principal, session))
    }
}

impl Signed {
    fn verify(self, body_sha256: &str) -> Result<(), AuthenticationError> {
        match &self.request.stated {
            StatedPayload::Unsaid => {}
            StatedPayload::Hash(stated) if stated == body_sha256 => {}
            StatedPayload::Hash(_) => return Err(AuthenticationError::PayloadHash),
            StatedPayload::Events => return Err(AuthenticationError::PayloadMarker),
        }
        self.verify_over(body_sha256)
    }

    fn verify_session(self) -> Result<EventChain, AuthenticationError> {
        let chain = EventChain::new(self.signature, &self.scope.region, signed::SERVICE);
        let payload = match &self.request.stated {
            StatedPayload::Events => EVENTS_PAYLOAD,
            StatedPayload::Unsaid => EMPTY_SHA256,
            StatedPayload::Hash(_) => return Err(AuthenticationError::SessionPayload),
        };
        self.verify_over(payload)?;
        Ok(chain)
    }

    /// `payload` is what stands for the body.
    fn verify_over(self, payload: &str) -> Result<(), AuthenticationError> {
        let UnhashedRequest { mut canonical, amz_date, stated: _ } = self.request;
        canonical.extend(payload.as_bytes());
        let expected = self.key.sign(&string_to_sign(&amz_date, &self.scope, &canonical));
        if expected == self.signature { Ok(()) } else { Err(AuthenticationError::Signature) }
    }
}

/// SHA-256 of nothing.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl fmt::Debug for Claim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: the proof holds a signing key and the signature it should make.
        formatter.debug_struct("Claim").field("principal", &self.principal).finish_non_exhaustive()
    }
}
