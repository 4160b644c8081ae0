//! Labels of paths that are no models: guardrails, their versions, async invocations.
//!
//! Receives a label that was percent-decoded once and accepts exactly what the service model accepts there, so that no
//! two readers of the path can see two resources in it.

/// A guardrail as a path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Id or ARN.
    pub identifier: String,
    /// A number or `DRAFT`; `None` where the path names no version.
    pub version: Option<String>,
}

/// `[a-z0-9]+`, or the ARN of a guardrail.
pub(super) fn is_guardrail(label: &str) -> bool {
    let id = resource(label, "guardrail").unwrap_or(label);
    label.len() <= 2048 && is_id(id)
}

/// A number from 1, of at most 8 digits, or `DRAFT`.
pub(super) fn is_guardrail_version(label: &str) -> bool {
    let digits = label.bytes().all(|byte| byte.is_ascii_digit());
    label == "DRAFT" || (digits && (1..=8).contains(&label.len()) && !label.starts_with('0'))
}

/// The ARN of an async invocation.
pub(crate) fn is_invocation(label: &str) -> bool {
    resource(label, "async-invoke").is_some_and(|id| is_id(id) && id.len() == 12)
}

/// The id in `arn:{partition}:bedrock:{region}:{account}:{kind}/{id}`.
fn resource<'l>(label: &'l str, kind: &str) -> Option<&'l str> {
    let mut fields = label.splitn(6, ':');
    let mut field = || fields.next();
    let (arn, partition, service, region, account, resource) =
        (field()?, field()?, field()?, field()?, field()?, field()?);
    let word = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let owned = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let ours = arn == "arn" && service == "bedrock" && partition.starts_with("aws");
    (ours && word(partition) && word(region) && owned).then_some(())?;
    resource.strip_prefix(kind)?.strip_prefix('/')
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}
