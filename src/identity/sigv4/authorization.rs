//! The `Authorization` header of a signed request, taken apart strictly.
//!
//! Receives the header's value and returns its three parameters in their only valid spelling. Anything unknown,
//! repeated or written another way is refused, because two verifiers could read it differently. Never shows values:
//! the header is a credential.

use std::fmt;

use thiserror::Error;

use super::{ALGORITHM, Signature, TERMINATOR};

/// A parsed header. Holds no secret, but what it holds identifies a caller.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    pub access_key_id: String,
    pub scope: Scope,
    /// Lower-case names in ascending order, each once; `:authority` is a name like any other.
    pub signed_headers: Vec<String>,
    pub signature: Signature,
}

/// What a signature is good for: one day, one region, one service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `YYYYMMDD`.
    pub date: String,
    pub region: String,
    pub service: String,
}

/// Why a header cannot be used. Shows which part, never what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthorizationError {
    #[error("the authorization header does not use {ALGORITHM}")]
    Algorithm,
    #[error("the authorization header has no `{0}` parameter")]
    Missing(&'static str),
    #[error("the authorization header has the `{0}` parameter twice")]
    Repeated(&'static str),
    #[error("the authorization header has a parameter other than Credential, SignedHeaders and Signature")]
    Unknown,
    #[error("the credential must read `access-key-id/YYYYMMDD/region/service/{TERMINATOR}`")]
    Credential,
    #[error("signed headers must be lower-case names in ascending order, joined by `;`")]
    SignedHeaders,
    #[error("the signature must be 64 lower-case hexadecimal digits")]
    Signature,
}

impl Authorization {
    /// Reads the value of an `Authorization` header. The parameters may come in any order, with or without spaces
    /// after the commas, as SDKs write them both ways.
    pub fn parse(value: &str) -> Result<Self, AuthorizationError> {
        let parameters = value.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
        let parameters = parameters.ok_or(AuthorizationError::Algorithm)?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for parameter in parameters.split(',') {
            let (name, value) =
                parameter.trim_matches(' ').split_once('=').ok_or(AuthorizationError::Unknown)?;
            let (name, place) = match name {
                "Credential" => ("Credential", &mut credential),
                "SignedHeaders" => ("SignedHeaders", &mut signed_headers),
                "Signature" => ("Signature", &mut signature),
                _ => return Err(AuthorizationError::Unknown),
            };
            if place.replace(value).is_some() {
                return Err(AuthorizationError::Repeated(name));
            }
        }
        let (access_key_id, scope) =
            parse_credential(credential.ok_or(AuthorizationError::Missing("Credential"))?)?;
        let signed_headers = signed_headers.ok_or(AuthorizationError::Missing("SignedHeaders"))?;
        let signature = signature.ok_or(AuthorizationError::Missing("Signature"))?;
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: parse_signed_headers(signed_headers)?,
            signature: Signature::parse(signature).ok_or(AuthorizationError::Signature)?,
        })
    }

    /// Whether the sender signed this header. `name` is lower-case.
    pub fn signs(&self, name: &str) -> bool {
        self.signed_headers.binary_search_by(|signed| signed.as_str().cmp(name)).is_ok()
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SECRET: a signature can be replayed within its window.
        formatter
            .debug_struct("Authorization")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

fn parse_credential(text: &str) -> Result<(String, Scope), AuthorizationError> {
    let parts: Vec<&str> = text.split('/').collect();
    let &[id, date, region, service, TERMINATOR] = parts.as_slice() else {
        return Err(AuthorizationError::Credential);
    };
    let word = |text: &str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let valid_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    if !valid_date || ![id, region, service].into_iter().all(word) {
        return Err(AuthorizationError::Credential);
    }
    Ok((
        id.to_owned(),
        Scope { date: date.to_owned(), region: region.to_owned(), service: service.to_owned() },
    ))
}

fn parse_signed_headers(text: &str) -> Result<Vec<String>, AuthorizationError> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    let token = |name: &String| {
        let name = if name == ":authority" { "authority" } else { name };
        !name.is_empty()
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9') || b"-_.".contains(&byte))
    };
    let ascending = names.is_sorted_by(|left, right| left < right);
    if ascending && names.iter().all(token) { Ok(names) } else { Err(AuthorizationError::SignedHeaders) }
}
