//! Bedrock's side: credentials, sessions, signatures, connections.
//!
//! Receives requests that hold a [`Permit`](crate::permit::Permit), returns answers as they arrive; asks the control plane
//! what stands behind model references, which takes no permit and carries nothing of a caller's. Calls only the endpoints of
//! the configuration, follows no redirect, and retries nothing that Bedrock may have seen.

mod client;
mod credentials;
mod headers;
mod live;
mod lookup;
mod resolve;
mod sessions;
mod signer;

pub use client::{Call, Plane, Upstream, UpstreamError};
pub use credentials::{CredentialSource, NoCredentials};
pub use headers::{InvalidHeader, forwarded, single, to_downstream};
pub use live::{Live, LiveError};
pub use resolve::{ResolveError, Resolver};
pub use signer::{SignError, sign_request};
