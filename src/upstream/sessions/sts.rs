//! AWS STS: asks for sessions of the role, signed with the warden's own credentials.
//!
//! Receives whom a session is for, returns its credentials or why there are none. Every wait is bounded and retries are
//! few: whoever asks has a request waiting. What STS says of a refusal is logged here, and only what holds no secret.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, IdentityCache, Region};
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::types::Tag;

use crate::clock;
use crate::config::AssumeRole;
use crate::upstream::credentials::CredentialSource;

use super::{Assume, NoSession, Whose};

const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(4);
/// All attempts and the pauses between them.
const ALL_ATTEMPTS: Duration = Duration::from_secs(9);
const ATTEMPTS: u32 = 2;
/// Characters of a refusal's text that are logged.
const LONGEST_TEXT: usize = 600;

/// The role, and the way to ask for it.
#[derive(Debug)]
pub struct Sts {
    client: Client,
    own: Arc<CredentialSource>,
    role: AssumeRole,
    environment: String,
}

impl Sts {
    pub fn new(role: AssumeRole, region: &str, environment: &str, own: Arc<CredentialSource>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(ALL_ATTEMPTS);
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .endpoint_url(role.endpoint.to_string())
            .credentials_provider(Own(Arc::clone(&own)))
            // The credential source is the cache; a second one would go on using what it has replaced.
            .identity_cache(IdentityCache::no_cache())
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .build();
        Self { client: Client::from_conf(config), own, role, environment: environment.to_owned() }
    }

    /// Session tags: `aws:PrincipalTag` in policies, cost allocation in billing. They are not transitive: nobody assumes
    /// a further role with these sessions, and the source identity would survive that anyway.
    fn tags(&self, whose: &Whose) -> Result<Vec<Tag>, NoSession> {
        [("Team", &whose.team), ("App", &whose.app), ("Environment", &self.environment)]
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(|_| NoSession::Unusable))
            .collect()
    }
}

impl Assume for Sts {
    async fn assume(&self, whose: &Whose) -> Result<Credentials, NoSession> {
        self.own.current(clock::system_now())?;
        let seconds = i32::try_from(self.role.duration.as_secs()).unwrap_or(i32::MAX);
        let answer = self
            .client
            .assume_role()
            .role_arn(&self.role.arn)
            .role_session_name(whose.name.as_str())
            .source_identity(whose.name.as_str())
            .set_external_id(self.role.external_id.clone())
            .set_tags(Some(self.tags(whose)?))
            .duration_seconds(seconds)
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let reason = reason(&error);
            warn(&self.role.arn, whose, &reason, error.message());
            reason
        })?;
        let given = answer.credentials().ok_or(NoSession::Unusable)?;
        let expiry = SystemTime::try_from(*given.expiration()).map_err(|_| NoSession::Unusable)?;
        Ok(Credentials::new(
            given.access_key_id(),
            given.secret_access_key(),
            Some(given.session_token().to_owned()),
            Some(expiry),
            "AssumeRole",
        ))
    }
}

fn reason<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> NoSession {
    match error {
        SdkError::ServiceError(refused) => {
            let code = refused.err().code().unwrap_or_default();
            let is_name =
                (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
            NoSession::Refused { code: if is_name { code.to_owned() } else { "Unknown".to_owned() } }
        }
        SdkError::TimeoutError(_) => NoSession::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => NoSession::Timeout,
        SdkError::DispatchFailure(_) => NoSession::Unreachable,
        // `SdkError` may grow; whatever else goes wrong, there is no session.
        _ => NoSession::Unusable,
    }
}

/// SECRET: of the texts of STS, that of a denial names a principal, an action and a role. That of a wrong signature
/// repeats the signed request, session token included, so no other text is logged.
fn warn(role: &str, whose: &Whose, reason: &NoSession, text: Option<&str>) {
    let session = &whose.name;
    match reason {
        NoSession::Refused { code } if code == "AccessDenied" => {
            let text: String = text.unwrap_or_default().chars().take(LONGEST_TEXT).collect();
            tracing::error!(
                role, %session, %reason, text,
                hint = "the role's trust policy must allow the warden's own identity `sts:AssumeRole`, `sts:TagSession` and \
                        `sts:SetSourceIdentity`, under the `sts:ExternalId` of the configuration if it asks for one",
                "cannot assume the role"
            );
        }
        NoSession::OwnCredentials(_)
        | NoSession::Refused { .. }
        | NoSession::Timeout
        | NoSession::Unreachable
        | NoSession::Unusable => tracing::warn!(role, %session, %reason, "cannot assume the role"),
    }
}

/// The warden's own credentials, for the SDK.
#[derive(Debug)]
struct Own(Arc<CredentialSource>);

impl ProvideCredentials for Own {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let current = self.0.current(clock::system_now()).map_err(CredentialsError::not_loaded);
        future::ProvideCredentials::ready(current.and_then(|identity| {
            let credentials = identity.data::<Credentials>().cloned();
            credentials.ok_or_else(|| CredentialsError::unhandled("not an AWS key pair"))
        }))
    }
}
