//! The proof without which nothing is sent to Bedrock.
//!
//! INVARIANT: a [`Permit`] exists only where a policy allowed the request as it will be sent and the intent to send
//! it is durable. Neither half can be made outside the room that vouches for it, and a permit is used once.

use crate::audit::Receipt;
use crate::policy::Allowed;

/// Allowed, and written down.
#[derive(Debug)]
pub struct Permit {
    _allowed: Allowed,
    _receipt: Receipt,
}

impl Permit {
    pub fn new(allowed: Allowed, receipt: Receipt) -> Self {
        Self { _allowed: allowed, _receipt: receipt }
    }
}
