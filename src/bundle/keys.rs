//! Ed25519 keys in the PEM files that OpenSSL reads and writes too.

use std::fmt;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a key cannot be used. Never holds anything of one.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error("cannot read a {kind} key from `{path}`: {reason}")]
    Unreadable { kind: &'static str, path: String, reason: String },
    #[error(
        "`{path}` does not hold an Ed25519 {kind} key; make one with `bedrock-warden policy bundle keygen`"
    )]
    NotEd25519 { kind: &'static str, path: String },
    #[error("no key could be made")]
    Generate,
}

/// Whose signature is accepted.
#[derive(Clone)]
pub struct PublicKey([u8; 32]);

/// What bundles are signed with. SECRET: shows nothing.
pub struct SigningKey(Ed25519KeyPair);

impl PublicKey {
    /// Reads a PEM file with one `PUBLIC KEY`.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let name = || path.display().to_string();
        let der = SubjectPublicKeyInfoDer::from_pem_file(path).map_err(|error| KeyError::Unreadable {
            kind: "public",
            path: name(),
            reason: error.to_string(),
        })?;
        let key = der.strip_prefix(PREFIX).and_then(|key| key.try_into().ok());
        key.map(Self).ok_or_else(|| KeyError::NotEd25519 { kind: "public", path: name() })
    }

    /// Whether `signature`, in base64, is this key's signature of `message`.
    pub fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature.trim_ascii()) else { return false };
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature).is_ok()
    }
}

impl SigningKey {
    /// The texts of the private and the public PEM file of a new key.
    pub fn generate() -> Result<(Zeroizing<String>, String), KeyError> {
        let key = Ed25519KeyPair::generate().map_err(|_| KeyError::Generate)?;
        let private: Pkcs8V1Der<'static> = key.as_der().map_err(|_| KeyError::Generate)?;
        let private = Zeroizing::new(pem("PRIVATE KEY", private.as_ref()));
        let public: PublicKeyX509Der<'static> = key.public_key().as_der().map_err(|_| KeyError::Generate)?;
        let public = pem("PUBLIC KEY", public.as_ref());
        Ok((private, public))
    }

    /// Reads a PEM file with one `PRIVATE KEY`.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let name = || path.display().to_string();
        let der = PrivatePkcs8KeyDer::from_pem_file(path).map_err(|error| KeyError::Unreadable {
            kind: "private",
            path: name(),
            reason: error.to_string(),
        })?;
        let key = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der());
        key.map(Self).map_err(|_| KeyError::NotEd25519 { kind: "private", path: name() })
    }

    /// The signature of `message` in base64.
    pub fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.0.sign(message))
    }
}

/// What stands before the 32 bytes of a key in its SubjectPublicKeyInfo (RFC 8410).
const PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Short enough for one line of base64, as OpenSSL writes it.
fn pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(STANDARD.encode(der));
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", *text)
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PublicKey").field(&hex::encode(self.0)).finish()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").finish_non_exhaustive()
    }
}
