//! Bedrock's side: credentials, sessions, signatures, connections.
//!
//! Receives requests that hold a [`Permit`](crate::permit::Permit), returns answers as they arrive. Calls only the
//! endpoints of the configuration, follows no redirect, and retries nothing that Bedrock may have seen.

mod client;
mod credentials;
mod headers;
mod live;
mod sessions;
mod signer;

pub use client::{Call, Plane, Upstream, UpstreamError};
pub use credentials::CredentialSource;
pub use headers::{InvalidHeader, forwarded, single, to_downstream};
pub use live::{Live, LiveError};
pub use signer::sign_request;
