//! A policy set in Cedar: one policy for each check, one for each field of `limits`.
//!
//! Receives a set and returns statements that deny exactly the requests that the set denies, for the same rules. What a
//! rule kind or a condition means stands beside its native form; here they are put under their scope, their condition
//! and the exceptions that bend them. Rules in shadow mode are stated too, marked with `@mode`, and decide nothing.

use super::text::{FALSE, TRUE, all, any, not, quoted};
use crate::bedrock::operation::Operation;
use crate::policy::document::{Grants, Level};
use crate::policy::evaluate::sensitive_of;
use crate::policy::exceptions::Exception;
use crate::policy::rule::{Head, Mode, Rule, RuleId, Section};
use crate::policy::rules::Kind;
use crate::policy::rules::allow::granted_in_cedar;
use crate::policy::scope::Scope;
use crate::policy::{PolicySet, Team};
use crate::sensitive::DetectorId;

/// One Cedar policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its `@id`: the rule's, with a field or a remark behind it.
    pub id: String,
    /// The rule that it states; `None` for the permission of a team, which is no rule.
    pub rule: Option<RuleId>,
    pub mode: Mode,
    /// Whom it concerns.
    pub scope: Scope,
    pub text: String,
}

/// Every statement that the set makes, from the floor down.
pub(in crate::policy) fn translate(set: &PolicySet) -> Vec<Statement> {
    let translation = Translation { set };
    let mut statements: Vec<Statement> = set.teams.keys().map(|team| permission(team)).collect();
    for level in set.all_levels() {
        statements.extend(level.grants.iter().map(|grants| translation.allow(level, grants)));
        statements.extend(level.rules.iter().flat_map(|rule| translation.rule(level, rule)));
    }
    statements.extend(translation.unwritten());
    statements
}

/// Rules that no exception can touch, and what breaks each of them, exceptions or not.
pub(in crate::policy) fn locked(set: &PolicySet) -> Vec<(&Head, String)> {
    let translation = Translation { set };
    let rules = set.org.rules.iter().filter(|rule| rule.head.locked && rule.is_enforced());
    let broken = |rule: &Rule| {
        let denied = |detector| translation.denied_beside(&Scope::Org, detector);
        let fields = rule.kind.broken_in_cedar(rule.head.mode, &denied);
        any(fields.into_iter().map(|(_, broken)| broken))
    };
    rules.map(|rule| (&rule.head, all([applies(rule), broken(rule)]))).collect()
}

/// Nothing is permitted to a team that has no file; what its rules forbid is forbidden.
fn permission(team: &str) -> Statement {
    let id = format!("{team}#team");
    let text = format!(
        "@id({})\npermit (principal in Warden::Team::{}, action, resource);\n",
        quoted(&id),
        quoted(team)
    );
    Statement { id, rule: None, mode: Mode::Enforce, scope: Scope::Team(team.to_owned()), text }
}

struct Translation<'s> {
    set: &'s PolicySet,
}

/// A `forbid` under construction.
struct Forbid<'a> {
    id: String,
    rule: &'a RuleId,
    at: &'a str,
    mode: Mode,
    scope: &'a Scope,
    /// All must hold for the policy to forbid.
    when: Vec<String>,
    /// Any that holds keeps it from forbidding.
    unless: Vec<String>,
}

impl Translation<'_> {
    fn allow(&self, level: &Level, grants: &Grants) -> Statement {
        let id = &grants.id;
        let mut unless = vec![granted_in_cedar(id.as_str(), &grants.items)];
        unless.extend(self.excuses(level, id, None, true));
        let forbid = Forbid {
            id: id.to_string(),
            rule: id,
            at: &grants.place.at,
            mode: Mode::Enforce,
            scope: &level.scope,
            when: Vec::new(),
            unless,
        };
        forbid.statement()
    }

    fn rule(&self, level: &Level, rule: &Rule) -> Vec<Statement> {
        let head = &rule.head;
        let denied = |detector| self.denied_beside(&level.scope, detector);
        let broken = rule.kind.broken_in_cedar(head.mode, &denied);
        let forbids = broken.into_iter().map(|(field, broken)| Forbid {
            id: field.map_or_else(|| head.id.to_string(), |field| format!("{}.{field}", head.id)),
            rule: &head.id,
            at: &head.place.at,
            mode: head.mode,
            scope: &level.scope,
            when: vec![applies(rule), broken],
            unless: self.excuses(level, &head.id, field, false),
        });
        forbids.map(Forbid::statement).collect()
    }

    /// What no file says and holds all the same.
    fn unwritten(&self) -> Vec<Statement> {
        let at = &self.set.org.source.path;
        let residency = |rule: &&Rule| matches!(rule.kind, Kind::Residency(_)) && rule.is_enforced();
        let written = self.set.org.rules.iter().filter(residency).map(applies);
        let [granting, staying] =
            [Section::Allow, Section::Residency].map(|section| RuleId::new(&Scope::Org, section, None));
        let forbids = [
            ("#unresolved", &granting, "!context.model.resolved".to_owned(), Vec::new()),
            ("#unwritten", &staying, super::text::atom("leaves-geography"), written.collect()),
        ];
        let forbids = forbids.map(|(remark, rule, when, unless)| Forbid {
            id: format!("{rule}{remark}"),
            rule,
            at,
            mode: Mode::Enforce,
            scope: &Scope::Org,
            when: vec![when],
            unless,
        });
        forbids.map(Forbid::statement).into()
    }

    /// Under what a rule of `level` gives way: one text for each exception that waives it.
    fn excuses(&self, level: &Level, rule: &RuleId, field: Option<&str>, is_allow: bool) -> Vec<String> {
        let waiving = self.teams_under(&level.scope).flat_map(|team| &team.exceptions);
        let waiving = waiving.filter(|exception| exception.waives(rule, field));
        waiving.map(|exception| all([in_force(exception), self.terms(exception, is_allow)])).collect()
    }

    /// Whether a request keeps the terms of an exception.
    fn terms(&self, exception: &Exception, is_allow: bool) -> String {
        let team = Scope::Team(exception.team.clone());
        let denied = |detector| {
            let own = exception.instead.rules.iter().filter(|rule| denies(rule, detector)).map(applies);
            any(std::iter::once(self.denied_beside(&team, detector)).chain(own))
        };
        let broken = exception.instead.rules.iter().map(|rule| {
            let broken = rule.kind.broken_in_cedar(Mode::Enforce, &denied);
            all([applies(rule), any(broken.into_iter().map(|(_, broken)| broken))])
        });
        let kept = not(&any(broken));
        let id = format!("{}/allow", exception.id);
        let granted = is_allow.then(|| granted_in_cedar(&id, &exception.instead.grants));
        all(std::iter::once(kept).chain(granted))
    }

    /// Whether a rule beside those of `scope` denies what a detector finds, and is not waived.
    fn denied_beside(&self, scope: &Scope, detector: DetectorId) -> String {
        let levels = self.set.all_levels().filter(|level| concerns_both(&level.scope, scope));
        any(levels.flat_map(|level| {
            let denying = level.rules.iter().filter(|rule| rule.is_enforced() && denies(rule, detector));
            denying.map(|rule| {
                let exceptions = self.teams_under(&level.scope).flat_map(|team| &team.exceptions);
                let waived =
                    exceptions.filter(|exception| exception.waives(&rule.head.id, None)).map(in_force);
                all([within(&level.scope), applies(rule), not(&any(waived))])
            })
        }))
    }

    fn teams_under(&self, scope: &Scope) -> impl Iterator<Item = &Team> {
        let only = match scope {
            Scope::Org => None,
            Scope::Team(team) | Scope::App(team, _) => Some(team.clone()),
        };
        let teams = self.set.teams.iter();
        teams.filter(move |(name, _)| only.as_ref().is_none_or(|only| only == *name)).map(|(_, team)| team)
    }
}

