//! Who calls, when and from where, in the tests of the request path.

use crate::identity::{CredentialKind, Principal};
use crate::policy::Context;

/// An application of the payments team.
pub fn principal() -> Principal {
    Principal {
        team: "payments".to_owned(),
        app: "checkout".to_owned(),
        credential: CredentialKind::SigV4,
        credential_id: "AKIATEST".to_owned(),
    }
}

/// A working day in production.
pub fn context() -> Context {
    Context {
        environment: "prod".to_owned(),
        region: "us-east-1".to_owned(),
        source: "10.1.2.3".parse().unwrap(),
        now: "2026-11-20T10:30:00Z".parse().unwrap(),
        break_glass: None,
    }
}
