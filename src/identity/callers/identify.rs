//! Whose credential a request carries.
//!
//! Receives request heads and returns claims. A bearer key is checked here and now; a signature waits in the claim
//! for the body's hash. Never logs, and never says more to an unknown caller than that it is unknown.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;

use super::{Caller, Key, KeyKind, KeyState, Register};
use crate::identity::claim::{Proof, Signed};
use crate::identity::keys::{BearerHash, BearerKey, MasterKey, derive_secret};
use crate::identity::signing_keys::SigningKeys;
use crate::identity::sigv4::{ALGORITHM, Authorization, Scope, SigningKey};
use crate::identity::{AuthenticationError, Claim, Principal, RequestHead, signed};
use crate::yaml::{Diagnostics, Source};

/// Everyone who may call.
pub struct Callers {
    master: MasterKey,
    keys: HashMap<String, Holder>,
    signing_keys: SigningKeys,
    /// Compared with what unknown bearer keys hash to, so that they take as long as known ones.
    nobody: BearerHash,
}

/// A key and whose it is.
struct Holder {
    team: String,
    app: String,
    key: Key,
}

impl Callers {
    /// Reads `callers.yaml`. `None` when it has any mistake; `diagnostics` then says which.
    pub fn parse(source: &Source, master: &MasterKey, diagnostics: &mut Diagnostics) -> Option<Self> {
        Register::parse(source, master, diagnostics).map(|register| Self::new(&register, master))
    }

    pub fn new(register: &Register, master: &MasterKey) -> Self {
        let holder = |(caller, key): (&Caller, &Key)| {
            let holder = Holder { team: caller.team.clone(), app: caller.app.clone(), key: key.clone() };
            (key.id.clone(), holder)
        };
        Self {
            master: master.clone(),
            keys: register.keys().map(holder).collect(),
            signing_keys: SigningKeys::default(),
            nobody: BearerHash::of_nothing(master),
        }
    }

    /// Team and app of everyone who holds a key, once for every key.
    pub fn apps(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.values().map(|holder| (holder.team.as_str(), holder.app.as_str()))
    }

    /// What the head claims, checked as far as that is possible without the body. `region` is the only one that
    /// signatures may be scoped to.
    pub fn identify(
        &self,
        head: &RequestHead<'_>,
        region: &str,
        now: Timestamp,
    ) -> Result<Claim, AuthenticationError> {
        let presigned = signed::is_presigned(head.target);
        let mut values = head.headers.get_all(http::header::AUTHORIZATION).iter();
        let value = match (values.next(), values.next()) {
            (None, _) if presigned => return Err(AuthenticationError::Presigned),
            (None, _) => return Err(AuthenticationError::Missing),
            (Some(_), Some(_)) => return Err(AuthenticationError::Several),
            (Some(value), None) => value.to_str().map_err(|_| AuthenticationError::Scheme)?,
        };
        // FAIL-CLOSED: of two credentials, neither counts.
        if presigned {
            return Err(AuthenticationError::Several);
        }
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            self.identify_bearer(head, rest, now)
        } else if scheme == ALGORITHM {
            self.identify_signer(head, &Authorization::parse(value)?, region, now)
        } else {
            Err(AuthenticationError::Scheme)
        }
    }

    fn identify_bearer(
        &self,
        head: &RequestHead<'_>,
        presented: &str,
        now: Timestamp,
    ) -> Result<Claim, AuthenticationError> {
        // FAIL-CLOSED: whoever listens to a connection without TLS could use the key from then on.
        if !head.encrypted {
            return Err(AuthenticationError::BearerInClear);
        }
        let presented = BearerKey::parse(presented).ok_or(AuthenticationError::Unrecognised)?;
        let hash = presented.hash(&self.master);
        let holder = self.keys.get(presented.id());
        let known = holder.map_or(&self.nobody, |holder| match &holder.key.kind {
            KeyKind::Bearer { hash } => hash,
            KeyKind::Pair => &self.nobody,
        });
        let proved = hash == *known;
        let holder = holder.filter(|_| proved).ok_or(AuthenticationError::Unrecognised)?;
        holder.claim(Proof::Presented, now)
    }

    fn identify_signer(
        &self,
        head: &RequestHead<'_>,
        authorization: &Authorization,
        region: &str,
        now: Timestamp,
    ) -> Result<Claim, AuthenticationError> {
        let request = signed::check(head, authorization, region, now)?;
        let holder =
            self.keys.get(&authorization.access_key_id).filter(|holder| holder.key.kind == KeyKind::Pair);
        let holder = holder.ok_or(AuthenticationError::Unrecognised)?;
        let scope = authorization.scope.clone();
        let key = self.signing_key(holder, &scope);
        let signed = Signed { request, scope, key, signature: authorization.signature };
        holder.claim(Proof::Signed(Box::new(signed)), now)
    }

    /// The key that a frame of a session must be signed with. FAIL-CLOSED: a session does not outlive its key pair.
    pub(in crate::identity) fn session_key(
        &self,
        credential_id: &str,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<SigningKey, AuthenticationError> {
        let holder = self.keys.get(credential_id).filter(|holder| holder.key.kind == KeyKind::Pair);
        let holder = holder.ok_or(AuthenticationError::Unrecognised)?;
        match holder.key.state(now) {
            KeyState::Active | KeyState::Replaced => Ok(self.signing_key(holder, scope)),
            KeyState::NotYetValid | KeyState::Expired => Err(AuthenticationError::ExpiredKey),
            KeyState::Revoked => Err(AuthenticationError::Unrecognised),
        }
    }

    fn signing_key(&self, holder: &Holder, scope: &Scope) -> SigningKey {
        self.signing_keys.of(&holder.key.id, scope, || {
            SigningKey::derive(derive_secret(&self.master, &holder.key.id).expose(), scope)
        })
    }
}

impl Holder {
    fn claim(&self, proof: Proof, now: Timestamp) -> Result<Claim, AuthenticationError> {
        let state = self.key.state(now);
        if state == KeyState::Revoked {
            return Err(AuthenticationError::Unrecognised);
        }
        let principal = Principal {
            team: self.team.clone(),
            app: self.app.clone(),
            credential: self.key.kind.credential(),
            credential_id: self.key.id.clone(),
        };
        Ok(Claim::new(principal, proof, state.is_usable()))
    }
}

impl fmt::Debug for Callers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Callers").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
