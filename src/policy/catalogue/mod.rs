//! `catalog.yaml`: what the organisation adds to the built-in catalogue of models.
//!
//! Receives the file and returns further models, prices that replace list prices, and aliases: application inference profiles
//! and prompt routers whose models a reviewer wrote down, so that nobody has to look them up. An alias says what stands
//! behind a name and grants nothing.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::condition::check_blank;
use crate::bedrock::catalogue::{self, MODELS, MicroDollars, Price, tariff};
use crate::bedrock::model::resolution::Found;
use crate::bedrock::model::{ModelKind, ModelReference};
use crate::bedrock::view::Usage;
use crate::yaml::{Diagnostics, Mapping, Node, Reader, Source};

/// Path of the file in a policy folder.
pub(super) const FILE: &str = "catalog.yaml";
pub(super) const FILE_KEYS: [&str; 3] = ["version", "models", "aliases"];
pub(super) const MODEL_KEYS: [&str; 2] = ["id", "prices"];
pub(super) const ALIAS_KEYS: [&str; 2] = ["id", "models"];
pub(super) const PRICE_KEYS: [&str; 4] = ["input", "output", "cacheRead", "cacheWrite"];

/// The built-in catalogue with what a policy folder adds to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalogue {
    /// By `[geography.]id`; a model without a price is merely known.
    models: BTreeMap<String, Option<Price>>,
    aliases: BTreeMap<String, Vec<ModelReference>>,
}

impl Catalogue {
    /// Reads the file; mistakes are reported.
    pub fn read(source: &Source, diagnostics: &mut Diagnostics) -> Option<Self> {
        let errors = diagnostics.errors();
        let document = source.parse(diagnostics)?;
        let mut reader = Reader { source, diagnostics };
        let mapping = reader.mapping(&document, "the catalogue", &FILE_KEYS)?;
        check_blank(&mut reader, &mapping);
        if let Some(node) = reader.required(&mapping, "the catalogue", "version")
            && reader.string(node, "version").is_some_and(|version| version != "1")
        {
            let diagnostic =
                reader.source.error(node.span.clone(), "this version reads catalogues of version 1");
            reader.push(diagnostic.help("write `version: 1`, or use a newer warden"));
        }
        let mut catalogue = Self::default();
        for node in mapping.get("models").map(|node| reader.list(node)).unwrap_or_default() {
            catalogue.read_model(&mut reader, node);
        }
        for node in mapping.get("aliases").map(|node| reader.list(node)).unwrap_or_default() {
            catalogue.read_alias(&mut reader, node);
        }
        (diagnostics.errors() == errors).then_some(catalogue)
    }

    /// Canonical ids of all known models, built-in ones first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let own = self.models.keys().filter_map(|id| match id.split_once('.') {
            Some((first, rest)) if crate::bedrock::model::GEOGRAPHIES.contains(&first) => Some(rest),
            Some(_) => Some(id.as_str()),
            None => None,
        });
        MODELS.iter().map(|model| model.id).chain(own)
    }

    /// `reference` with the models that its alias states.
    pub fn resolve(&self, reference: &ModelReference) -> Option<ModelReference> {
        let models = self.aliases.get(reference.raw())?;
        Some(reference.clone().with(Found::stated(models.clone())))
    }

    /// What a call costs that took `usage`. An estimate at list prices, unless the file has the price.
    pub fn cost(&self, model: &ModelReference, usage: Usage) -> Option<MicroDollars> {
        let own = |id: &str| self.models.get(id).copied().flatten();
        let price = own(model.raw()).or_else(|| {
            let tariff = tariff(model)?;
            own(&tariff).or_else(|| catalogue::price(&tariff))
        });
        price?.cost(usage)
    }

    fn read_model(&mut self, reader: &mut Reader<'_>, node: &Node) {
        const PLACE: &str = "an item of `models`";
        let Some(item) = reader.mapping(node, PLACE, &MODEL_KEYS) else { return };
        check_blank(reader, &item);
        let id = reference(reader, &item, PLACE);
        let prices = item.get("prices").map(|node| read_price(reader, node));
        let Some((id, at)) = id else { return };
        if id.kind().needs_lookup() && prices.is_none() {
            let diagnostic =
                reader.source.error(at.span.clone(), format!("`{id}` is no model of the catalogue"));
            reader.push(diagnostic.help("give it `prices`, or write it under `aliases`"));
        } else if self.models.insert(id.raw().to_owned(), prices.flatten()).is_some() {
            reader.error(&at.span, format!("`{id}` is written twice"));
        }
    }

    fn read_alias(&mut self, reader: &mut Reader<'_>, node: &Node) {
        const PLACE: &str = "an item of `aliases`";
        let Some(item) = reader.mapping(node, PLACE, &ALIAS_KEYS) else { return };
        check_blank(reader, &item);
        let id = reference(reader, &item, PLACE);
        let models = reader.required(&item, PLACE, "models").and_then(|node| read_models(reader, node));
        let (Some((id, at)), Some(models)) = (id, models) else { return };
        if let Some(help) = why_no_alias(id.kind()) {
            let diagnostic = reader.source.error(at.span.clone(), format!("`{id}` cannot be an alias"));
            reader.push(diagnostic.help(help));
        } else if self.aliases.insert(id.raw().to_owned(), models).is_some() {
            reader.error(&at.span, format!("`{id}` is written twice"));
        }
    }
}

