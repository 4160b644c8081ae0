//! What is wrong or odd across rules and files, once each file by itself is right.
//!
//! Errors: two rules with one id, guardrail lists without a common member. Warnings: grants that a ceiling makes dead,
//! patterns that match no known model, limits that a tighter one above makes idle. Warnings change nothing.

use std::collections::BTreeMap;

use super::PolicySet;
use super::catalogue::Catalogue;
use super::condition::covers;
use super::document::Level;
use super::glob::Glob;
use super::rule::{Head, Place, Rule};
use super::rules::Kind;
use super::rules::allow::Grant;
use super::rules::guardrail::{self, Guardrail};
use super::rules::limits::Bound;
use crate::bedrock::model::resolution::Lookup;
use crate::bedrock::model::{GEOGRAPHIES, ModelReference};
use crate::bedrock::operation::{Access, Operation};
use crate::yaml::{Diagnostics, closest};

/// Reports about a whole set.
pub(super) fn check(set: &PolicySet, diagnostics: &mut Diagnostics) {
    check_level(&set.org, &set.catalogue, diagnostics);
    for team in set.teams.values() {
        check_level(&team.level, &set.catalogue, diagnostics);
        check_pair(&set.org, &team.level, diagnostics);
        check_guardrails(&[&set.org, &team.level], diagnostics);
        for terms in team.exceptions.iter().map(|exception| &exception.instead) {
            check_patterns(terms.grants.iter(), &terms.rules, &set.catalogue, diagnostics);
        }
        for app in team.apps.values() {
            check_level(app, &set.catalogue, diagnostics);
            check_pair(&set.org, app, diagnostics);
            check_pair(&team.level, app, diagnostics);
            check_guardrails(&[&set.org, &team.level, app], diagnostics);
        }
    }
    check_guardrails(&[&set.org], diagnostics);
}

fn check_level(level: &Level, catalogue: &Catalogue, diagnostics: &mut Diagnostics) {
    let mut known: BTreeMap<_, &Place> = BTreeMap::new();
    for head in heads(level) {
        if let Some(first) = known.insert(&head.id, &head.place) {
            let message = format!("two items are called `{}`", head.id);
            let help = format!("the other is at {}; give each its own `id`, or make them one item", first.at);
            diagnostics.push(head.place.source.error(head.place.span.clone(), message).help(help));
        }
    }
    check_patterns(grants(level), &level.rules, catalogue, diagnostics);
}

/// Holds every pattern over models against the models that are known to exist.
fn check_patterns<'l>(
    grants: impl Iterator<Item = &'l Grant> + Clone,
    rules: &'l [Rule],
    catalogue: &Catalogue,
    diagnostics: &mut Diagnostics,
) {
    for grant in grants.clone() {
        for pattern in grant.models.iter().flat_map(Glob::alternatives) {
            check_grant_reach(&grant.head, &pattern, catalogue, diagnostics);
        }
    }
    for rule in rules {
        if let Kind::Deny(deny) = &rule.kind {
            let patterns = deny.models.iter().flatten().flat_map(Glob::alternatives);
            patterns.for_each(|pattern| check_match_reach(&rule.head, &pattern, catalogue, diagnostics));
        }
    }
    for head in grants.map(|grant| &grant.head).chain(rules.iter().map(|rule| &rule.head)) {
        let patterns = head.condition.model_patterns().flat_map(Glob::alternatives);
        patterns.for_each(|pattern| check_match_reach(head, &pattern, catalogue, diagnostics));
    }
}

