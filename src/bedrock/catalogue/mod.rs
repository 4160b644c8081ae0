//! The models that are known to exist, and what their tokens cost.
//!
//! Data that ships in the binary, for hints, reports and estimates: a model that is missing here can be granted and used all
//! the same. Receives ids and counts, returns facts and micro-dollars. Never guesses: what is not in the tables is `None`.

mod models;
mod prices;

use super::model::{ModelKind, ModelReference};
use super::view::{Modality, Usage};

pub use models::MODELS;
pub use prices::{KNOWN, REGION};

/// One foundation model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Canonical: without geography and without context length.
    pub id: &'static str,
    /// What it reads.
    pub inputs: &'static [Modality],
    /// What it makes.
    pub output: Output,
    /// Tokens that fit into a request, where that is known.
    pub context: Option<u32>,
    /// The day (`2027-01-08`) on which it stops answering, where one was announced.
    pub end: Option<&'static str>,
}

/// What a model makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    Text,
    Embedding,
    Image,
    Video,
    Speech,
    /// An order of documents.
    Ranking,
}

/// What 1,000,000 tokens cost, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub input: u64,
    pub output: u64,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
}

/// Millionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MicroDollars(pub u64);

/// The model with a canonical id.
pub fn find(id: &str) -> Option<&'static Model> {
    MODELS.binary_search_by_key(&id, |model| model.id).ok().and_then(|at| MODELS.get(at))
}

/// The known models that `id` names without their version: `anthropic.claude-x-v1:0` for `anthropic.claude-x`.
pub fn versions(id: &str) -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|model| model.id).filter(move |known| known.strip_prefix(id).is_some_and(is_version))
}

/// Whether what follows a model's name is a version: `-v1:0`, `-v1`, `-1:0`. Two numbers of a name look like `-5-1` and are
/// none, and `:1` alone makes another model.
fn is_version(suffix: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (major, minor) = suffix.split_once(':').unwrap_or((suffix, ""));
    match major.strip_prefix("-v") {
        Some(major) => digits(major) && (minor.is_empty() || digits(minor)),
        None => major.strip_prefix('-').is_some_and(digits) && digits(minor),
    }
}

/// The list price of a `[geography.]id`.
pub fn price(tariff: &str) -> Option<Price> {
    let at = prices::PRICES.binary_search_by_key(&tariff, |(id, _)| id).ok()?;
    prices::PRICES.get(at).map(|(_, price)| *price)
}

/// The `[geography.]id` whose price a call of `model` costs. `None` where tokens are not what is paid for (provisioned
/// throughput, models of one's own), or where several prices could be meant.
pub fn tariff(model: &ModelReference) -> Option<String> {
    match model.kind() {
        ModelKind::Foundation => Some(model.canonical().to_owned()),
        ModelKind::Profile => Some(format!("{}.{}", model.geography()?, model.canonical())),
        ModelKind::ApplicationProfile => profile_tariff(model.behind()),
        ModelKind::Named | ModelKind::Router => {
            let mut tariffs = model.behind().iter().map(tariff);
            let first = tariffs.next()??;
            tariffs.all(|tariff| tariff.as_ref() == Some(&first)).then_some(first)
        }
        ModelKind::Provisioned
        | ModelKind::Custom
        | ModelKind::CustomDeployment
        | ModelKind::Imported
        | ModelKind::Prompt
        | ModelKind::Marketplace => None,
    }
}

/// A profile of one's own costs what it was copied from: the model, or the system's profile over the same regions.
fn profile_tariff(models: &[ModelReference]) -> Option<String> {
    if let [only] = models {
        return tariff(only);
    }
    let id = models.first()?.canonical();
    if models.iter().any(|model| model.canonical() != id) {
        return None;
    }
    let all_in = |prefix| models.iter().all(|model| model.region().is_some_and(|at| at.starts_with(prefix)));
    if models.iter().any(|model| model.geography() == Some("global")) {
        Some(format!("global.{id}"))
    } else if all_in("us-") && !models.iter().any(|model| model.partition() != Some("aws")) {
        Some(format!("us.{id}"))
    } else if all_in("eu-") {
        Some(format!("eu.{id}"))
    } else {
        None
    }
}

impl Price {
    /// What `usage` costs, rounded up. `None` when a count or the price of one is missing, so that nothing is told too low.
    pub fn cost(self, usage: Usage) -> Option<MicroDollars> {
        let part = |count: Option<u64>, price: Option<u64>| match (count, price) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(count), Some(price)) => Some(u128::from(count) * u128::from(price)),
            (_, _) => None,
        };
        let cached = |count: Option<u64>, price| part(Some(count.unwrap_or(0)), price);
        let sum = part(usage.input, Some(self.input))?
            .checked_add(part(usage.output, Some(self.output))?)?
            .checked_add(cached(usage.cache_read, self.cache_read)?)?
            .checked_add(cached(usage.cache_write, self.cache_write)?)?;
        u64::try_from(sum.div_ceil(PER)).ok().map(MicroDollars)
    }
}

/// Prices are for so many tokens.
const PER: u128 = 1_000_000;

#[cfg(test)]
mod tests;