/// FAIL-CLOSED: what is written down stays as it is, so only what cannot be changed in AWS may be written down.
const fn why_no_alias(kind: ModelKind) -> Option<&'static str> {
    match kind {
        ModelKind::ApplicationProfile | ModelKind::Router => None,
        ModelKind::Foundation | ModelKind::Profile => Some("its id says which model it is"),
        ModelKind::Provisioned | ModelKind::CustomDeployment | ModelKind::Marketplace | ModelKind::Named => {
            Some("it can be pointed at another model at any time, so it is looked up each minute")
        }
        ModelKind::Custom | ModelKind::Imported => Some("it is a model of its own; list it in `allow`"),
        ModelKind::Prompt => Some("prompts hide more than a model, so that AWS itself is asked about them"),
    }
}

fn reference<'n>(
    reader: &mut Reader<'_>,
    item: &Mapping<'n>,
    place: &str,
) -> Option<(ModelReference, &'n Node)> {
    let node = reader.required(item, place, "id")?;
    parse(reader, node).map(|reference| (reference, node))
}

fn read_models(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<ModelReference>> {
    let nodes = reader.list(node);
    if nodes.is_empty() {
        reader.error(&node.span, "models must not be empty");
        return None;
    }
    let mut models = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Some(model) = parse(reader, node) else { continue };
        if model.kind().needs_lookup() {
            reader.error(&node.span, format!("`{model}` hides its model; an alias names models themselves"));
        } else {
            models.push(model);
        }
    }
    (models.len() == nodes.len()).then_some(models)
}

fn parse(reader: &mut Reader<'_>, node: &Node) -> Option<ModelReference> {
    let text = reader.string(node, "a model")?;
    match ModelReference::parse(&text) {
        Ok(reference) => Some(reference),
        Err(error) => {
            reader.error(&node.span, format!("`{}`: {error}", text.escape_debug()));
            None
        }
    }
}

fn read_price(reader: &mut Reader<'_>, node: &Node) -> Option<Price> {
    const PLACE: &str = "`prices`";
    let item = reader.mapping(node, PLACE, &PRICE_KEYS)?;
    check_blank(reader, &item);
    let mut dollars = |node: &Node, name: &str| {
        let amount: Option<Dollars> =
            reader.parsed(node, name, "US dollars for 1,000,000 tokens, as in `0.25`");
        amount.map(|amount| amount.0)
    };
    let [input, output, cache_read, cache_write] =
        PRICE_KEYS.map(|name| item.get(name).map(|node| dollars(node, name)));
    let required = [("input", input.is_some()), ("output", output.is_some())];
    for (name, present) in required {
        if !present {
            reader.required(&item, PLACE, name)?;
        }
    }
    Some(Price {
        input: input??,
        output: output??,
        cache_read: cache_read.flatten(),
        cache_write: cache_write.flatten(),
    })
}

/// An amount of dollars with up to six decimals, in micro-dollars.
struct Dollars(u64);

impl FromStr for Dollars {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 9) || !digits(fraction, 6) {
            return Err(());
        }
        let whole: u64 = whole.parse().map_err(drop)?;
        let fraction: u64 = format!("{fraction:0<6}").parse().map_err(drop)?;
        Ok(Self(whole * 1_000_000 + fraction))
    }
}

#[cfg(test)]
mod tests;