/// Warns about a pattern of a grant that covers nothing that is known to exist, or nothing that is ever served.
fn check_grant_reach(head: &Head, pattern: &Glob, catalogue: &Catalogue, diagnostics: &mut Diagnostics) {
    if literal(pattern).is_some_and(|model| Lookup::all(&model).is_err()) {
        let message = format!("{}: `{pattern}` is the draft of a prompt, and drafts are refused", head.id);
        let help = "list a version of it such as `…:prompt/…:1`, or the model that it calls; a draft can change at any time";
        diagnostics.push(head.place.source.warning(head.place.span.clone(), message).help(help));
    }
    let knows = |matches: &dyn Fn(&str) -> bool| catalogue.ids().any(matches);
    if is_own(pattern) || knows(&|model| pattern.matches(model)) {
        return;
    }
    if literal(pattern).is_some_and(|profile| knows(&|model| profile.canonical() == model)) {
        return;
    }
    let written = pattern.to_string();
    let geography = written.split_once('.').filter(|(first, _)| GEOGRAPHIES.contains(first));
    let help = match geography {
        Some((_, rest)) => Some(format!("write `{rest}`, and bound where it may run with `residency`")),
        None => near(catalogue, &written).map(|model| format!("did you mean something like `{model}`?")),
    };
    warn_of_reach(head, pattern, help, diagnostics);
}

/// Warns about a pattern of a restriction or condition that no known model matches, with a geography or without.
fn check_match_reach(head: &Head, pattern: &Glob, catalogue: &Catalogue, diagnostics: &mut Diagnostics) {
    let knows = |matches: &dyn Fn(&str) -> bool| catalogue.ids().any(matches);
    let profile = |model: &str| GEOGRAPHIES.iter().any(|place| pattern.matches(&format!("{place}.{model}")));
    if is_own(pattern) || knows(&|model| pattern.matches(model) || profile(model)) {
        return;
    }
    let help =
        near(catalogue, &pattern.to_string()).map(|model| format!("did you mean something like `{model}`?"));
    warn_of_reach(head, pattern, help, diagnostics);
}

fn warn_of_reach(head: &Head, pattern: &Glob, help: Option<String>, diagnostics: &mut Diagnostics) {
    let message = format!("{}: `{pattern}` matches no model that is known to exist", head.id);
    let mut diagnostic = head.place.source.warning(head.place.span.clone(), message);
    diagnostic.help = help;
    diagnostics.push(diagnostic);
}

/// Whether a pattern is about an account's own resources, which no catalogue knows.
fn is_own(pattern: &Glob) -> bool {
    let written = pattern.to_string();
    let name = literal(pattern).is_some_and(|model| model.kind().needs_lookup());
    name || written.starts_with("arn:") || written.contains('/')
}

/// The known model whose beginning is most like the pattern's.
fn near<'c>(catalogue: &'c Catalogue, pattern: &str) -> Option<&'c str> {
    let start = pattern.trim_end_matches('*');
    let beginnings: Vec<(&str, &str)> =
        catalogue.ids().map(|model| (model.get(..start.len()).unwrap_or(model), model)).collect();
    let beginning = closest(start, beginnings.iter().map(|(beginning, _)| *beginning))?;
    beginnings.iter().find(|(known, _)| *known == beginning).map(|(_, model)| *model)
}

