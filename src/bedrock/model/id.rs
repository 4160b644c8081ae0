//! Ids of catalogue models and inference profiles: `[geography.]provider.name[:version[:context]]`.
//!
//! Stricter than the service's own pattern, which also accepts `..` and `-:.`. Decides by lists of geographies and
//! providers whether a first label is a place or a company; where neither list knows, the id is refused.

use super::ModelError;

/// Places that inference profiles are named for. Seen in public model lists; `ca` and `sa` as a precaution.
pub const GEOGRAPHIES: [&str; 10] = ["us", "us-gov", "eu", "apac", "jp", "au", "ca", "in", "sa", "global"];

/// Providers seen in public model lists.
pub const PROVIDERS: [&str; 20] = [
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// The parts of an id, borrowed from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id<'a> {
    pub geography: Option<&'a str>,
    /// `provider.name[:version]`.
    pub canonical: &'a str,
    pub provider: &'a str,
    pub context: Option<&'a str>,
}

impl<'a> Id<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ModelError> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let (version, context) = (parts.next(), parts.next());
        if parts.next().is_some() || context.is_some_and(|context| !is_context(context)) {
            return Err(ModelError::Suffix);
        }
        name.split('.').chain(version).try_for_each(check_label)?;

        // A version is never stripped: `anthropic.claude-v2` and `anthropic.claude-v2:1` are two models.
        let versioned = match context {
            Some(context) => text
                .strip_suffix(context)
                .and_then(|rest| rest.strip_suffix(':'))
                .ok_or(ModelError::Suffix)?,
            None => text,
        };
        let (geography, canonical) = split_geography(versioned)?;
        let (provider, _) = canonical.split_once('.').ok_or(ModelError::Name)?;
        Ok(Self { geography, canonical, provider, context })
    }
}

/// Takes a geography off the front. Names with dots of their own (`deepseek.v3.2`) keep their provider.
fn split_geography(text: &str) -> Result<(Option<&str>, &str), ModelError> {
    let (first, rest) = text.split_once('.').ok_or(ModelError::Name)?;
    if PROVIDERS.contains(&first) {
        return Ok((None, text));
    }
    let known = GEOGRAPHIES.contains(&first);
    let Some((second, name)) = rest.split_once('.') else {
        return if known { Err(ModelError::GeographyWithoutModel) } else { Ok((None, text)) };
    };
    // A place that is not listed yet is still a place when a provider follows it.
    if PROVIDERS.contains(&second) {
        return Ok((Some(first), rest));
    }
    // FAIL-CLOSED: `a.b.c` of strangers is a profile of a new geography or a new provider's dotted name. Guessing
    // wrong would judge residency by the wrong place.
    if !known || GEOGRAPHIES.contains(&second) || name.contains('.') {
        return Err(ModelError::AmbiguousGeography);
    }
    Ok((Some(first), rest))
}

/// `[a-z0-9][a-z0-9-]*`, up to the 126 bytes that the service's pattern can stretch one label to.
fn check_label(label: &str) -> Result<(), ModelError> {
    if label.is_empty() {
        return Err(ModelError::EmptyPart);
    }
    if label.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ModelError::UpperCase);
    }
    let plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if plain && !label.starts_with('-') && label.len() <= 126 { Ok(()) } else { Err(ModelError::Name) }
}

/// Context lengths and throughput variants: `48k`, `512`, `mm`.
fn is_context(text: &str) -> bool {
    let digits = text.strip_suffix('k').unwrap_or(text);
    text == "mm" || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