/// Whether a rule concerns a request at all.
fn applies(rule: &Rule) -> String {
    let condition = rule.head.condition.restricts_in_cedar();
    let operations = match rule.kind {
        Kind::Guardrail(_) => {
            let guarded = Operation::ALL.into_iter().filter(|operation| rule.kind.concerns(*operation));
            let names = guarded.map(|operation| format!("Warden::Action::{}", quoted(operation.name())));
            format!("action in [{}]", names.collect::<Vec<_>>().join(", "))
        }
        Kind::Deny(_)
        | Kind::Residency(_)
        | Kind::Limits(_)
        | Kind::Content(_)
        | Kind::Sensitive(_)
        | Kind::Quotas(_) => TRUE.to_owned(),
    };
    all([operations, condition])
}

fn denies(rule: &Rule, detector: DetectorId) -> bool {
    sensitive_of(rule).is_some_and(|sensitive| sensitive.denies(detector))
}

/// Whether an exception is open to a request, its terms aside.
fn in_force(exception: &Exception) -> String {
    let scope = match &exception.app {
        Some(app) => Scope::App(exception.team.clone(), app.clone()),
        None => Scope::Team(exception.team.clone()),
    };
    let until = exception.until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let invoked = exception
        .break_glass
        .then(|| format!("(context has breakGlass && context.breakGlass == {})", quoted(&exception.id)));
    let parts = [within(&scope), format!("context.now < datetime({})", quoted(&until))];
    all(parts.into_iter().chain(invoked))
}

/// Whether the caller is one that a file is about.
fn within(scope: &Scope) -> String {
    match principal(scope).as_str() {
        "principal" => TRUE.to_owned(),
        principal => principal.to_owned(),
    }
}

fn principal(scope: &Scope) -> String {
    match scope {
        Scope::Org => "principal".to_owned(),
        Scope::Team(team) => format!("principal in Warden::Team::{}", quoted(team)),
        Scope::App(..) => format!("principal == Warden::App::{}", quoted(&scope.to_string())),
    }
}

/// Whether some caller is concerned by both scopes.
fn concerns_both(left: &Scope, right: &Scope) -> bool {
    match (left, right) {
        (Scope::Org, _) | (_, Scope::Org) => true,
        (Scope::App(team, app), Scope::App(other, another)) => team == other && app == another,
        (Scope::Team(team) | Scope::App(team, _), Scope::Team(other) | Scope::App(other, _)) => team == other,
    }
}

impl Forbid<'_> {
    fn statement(self) -> Statement {
        let mode = if self.mode == Mode::Shadow { "@mode(\"shadow\")\n" } else { "" };
        let head = format!("@id({})\n@at({})\n{mode}", quoted(&self.id), quoted(self.at));
        let scope = format!("forbid ({}, action, resource)", principal(self.scope));
        let whens = self.when.iter().filter(|when| *when != TRUE).map(|when| format!("\nwhen {{ {when} }}"));
        let unlesses = self.unless.iter().filter(|unless| *unless != FALSE);
        let unlesses = unlesses.map(|unless| format!("\nunless {{ {unless} }}"));
        let clauses: String = whens.chain(unlesses).collect();
        let text = format!("{head}{scope}{clauses};\n");
        Statement {
            id: self.id,
            rule: Some(self.rule.clone()),
            mode: self.mode,
            scope: self.scope.clone(),
            text,
        }
    }
}
