//! An inquiry as Cedar reads it: principal, action, resource, and a context in the form of the schema.
//!
//! Receives an inquiry and returns a request with its entities. Numbers that Cedar does not have are rounded against the
//! caller: the largest value up, the smallest down.

use std::collections::{BTreeSet, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};

use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Access;
use crate::bedrock::view::{Leak, Modality, OpaqueKind, Parameter};
use crate::policy::asked::Undecided;
use crate::policy::condition::is_plain;
use crate::policy::facts::{Facts, Inquiry};
use crate::policy::rules::limits::{PARAMETERS, is_whole};
use crate::policy::rules::residency::{geography_of, place_in_cedar};
use crate::sensitive::DetectorId;

/// A request of Cedar's, with the entities that it speaks about.
#[derive(Debug)]
pub(in crate::policy) struct Question {
    request: Request,
    entities: Entities,
}

pub(in crate::policy) type Member = (String, RestrictedExpression);

impl Question {
    pub fn of(inquiry: &Inquiry<'_>) -> Result<Self, Undecided> {
        Self::with(inquiry, Vec::new())
    }

    /// `more` are members of the context beside those of every request.
    pub fn with(inquiry: &Inquiry<'_>, more: Vec<Member>) -> Result<Self, Undecided> {
        let Inquiry { principal, operation, model, .. } = *inquiry;
        let org = uid("Org", "org")?;
        let team = uid("Team", &principal.team)?;
        let app = uid("App", &format!("{}/{}", principal.team, principal.app))?;
        let action = uid("Action", operation.name())?;
        let resource = uid("Model", model.map_or(NONE, ModelReference::raw))?;
        let infer = uid("Action", "Infer")?;
        let is_inferring = operation.access() == Access::Model;
        let groups = is_inferring.then(|| infer.clone()).into_iter().collect();
        let entities = [
            Entity::new_no_attrs(org.clone(), HashSet::new()),
            Entity::new_no_attrs(team.clone(), HashSet::from([org])),
            Entity::new_no_attrs(app.clone(), HashSet::from([team])),
            Entity::new_no_attrs(infer.clone(), HashSet::new()),
            Entity::new_no_attrs(action.clone(), groups),
            Entity::new_no_attrs(resource.clone(), HashSet::new()),
        ];
        let mut members = context(inquiry)?;
        members.extend(more);
        let context = Context::from_pairs(members).map_err(|_| Undecided)?;
        // ORDER: not validated against the schema, which costs more than the evaluation; a test holds the two together.
        let request = Request::new(app, action, resource, context, None).map_err(|_| Undecided)?;
        let entities = Entities::from_entities(entities, None).map_err(|_| Undecided)?;
        Ok(Self { request, entities })
    }

    pub fn parts(&self) -> (&Request, &Entities) {
        (&self.request, &self.entities)
    }
}

/// The resource of an operation that calls no model, and its id and kind.
const NONE: &str = "none";
/// Where an alias runs that was not looked up; a guardrail that could be none.
const UNKNOWN: &str = "unknown";

fn uid(kind: &str, id: &str) -> Result<EntityUid, Undecided> {
    let kind = EntityTypeName::from_str(&format!("Warden::{kind}")).map_err(|_| Undecided)?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn context(inquiry: &Inquiry<'_>) -> Result<Vec<Member>, Undecided> {
    let Inquiry { principal, context, facts, .. } = *inquiry;
    let leaks = facts.leaks.iter().any(|leak| *leak != Leak::Narrowed);
    let now = context.now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    let mut members = vec![
        member("app", text(&principal.app)),
        member("env", text(&context.environment)),
        member("region", text(&context.region)),
        member("now", RestrictedExpression::new_datetime(now)),
        member("source", RestrictedExpression::new_ip(context.source.to_canonical().to_string())),
        member("model", model(inquiry)?),
        member("params", parameters(facts)?),
        member("content", content(facts)?),
        member("guardrailLeaks", RestrictedExpression::new_bool(leaks)),
        member("guardrailNarrowed", RestrictedExpression::new_bool(facts.leaks.contains(&Leak::Narrowed))),
        member("findings", texts(facts.findings.detectors().iter().map(DetectorId::short))),
    ];
    members.extend(context.break_glass.as_deref().map(|id| member("breakGlass", text(id))));
    members.extend(facts.output.as_deref().map(|uri| member("output", text(uri))));
    members.extend(facts.guardrail.as_ref().map(|reference| {
        let known = reference.is_well_formed().then(|| reference.to_string());
        member("guardrail", text(known.as_deref().unwrap_or(UNKNOWN)))
    }));
    Ok(members)
}

fn model(inquiry: &Inquiry<'_>) -> Result<RestrictedExpression, Undecided> {
    let region = inquiry.context.region.as_str();
    let Some(model) = inquiry.model else {
        return record(vec![
            member("id", text(NONE)),
            member("base", text(NONE)),
            member("names", texts([])),
            member("kind", text(NONE)),
            member("kinds", texts([])),
            member("geos", texts([geography_of(region)])),
            member("places", texts([place_in_cedar(region)])),
            member("plain", RestrictedExpression::new_bool(false)),
            member("own", RestrictedExpression::new_bool(false)),
            member("resolved", RestrictedExpression::new_bool(true)),
        ]);
    };
    let chain = model.chain();
    let names = chain.iter().flat_map(|one| [Some(one.raw()), Some(one.canonical()), one.base()]);
    let names: BTreeSet<&str> = names.flatten().collect();
    let kinds: BTreeSet<&str> = chain.iter().map(|one| one.kind().name()).collect();
    record(vec![
        member("id", text(model.raw())),
        member("base", text(model.canonical())),
        member("names", texts(names)),
        member("kind", text(model.kind().name())),
        member("kinds", texts(kinds)),
        member("geos", texts(running(model, region, geography_of))),
        member("places", texts(running(model, region, place_in_cedar))),
        member("plain", RestrictedExpression::new_bool(is_plain(model))),
        member("own", RestrictedExpression::new_bool(model.kind().needs_lookup())),
        member("resolved", RestrictedExpression::new_bool(model.is_resolved())),
    ])
}

/// Where a model may run, in words that `word` chooses.
fn running<'m>(
    model: &'m ModelReference,
    region: &'m str,
    word: impl Fn(&'m str) -> &'m str,
) -> BTreeSet<&'m str> {
    let running = model.running();
    if running.is_empty() {
        return BTreeSet::from([UNKNOWN]);
    }
    running.into_iter().map(|one| word(one.runs_in(region))).collect()
}

