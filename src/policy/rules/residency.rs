//! `residency`: where inference may run.
//!
//! Written `- in: [eu, us-east-1]`, with geographies and regions. A profile may run anywhere in its geography, so a
//! region on the list does not admit the profile around it. `global` is admitted only by `global`. Where the floor says
//! nothing, [`unwritten`] holds: a profile stays in the geography of the region that is called.

use std::collections::BTreeSet;

use super::Breach;
use crate::bedrock::model::{ModelKind, ModelReference};
use crate::policy::cedar::set;
use crate::policy::facts::Inquiry;
use crate::yaml::{Mapping, Reader, closest};

pub(in crate::policy) const KEYS: [&str; 1] = ["in"];

/// A section of org.yaml, as it is shown to authors.
pub(in crate::policy) const EXAMPLE: &str = "\
residency:
  - in: [eu]
    locked: true
    controls: [GDPR-44]
";

/// One item of `residency`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Residency {
    places: Vec<String>,
}

impl Residency {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>) -> Option<Self> {
        let node = reader.required(item, "an item of `residency`", "in")?;
        let places = reader.strings(node, "in")?;
        for (place, element) in places.iter().zip(reader.list(node)) {
            if !GEOGRAPHIES.contains(&place.as_str()) && !is_region(place) {
                let message = format!("`{}` is neither a geography nor a region", place.escape_debug());
                let diagnostic = reader.source.error(element.span.clone(), message);
                reader.push(match closest(place, GEOGRAPHIES) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic.help(format!("geographies: {}", GEOGRAPHIES.join(", "))),
                });
            }
        }
        Some(Self { places })
    }

    pub fn breach(&self, inquiry: &Inquiry<'_>) -> Option<Breach> {
        let allowed = self.places.join(", ");
        let region = &inquiry.context.region;
        let Some(model) = inquiry.model else { return self.breach_without_model(region) };
        let running = model.running();
        // FAIL-CLOSED: what hides its model may hide a profile of any geography.
        if running.is_empty() {
            let text = format!("where {model} runs is not known; allowed: {allowed}");
            return Some(Breach::access(text).between("unknown", allowed));
        }
        let outside = running.into_iter().map(|one| one.runs_in(region));
        let outside: BTreeSet<&str> =
            outside.filter(|runs_in| !self.places.iter().any(|place| lies_in(runs_in, place))).collect();
        if outside.is_empty() {
            return None;
        }
        let runs_in = outside.into_iter().collect::<Vec<_>>().join(", ");
        let instead = self.instead(model, region).map(|id| format!(" (try {id})")).unwrap_or_default();
        let text = format!("{model} may run in {runs_in}; allowed: {allowed}{instead}");
        Some(Breach::access(text).between(runs_in, allowed))
    }

    /// Geographies stand for the regions in them that this version knows.
    pub fn broken_in_cedar(&self) -> String {
        let known = GEOGRAPHIES.iter().chain(&REGIONS).copied();
        let inside = known.filter(|place| self.places.iter().any(|allowed| lies_in(place, allowed)));
        let listed: BTreeSet<&str> = self.places.iter().map(String::as_str).chain(inside).collect();
        format!("!{}.containsAll(context.model.places)", set(listed))
    }

    /// The regions that IAM would see in requests that keep the rule, those that this version knows. `None` where models may
    /// run anywhere.
    pub fn requested_regions(&self) -> Option<BTreeSet<&str>> {
        let inside =
            REGIONS.into_iter().filter(|region| self.places.iter().any(|place| lies_in(region, place)));
        let named = self.places.iter().map(String::as_str).filter(|place| is_region(place));
        (!self.places.iter().any(|place| place == "global")).then(|| named.chain(inside).collect())
    }

    /// What calls no model is worked on in the region that is called.
    fn breach_without_model(&self, region: &str) -> Option<Breach> {
        if self.places.iter().any(|place| lies_in(region, place)) {
            return None;
        }
        let allowed = self.places.join(", ");
        let text = format!("requests are sent to {region}; allowed: {allowed}");
        Some(Breach::access(text).between(region, allowed))
    }

    /// The same model's profile for an allowed geography that can be called from the upstream region.
    fn instead(&self, model: &ModelReference, region: &str) -> Option<String> {
        let geography = self.places.iter().find(|place| !is_region(place) && lies_in(region, place))?;
        (model.kind() == ModelKind::Profile).then(|| format!("{geography}.{}", model.canonical()))
    }
}