/// Warns about what a level states and a level above it makes pointless.
fn check_pair(above: &Level, below: &Level, diagnostics: &mut Diagnostics) {
    let ceiling: Vec<&Glob> = grants(above).flat_map(|grant| &grant.models).collect();
    for grant in grants(below) {
        for pattern in grant.models.iter().flat_map(Glob::alternatives) {
            let alive = match literal(&pattern) {
                // A name may lead to a model that the ceiling covers.
                Some(model) if model.kind().is_alias() => true,
                Some(model) => ceiling.iter().any(|wider| covers(wider, &model)),
                None => ceiling.iter().any(|wider| wider.overlaps(&pattern)),
            };
            if !alive {
                let message =
                    format!("{}: `{pattern}` is outside the ceiling, so it grants nothing", grant.head.id);
                let place = &grant.head.place;
                let help = format!("`allow` of {} does not cover it", above.source.path);
                diagnostics.push(place.source.warning(place.span.clone(), message).help(help));
            }
        }
    }
    for operation in Operation::granted().filter(|operation| operation.access() == Access::Named) {
        let names = |grant: &&Grant| grant.operations.contains(&operation);
        if let (Some(grant), None) = (grants(below).find(names), grants(above).find(names)) {
            let message =
                format!("{}: `{operation}` is outside the ceiling, so it grants nothing", grant.head.id);
            let help = format!("`allow` of {} does not name it in `actions`", above.source.path);
            let place = &grant.head.place;
            diagnostics.push(place.source.warning(place.span.clone(), message).help(help));
        }
    }
    for (tight, limit) in above.rules.iter().filter(|rule| always(rule)).flat_map(bounds) {
        for (loose, bound) in
            below.rules.iter().flat_map(bounds).filter(|(_, bound)| bound.quantity == limit.quantity)
        {
            let name = bound.quantity.name();
            let over = bound.max.zip(limit.max).filter(|(own, floor)| own > floor).map(|pair| ("over", pair));
            let under =
                bound.min.zip(limit.min).filter(|(own, floor)| own < floor).map(|pair| ("under", pair));
            for (word, (own, floor)) in over.into_iter().chain(under) {
                let message = format!("{}: {name} {own} is looser than {}", loose.head.id, above.source.path);
                let help = format!(
                    "{} at {} wins: nothing {word} {floor} passes",
                    tight.head.id, tight.head.place.at
                );
                let place = &loose.head.place;
                diagnostics.push(place.source.warning(place.span.clone(), message).help(help));
            }
        }
    }
}

/// Reports levels whose unconditional guardrail lists have nothing in common: no request could pass. What the levels
/// above contradict among themselves is reported there.
fn check_guardrails(levels: &[&Level], diagnostics: &mut Diagnostics) {
    let guardrails = unconditional_guardrails(levels);
    let above = levels.split_last().map_or(&[][..], |(_, above)| above);
    let [contradicts_above, contradicts] = [&unconditional_guardrails(above), &guardrails].map(|rules| {
        let common = guardrail::intersection(rules.iter().map(|(_, guardrail)| *guardrail));
        common.is_some_and(|common| common.is_empty())
    });
    if let (true, false, Some((rule, _)), Some((first, _))) =
        (contradicts, contradicts_above, guardrails.last(), guardrails.first())
    {
        let message =
            format!("{}: no guardrail satisfies all rules, so every request is denied", rule.head.id);
        let help = format!(
            "{} at {} lists others; a request carries one guardrail",
            first.head.id, first.head.place.at
        );
        let place = &rule.head.place;
        diagnostics.push(place.source.error(place.span.clone(), message).help(help));
    }
}

fn unconditional_guardrails<'l>(levels: &[&'l Level]) -> Vec<(&'l Rule, &'l Guardrail)> {
    let rules = levels.iter().flat_map(|level| &level.rules).filter(|rule| always(rule));
    rules
        .filter_map(
            |rule| if let Kind::Guardrail(guardrail) = &rule.kind { Some((rule, guardrail)) } else { None },
        )
        .collect()
}

/// Whether a rule is enforced for every request of its level.
fn always(rule: &Rule) -> bool {
    rule.is_enforced() && rule.head.condition.is_empty()
}

fn heads(level: &Level) -> impl Iterator<Item = &Head> {
    grants(level).map(|grant| &grant.head).chain(level.rules.iter().map(|rule| &rule.head))
}

fn grants(level: &Level) -> impl Iterator<Item = &Grant> + Clone {
    level.grants.iter().flat_map(|grants| &grants.items)
}

fn bounds(rule: &Rule) -> Vec<(&Rule, &Bound)> {
    match &rule.kind {
        Kind::Limits(limits) => limits.bounds.iter().map(|bound| (rule, bound)).collect(),
        Kind::Deny(_)
        | Kind::Residency(_)
        | Kind::Content(_)
        | Kind::Guardrail(_)
        | Kind::Sensitive(_)
        | Kind::Quotas(_) => Vec::new(),
    }
}

/// The one model that a pattern names.
fn literal(pattern: &Glob) -> Option<ModelReference> {
    pattern.literals().next().and_then(|id| ModelReference::parse(id).ok())
}