fn parameters(facts: &Facts) -> Result<RestrictedExpression, Undecided> {
    let (mut largest, mut least) = (Vec::new(), Vec::new());
    let mut malformed = BTreeSet::new();
    for parameter in PARAMETERS {
        let Some(values @ [_, ..]) = facts.settings.get(&parameter).map(Vec::as_slice) else { continue };
        if values.iter().any(|value| !value.is_finite()) {
            malformed.insert(parameter.name());
        }
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let high =
            finite().reduce(f64::max).map_or(i64::MAX, |value| rounded(parameter, value, Rounding::Up));
        let low =
            finite().reduce(f64::min).map_or(i64::MIN, |value| rounded(parameter, value, Rounding::Down));
        largest.push(member(parameter.name(), RestrictedExpression::new_long(high)));
        least.push(member(parameter.name(), RestrictedExpression::new_long(low)));
    }
    let absent = PARAMETERS.into_iter().filter(|parameter| {
        facts.insertable.contains(parameter) && facts.settings.get(parameter).is_none_or(Vec::is_empty)
    });
    largest.extend([
        member("least", record(least)?),
        member("absent", texts(absent.map(Parameter::name))),
        member("malformed", texts(malformed)),
        member("stream", RestrictedExpression::new_bool(facts.stream)),
    ]);
    record(largest)
}

fn content(facts: &Facts) -> Result<RestrictedExpression, Undecided> {
    let number = |count: u32| RestrictedExpression::new_long(i64::from(count));
    let tools = i64::try_from(facts.tools.len()).unwrap_or(i64::MAX);
    record(vec![
        member("modalities", texts(facts.modalities.iter().copied().map(Modality::name))),
        member("tools", texts(facts.tools.iter().map(String::as_str))),
        member("toolCount", RestrictedExpression::new_long(tools)),
        member("turns", number(facts.turns)),
        member("images", number(facts.images)),
        member("inputTokens", number(facts.input_tokens)),
        member("unread", number(facts.unread)),
        member("uninspected", texts(facts.uninspected.iter().copied().map(OpaqueKind::name))),
    ])
}

fn member(name: &str, value: RestrictedExpression) -> Member {
    (name.to_owned(), value)
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn texts<'t>(elements: impl IntoIterator<Item = &'t str>) -> RestrictedExpression {
    RestrictedExpression::new_set(elements.into_iter().map(text))
}

fn record(members: Vec<Member>) -> Result<RestrictedExpression, Undecided> {
    RestrictedExpression::new_record(members).map_err(|_| Undecided)
}

/// Which way a number goes that Cedar cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Rounding {
    Up,
    Down,
}

/// A finite value in the units of the schema: whole, or thousandths. Worked out on decimal digits, because a product of
/// floats would round a second time; out of range, the nearest number there is.
pub(in crate::policy) fn rounded(parameter: Parameter, value: f64, rounding: Rounding) -> i64 {
    let written = value.abs().to_string();
    let (units, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let places = if is_whole(parameter) { 0 } else { 3 };
    let (kept, cut) = fraction.split_at_checked(places).unwrap_or((fraction, ""));
    let digits = format!("{units}{kept:0<places$}");
    let size: i64 = digits.parse().unwrap_or(i64::MAX);
    let is_cut = cut.bytes().any(|digit| digit != b'0');
    let away = is_cut && (value > 0.0) == (rounding == Rounding::Up);
    let size = size.saturating_add(i64::from(away));
    if value < 0.0 { size.saturating_neg() } else { size }
}