/// The rule that holds where no enforced `residency` of the floor concerns a request.
pub(in crate::policy) fn unwritten(inquiry: &Inquiry<'_>) -> Option<Breach> {
    let (model, region) = (inquiry.model?, &inquiry.context.region);
    let leaves = |one: &&ModelReference| match one.geography() {
        Some(geography) => !lies_in(region, geography),
        // A profile of one's own names the regions that it may run in, one by one.
        None => !are_neighbours(one.runs_in(region), region),
    };
    let place = model.running().into_iter().find(leaves)?.runs_in(region);
    let text = format!(
        "{model} may run in {place}, outside {region} and its geography; \
         only `residency` with `in: [{place}]` in org.yaml allows that"
    );
    Some(Breach::access(text).between(place, region))
}

/// The geography that a region lies in; a geography, and a region of none, is itself.
pub(in crate::policy) fn geography_of(place: &str) -> &str {
    let mut wide = GEOGRAPHIES.iter().filter(|geography| **geography != "global");
    if is_region(place) {
        wide.find(|geography| lies_in(place, geography)).copied().unwrap_or(place)
    } else {
        place
    }
}

/// A place as Cedar is told of it: a region that this version does not know is the geography that it lies in.
pub(in crate::policy) fn place_in_cedar(runs_in: &str) -> &str {
    if REGIONS.contains(&runs_in) { runs_in } else { geography_of(runs_in) }
}

/// Whether two regions are one, or lie in one geography that is not the whole world.
fn are_neighbours(one: &str, other: &str) -> bool {
    let mut geographies = GEOGRAPHIES.iter().filter(|geography| **geography != "global");
    one == other || geographies.any(|geography| lies_in(one, geography) && lies_in(other, geography))
}

/// Prefixes of inference profiles, and the parts of the world that regions lie in.
const GEOGRAPHIES: [&str; 14] =
    ["us", "us-gov", "eu", "apac", "jp", "au", "in", "ca", "sa", "mx", "me", "af", "il", "global"];

/// Regions with a Bedrock endpoint. Nothing depends on the list but the form that rules take in Cedar.
const REGIONS: [&str; 31] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "ca-central-1",
    "ca-west-1",
    "mx-central-1",
    "sa-east-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "af-south-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-4",
];

/// Regions that are called after a geography they do not belong to: London and Zurich are not in the European Union.
/// A policy that admits them names them.
const OUTSIDE: [&str; 2] = ["eu-west-2", "eu-central-2"];

/// Geographies of a few countries inside a wider one, with their regions.
const NATIONAL: [(&str, [&str; 2]); 3] = [
    ("jp", ["ap-northeast-1", "ap-northeast-3"]),
    ("au", ["ap-southeast-2", "ap-southeast-4"]),
    ("in", ["ap-south-1", "ap-south-2"]),
];

/// Whether all of `inner` (a geography or region) lies in `outer` (the same).
fn lies_in(inner: &str, outer: &str) -> bool {
    if inner == outer {
        return true;
    }
    if let Some((_, regions)) = NATIONAL.iter().find(|(name, _)| *name == outer) {
        return regions.contains(&inner);
    }
    if !is_region(inner) {
        return outer == "apac" && NATIONAL.iter().any(|(name, _)| *name == inner);
    }
    let prefix = match outer {
        "apac" => "ap",
        other => other,
    };
    let rest = inner.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    // `us-gov-west-1` and `us-iso-east-1` begin like the regions of `us` and are other partitions.
    let other_partition = rest.is_some_and(|rest| rest.starts_with("gov-") || rest.starts_with("iso"));
    rest.is_some() && !other_partition && !OUTSIDE.contains(&inner)
}

/// Whether a word has the form of a region: `eu-central-1`, `us-gov-west-1`.
fn is_region(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let lower = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    digits && words.len() >= 2 && words.iter().all(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_lie_in_their_geographies_only() {
        let table = [
            ("eu-central-1", "eu", true),
            ("eu", "eu", true),
            ("eu", "eu-central-1", false),
            ("eu-central-1", "eu-central-1", true),
            ("eu-central-1", "eu-west-1", false),
            ("eu-west-2", "eu", false),
            ("eu-west-2", "eu-west-2", true),
            ("us-east-1", "us", true),
            ("us-gov-west-1", "us", false),
            ("us-gov-west-1", "us-gov", true),
            ("us-iso-east-1", "us", false),
            ("ap-northeast-1", "jp", true),
            ("ap-northeast-2", "jp", false),
            ("ap-northeast-1", "apac", true),
            ("jp", "apac", true),
            ("apac", "jp", false),
            ("ap-south-1", "in", true),
            ("global", "eu", false),
            ("eu", "global", false),
            ("eu-central-1", "global", false),
            ("global", "global", true),
        ];
        for (inner, outer, expected) in table {
            assert_eq!(lies_in(inner, outer), expected, "{inner} in {outer}");
        }
    }
}
