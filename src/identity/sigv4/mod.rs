//! AWS Signature Version 4, from the verifying side.
//!
//! Receives a request head and returns the bytes that its sender must have signed, and signatures over them. Pure
//! functions: who may call, which skew is tolerated and what must be signed is decided by whoever verifies. Secrets
//! and keys made from them are wiped when dropped and are never shown.

mod authorization;
mod canonical;
mod events;
mod key;

pub use authorization::{Authorization, AuthorizationError, Scope};
pub use canonical::{AbsentHeader, Request, canonical_query, canonical_request, canonical_uri, normalise};
pub use events::{EVENTS_PAYLOAD, EventChain};
pub use key::{Signature, SigningKey, signature, string_to_sign};

/// The one algorithm there is for us: the word before the parameters of an `Authorization` header.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last part of every credential scope.
const TERMINATOR: &str = "aws4_request";

#[cfg(test)]
mod tests;
