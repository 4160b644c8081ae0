//! ARNs of the resources that can stand where a model id stands.
//!
//! Every family of the service model is known by its own grammar; anything else is refused, other services first.
//! Region and account are kept, since the same resource id in another account is another resource.

use super::{Id, ModelError, ModelKind, ModelReference, is_resource_name};

/// Reads a whole ARN. Its characters have been checked.
pub(super) fn parse(raw: &str) -> Result<ModelReference, ModelError> {
    let mut fields = raw.splitn(6, ':').skip(1);
    let mut field = || fields.next().ok_or(ModelError::Arn);
    let (partition, service, region, account, resource) = (field()?, field()?, field()?, field()?, field()?);
    if !is_partition(partition) {
        return Err(ModelError::Arn);
    }
    if !is_region(region) {
        return Err(ModelError::Region);
    }
    let (kind, rest) = resource.split_once('/').ok_or(ModelError::Resource)?;
    let reference = match service {
        "bedrock" => bedrock_resource(raw, kind, rest)?,
        "sagemaker" if kind == "endpoint" => opaque(raw, ModelKind::Marketplace, rest)?,
        _ => return Err(ModelError::ForeignService),
    };
    let owned = reference.kind != ModelKind::Foundation;
    let valid = if owned { is_account(account) } else { account.is_empty() };
    if !valid {
        return Err(ModelError::Account);
    }
    Ok(ModelReference {
        partition: Some(partition.to_owned()),
        region: Some(region.to_owned()),
        account: owned.then(|| account.to_owned()),
        ..reference
    })
}

fn bedrock_resource(raw: &str, kind: &str, rest: &str) -> Result<ModelReference, ModelError> {
    match kind {
        "foundation-model" => catalogue(raw, ModelKind::Foundation, rest),
        "inference-profile" => catalogue(raw, ModelKind::Profile, rest),
        "application-inference-profile" => opaque(raw, ModelKind::ApplicationProfile, rest),
        "provisioned-model" => opaque(raw, ModelKind::Provisioned, rest),
        "custom-model" => custom(raw, rest),
        "custom-model-deployment" => opaque(raw, ModelKind::CustomDeployment, rest),
        "imported-model" => opaque(raw, ModelKind::Imported, rest),
        "prompt" => prompt(raw, rest),
        "prompt-router" | "default-prompt-router" => router(raw, rest),
        _ => Err(ModelError::Resource),
    }
}

/// `foundation-model/{id}` has no geography, `inference-profile/{id}` always has one.
fn catalogue(raw: &str, kind: ModelKind, rest: &str) -> Result<ModelReference, ModelError> {
    let id = Id::parse(rest)?;
    if id.geography.is_some() == (kind == ModelKind::Profile) {
        return Ok(ModelReference::of_id(raw, kind, &id));
    }
    Err(ModelError::Resource)
}

/// `custom-model/{base id}/{id}`, or `custom-model/imported/{id}`.
fn custom(raw: &str, rest: &str) -> Result<ModelReference, ModelError> {
    let (base, id) = rest.split_once('/').ok_or(ModelError::Resource)?;
    if base == "imported" {
        return opaque(raw, ModelKind::Imported, id);
    }
    let reference = opaque(raw, ModelKind::Custom, id)?;
    let base = Id::parse(base)?;
    if base.geography.is_some() {
        return Err(ModelError::Resource);
    }
    Ok(ModelReference {
        base: Some(base.canonical.to_owned()),
        provider: Some(base.provider.to_owned()),
        ..reference
    })
}

/// `prompt/{id}` or `prompt/{id}:{version}`.
fn prompt(raw: &str, rest: &str) -> Result<ModelReference, ModelError> {
    let (id, version) = rest.split_once(':').unwrap_or((rest, "1"));
    if version.is_empty() || version.len() > 5 || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ModelError::Resource);
    }
    opaque(raw, ModelKind::Prompt, id)
}

/// Own routers have plain ids, default ones are called `anthropic.claude:1`.
fn router(raw: &str, rest: &str) -> Result<ModelReference, ModelError> {
    if rest.split(['.', ':']).all(is_resource_name) {
        return Ok(ModelReference::opaque(raw, ModelKind::Router));
    }
    Err(ModelError::Resource)
}

fn opaque(raw: &str, kind: ModelKind, id: &str) -> Result<ModelReference, ModelError> {
    if is_resource_name(id) {
        return Ok(ModelReference::opaque(raw, kind));
    }
    Err(ModelError::Resource)
}

/// `aws`, or `aws-` and words: `aws-us-gov`, `aws-cn`, `aws-iso-b`.
fn is_partition(text: &str) -> bool {
    let mut words = text.split('-');
    words.next() == Some("aws")
        && words.all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Words and a number: `us-east-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn is_region(text: &str) -> bool {
    let Some((place, number)) = text.rsplit_once('-') else { return false };
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    text.len() <= 20
        && place.contains('-')
        && place.split('-').all(word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
