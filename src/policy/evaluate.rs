//! The decision: every rule of every level that concerns a principal, against one request.
//!
//! Levels intersect. There is no order among rules: each is a predicate on the request as it will be sent, and
//! repairs are minima, intersections and unions. Reports all violations, not the first.

use std::sync::Arc;

use super::PolicySet;
use super::document::{Grants, Level};
use super::exceptions::Exempted;
use super::facts::{Context, Facts, Found, Inquiry};
use super::rule::{Head, Mode, Rule, RuleId, Section};
use super::rules::guardrail::Guardrail;
use super::rules::quotas::Quota;
use super::rules::sensitive::{Direction, Sensitive, Strongest};
use super::rules::{Breach, Kind, allow, guardrail, limits, residency, sensitive};
use super::scope::Scope;
use super::slice::Slice;
use super::verdict::{Allowed, AnswerVerdict, Repair, Verdict, Violation};
use crate::bedrock::fault::Fault;
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::identity::Principal;
use crate::sensitive::{DetectorSet, Plan};

/// How one rule, or the `allow` section of one level, looks at a request.
#[derive(Debug, Clone)]
pub struct Check {
    pub rule: RuleId,
    pub section: Section,
    /// `file:line`.
    pub at: Arc<str>,
    pub mode: Mode,
    /// Whether exceptions may not touch the rule.
    pub locked: bool,
    /// Whether the rule concerns the request at all.
    pub applies: bool,
    /// Items of `allow` that cover the request.
    pub granted_by: Vec<RuleId>,
    /// Exceptions without which the rule would be broken.
    pub exempted_by: Vec<Exempted>,
    pub violations: Vec<Violation>,
}

impl PolicySet {
    /// What to look for in texts that go to or come from this principal, before anything else is known.
    pub fn detectors(&self, principal: &Principal, direction: Direction) -> DetectorSet {
        let sensitive = self.sensitive_rules(principal);
        sensitive.fold(DetectorSet::EMPTY, |set, rule| set.union(rule.detectors(direction)))
    }

    /// Whose findings in texts of this principal may become placeholders, before anything else is known.
    pub fn tokenized(&self, principal: &Principal) -> DetectorSet {
        let sensitive = self.sensitive_rules(principal);
        sensitive.fold(DetectorSet::EMPTY, |set, rule| set.union(rule.tokenized()))
    }

    /// What the detectors of the principal's rules would do with what they find in texts of that direction if every
    /// enforced rule concerned the request.
    pub fn widest_plan(&self, principal: &Principal, direction: Direction) -> Plan {
        let enforced = self.rules_of(principal).filter(|rule| rule.is_enforced()).filter_map(sensitive_of);
        let strongest = Strongest::of(enforced, direction);
        Plan::new(self.detectors(principal, direction), strongest.removed(), strongest.denied)
    }

    /// What the detectors of the principal's rules do with what they find in the request. Rules may ask what was found, so
    /// that this may change with it.
    pub fn prompt_plan(&self, inquiry: &Inquiry<'_>) -> Plan {
        let strongest = self.slice(inquiry).strongest_in_force(Direction::Prompt);
        let report = self.detectors(inquiry.principal, Direction::Prompt);
        Plan::new(report, strongest.removed(), strongest.denied)
    }

    /// The plan for another look at a request that was looked through by `plan` and is now known as `inquiry`. `None` when
    /// `plan` was right. `first` says whether it was the widest one.
    ///
    /// INVARIANT: after the first look detectors only ever join those that act, so that looking comes to an end.
    pub fn better_plan(&self, inquiry: &Inquiry<'_>, plan: &Plan, first: bool) -> Option<Plan> {
        if inquiry.facts.findings.is_empty() {
            return None;
        }
        let wanted = self.prompt_plan(inquiry);
        if wanted.acting() == plan.acting() {
            return None;
        }
        if first {
            return Some(wanted);
        }
        let joined = Plan::new(plan.report, plan.redact.union(wanted.redact), plan.deny.union(wanted.deny));
        (joined.acting() != plan.acting()).then_some(joined)
    }

    /// Builds what streamed answers are looked through with, so that the first ones do not wait for it: for as many sets of
    /// detectors as policies usually have. Others are built when they are needed.
    pub fn prepare_streams(&self) {
        const MOST: usize = 8;
        let mut sets: Vec<DetectorSet> = Vec::new();
        let teams = self.teams.values().flat_map(|team| {
            let apps = team.apps.values().map(|app| vec![&self.org, &team.level, app]);
            apps.chain([vec![&self.org, &team.level]])
        });
        for levels in teams {
            let rules = levels.into_iter().flat_map(|level| &level.rules);
            let enforced = rules.filter(|rule| rule.is_enforced()).filter_map(sensitive_of);
            let strongest = Strongest::of(enforced, Direction::Response);
            let acting = strongest.redacted.union(strongest.denied);
            if sets.len() < MOST && !sets.contains(&acting) {
                sets.push(acting);
            }
        }
        for set in sets {
            self.scanner().prepare(set);
        }
    }

    /// What to change so that the request keeps the enforced rules. Empty for a request that was repaired already.
    pub fn repair(&self, inquiry: &Inquiry<'_>) -> Vec<Repair> {
        let slice = self.slice(inquiry);
        let rules = slice.in_force();
        let bounds = slice.bounds_in_force(&rules);
        let guardrails: Vec<_> = chosen(&rules, guardrail_of);
        let sensitive = slice.sensitive_in_force(&rules);
        let mut repairs = limits::repairs(&bounds, inquiry.facts);
        repairs.extend(guardrail::repair(&guardrails, inquiry));
        repairs.extend(sensitive::repairs(&sensitive, inquiry.facts));
        repairs
    }

    /// Whether the request may be sent as it is.
    pub fn verify(&self, inquiry: &Inquiry<'_>) -> Verdict {
        Verdict::of(self.checks(inquiry))
    }

    /// [`Self::verify`], with the proof that the request may be sent when it may.
    pub fn decide(&self, inquiry: &Inquiry<'_>) -> (Verdict, Option<Allowed>) {
        let verdict = self.verify(inquiry);
        let allowed = verdict.is_allowed().then(Allowed::vouched);
        (verdict, allowed)
    }

    /// Whether the principal may read what AWS says about models, guardrails and settings. Every team with a policy may,
    /// unless a rule of `deny` is about the request; what a read names, the principal must be able to use.
    pub fn decide_read(&self, inquiry: &Inquiry<'_>) -> (Verdict, Option<Allowed>) {
        let mut verdict = Verdict::of(self.read_checks(inquiry));
        // What is granted is not the read.
        verdict.granted_by.clear();
        let allowed = verdict.is_allowed().then(Allowed::vouched);
        (verdict, allowed)
    }

    /// What [`Self::decide_read`] looks at, rule by rule.
    pub fn read_checks(&self, inquiry: &Inquiry<'_>) -> Vec<Check> {
        let Inquiry { principal, context, .. } = *inquiry;
        let mut checks = match inquiry.model {
            Some(model) => self.model_checks(principal, model, context),
            None if self.teams.contains_key(&principal.team) => Vec::new(),
            None => vec![without_team(&principal.team)],
        };
        for check in self.checks(inquiry).into_iter().filter(|check| check.section == Section::Deny) {
            match checks.iter_mut().find(|known| known.rule == check.rule) {
                Some(known) if known.violations.is_empty() => *known = check,
                Some(_) => {}
                None => checks.push(check),
            }
        }
        checks
    }

    /// [`Self::verify`], rule by rule, with those that are satisfied or do not concern the request.
    pub fn checks(&self, inquiry: &Inquiry<'_>) -> Vec<Check> {
        let slice = self.slice(inquiry);
        let strongest = slice.strongest();
        let mut checks = Vec::new();
        for level in slice.levels() {
            checks.extend(level.grants.iter().map(|grants| self.check_grants(level, grants, &slice)));
            checks.extend(level.rules.iter().map(|rule| self.check_rule(level, rule, &slice, strongest)));
        }
        checks.extend(self.check_resolved(inquiry));
        checks.extend(self.check_unwritten_residency(&slice));
        if !self.teams.contains_key(&inquiry.principal.team) {
            checks.push(without_team(&inquiry.principal.team));
        }
        checks
    }

    /// Whether the request is denied whatever repairs make of it, by a rule that asks nothing of Cedar. True only where
    /// [`Self::verify`] denies as well. Spares whoever asks about a whole grid the rest of the rules.
    pub(super) fn denies_plainly(&self, inquiry: &Inquiry<'_>) -> bool {
        let slice = self.slice(inquiry);
        let nothing_found = Strongest::of(std::iter::empty(), Direction::Prompt);
        let mut rules = slice.levels().flat_map(|level| &level.rules);
        rules.any(|rule| {
            let plain = match rule.kind {
                Kind::Deny(_) | Kind::Residency(_) | Kind::Content(_) => !rule.head.condition.is_cedar(),
                // Repairs may keep them, or counts decide.
                Kind::Limits(_) | Kind::Guardrail(_) | Kind::Sensitive(_) | Kind::Quotas(_) => false,
            };
            if !plain || !rule.is_enforced() || rule.applies(&slice.asked) != Ok(true) {
                return false;
            }
            let breaches = rule.kind.breaches(&slice.asked.inquiry, rule.head.mode, nothing_found);
            !slice.excused(&rule.head.id, breaches).0.is_empty()
        })
    }

    /// FAIL-CLOSED: rules are about models, so a name that nobody looked behind is judged by none of them. Listing it
    /// changes nothing about that.
    fn check_resolved(&self, inquiry: &Inquiry<'_>) -> Option<Check> {
        let model = inquiry.model.filter(|model| !model.is_resolved())?;
        let text = format!("what stands behind {model} is not known");
        Some(self.unwritten(Section::Allow, Breach::access(text)))
    }

    /// FAIL-CLOSED: a floor that says nothing about residency does not let data leave the geography that is called. A
    /// team cannot say otherwise, or it would loosen the floor.
    fn check_unwritten_residency(&self, slice: &Slice<'_>) -> Option<Check> {
        let written = |rule: &Rule| matches!(rule.kind, Kind::Residency(_)) && rule.is_enforced();
        if self.org.rules.iter().any(|rule| written(rule) && rule.applies(&slice.asked) == Ok(true)) {
            return None;
        }
        residency::unwritten(&slice.asked.inquiry).map(|breach| self.unwritten(Section::Residency, breach))
    }

    /// What no file says and holds all the same, broken.
    fn unwritten(&self, section: Section, breach: Breach) -> Check {
        let rule = RuleId::new(&Scope::Org, section, None);
        let at: Arc<str> = Arc::clone(&self.org.source.path);
        let violations = vec![self.explained(&self.org, &rule, &at, None, &[], breach)];
        Check {
            rule,
            section,
            at,
            mode: Mode::Enforce,
            locked: false,
            applies: true,
            granted_by: Vec::new(),
            exempted_by: Vec::new(),
            violations,
        }
    }

    /// Whether the principal could use the model at all, in some operation.
    pub fn may_use(&self, principal: &Principal, model: &ModelReference, context: &Context) -> bool {
        let mut ways = self.ways(principal, model, context);
        ways.any(|checks| checks.iter().all(|check| check.violations.is_empty()))
    }

    /// The checks of the operation in which the principal comes nearest to using the model.
    fn model_checks(&self, principal: &Principal, model: &ModelReference, context: &Context) -> Vec<Check> {
        let violations =
            |checks: &Vec<Check>| checks.iter().map(|check| check.violations.len()).sum::<usize>();
        self.ways(principal, model, context).min_by_key(violations).unwrap_or_default()
    }

    /// For each operation on models, the enforced checks that are about the model and not about what is sent to it.
    fn ways<'s>(
        &'s self,
        principal: &'s Principal,
        model: &'s ModelReference,
        context: &'s Context,
    ) -> impl Iterator<Item = Vec<Check>> + 's {
        let about_models = |check: &Check| match check.section {
            Section::Allow | Section::Deny | Section::Residency => check.mode == Mode::Enforce,
            Section::Limits
            | Section::Content
            | Section::Guardrail
            | Section::Sensitive
            | Section::Quotas => false,
        };
        Operation::granted().filter(|operation| operation.takes_model()).map(move |operation| {
            let facts = Facts { stream: operation.is_streaming(), ..Facts::default() };
            let inquiry = Inquiry { principal, operation, model: Some(model), context, facts: &facts };
            self.checks(&inquiry).into_iter().filter(about_models).collect()
        })
    }

    /// What the detectors of the principal's rules do with what they find in the answer.
    pub fn answer_plan(&self, inquiry: &Inquiry<'_>) -> Plan {
        let strongest = self.slice(inquiry).strongest_in_answers();
        let report = self.detectors(inquiry.principal, Direction::Response);
        Plan::new(report, strongest.redacted, strongest.denied)
    }

    /// What to do with an answer in which this was found.
    pub fn judge_answer<'f>(&self, inquiry: &Inquiry<'_>, found: impl Into<Found<'f>>) -> AnswerVerdict {
        let found = found.into();
        let slice = self.slice(inquiry);
        let strongest = slice.strongest_in_answers();
        let redact = strongest.redacted.intersection(found.findings.detectors());
        let mut verdict = AnswerVerdict { redact, ..AnswerVerdict::default() };
        for (level, rule) in slice.unwaived() {
            let Some(sensitive) = sensitive_of(rule) else { continue };
            let breach = match rule.applies(&slice.asked) {
                Ok(true) => sensitive.answer_breach(&found, rule.head.mode, strongest),
                Ok(false) => None,
                Err(undecided) => Some(Breach::undecided(undecided)),
            };
            let violation = breach.map(|breach| self.violation(level, &rule.head, breach));
            match rule.head.mode {
                Mode::Enforce => verdict.violations.extend(violation),
                Mode::Shadow => verdict.shadow.extend(violation),
            }
        }
        verdict
    }

    /// The enforced rules that may redact or refuse the answer, so that it must be read before it is passed on.
    pub fn answer_filters(&self, inquiry: &Inquiry<'_>) -> Vec<RuleId> {
        let slice = self.slice(inquiry);
        let filters = slice.unwaived().filter(|(_, rule)| {
            // FAIL-CLOSED: a rule of which it cannot be said whether it applies is to be asked about the answer.
            rule.is_enforced()
                && sensitive_of(rule).is_some_and(Sensitive::filters_answers)
                && rule.applies(&slice.asked) != Ok(false)
        });
        filters.map(|(_, rule)| rule.head.id.clone()).collect()
    }

    /// The sensitive rules that may concern a principal, terms of exceptions included.
    fn sensitive_rules(&self, principal: &Principal) -> impl Iterator<Item = &Sensitive> {
        self.rules_of(principal).filter_map(sensitive_of)
    }

    /// The rules that may concern a principal, terms of exceptions included.
    fn rules_of(&self, principal: &Principal) -> impl Iterator<Item = &Rule> {
        let exceptions = self.teams.get(&principal.team).map(|team| team.exceptions.as_slice());
        let terms = exceptions.unwrap_or_default().iter().flat_map(|exception| &exception.instead.rules);
        self.levels(principal).flat_map(|level| &level.rules).chain(terms)
    }

    /// The levels that concern a principal: the floor, its team, its app.
    fn levels(&self, principal: &Principal) -> impl Iterator<Item = &Level> {
        let team = self.teams.get(&principal.team);
        let app = team.and_then(|team| team.apps.get(&principal.app));
        std::iter::once(&self.org).chain(team.map(|team| &team.level)).chain(app)
    }

    pub(super) fn slice<'s>(&'s self, inquiry: &Inquiry<'s>) -> Slice<'s> {
        let exceptions = self.teams.get(&inquiry.principal.team).map(|team| team.exceptions.as_slice());
        Slice::new(self.levels(inquiry.principal), exceptions.unwrap_or_default(), inquiry)
    }

    fn check_grants(&self, level: &Level, grants: &Grants, slice: &Slice<'_>) -> Check {
        let granting = allow::granting(&grants.items, &slice.asked);
        let breach = match &granting {
            Ok(granting) if !granting.is_empty() => None,
            Ok(_) => Some(allow::breach(&grants.items, &slice.asked).unwrap_or_else(Breach::undecided)),
            Err(undecided) => Some(Breach::undecided(*undecided)),
        };
        let granting = granting.unwrap_or_default().into_iter();
        let granted_by: Vec<RuleId> = granting.map(|grant| grant.head.id.clone()).collect();
        let (violations, exempted_by) = slice.excused(&grants.id, breach.into_iter().collect());
        let place = &grants.place.at;
        let explained = |breach| self.explained(level, &grants.id, place, None, &[], breach);
        Check {
            rule: grants.id.clone(),
            section: Section::Allow,
            at: Arc::clone(place),
            mode: Mode::Enforce,
            locked: false,
            applies: true,
            granted_by,
            exempted_by,
            violations: violations.into_iter().map(explained).collect(),
        }
    }

    fn check_rule(&self, level: &Level, rule: &Rule, slice: &Slice<'_>, strongest: Strongest) -> Check {
        let head = &rule.head;
        let applies = rule.applies(&slice.asked);
        // A rule that is waived is looked at as if it were not: whether it would be broken is the question.
        let waived = slice.waives(&head.id, None);
        let strongest = if waived { slice.strongest_with(std::iter::once(rule)) } else { strongest };
        let breaches = match applies {
            Ok(true) => rule.kind.breaches(&slice.asked.inquiry, head.mode, strongest),
            Ok(false) => Vec::new(),
            Err(undecided) => vec![Breach::undecided(undecided)],
        };
        let (violations, exempted_by) = slice.excused(&head.id, breaches);
        Check {
            rule: head.id.clone(),
            section: rule.kind.section(),
            at: Arc::clone(&head.place.at),
            mode: head.mode,
            locked: head.locked,
            applies: applies != Ok(false),
            granted_by: Vec::new(),
            exempted_by,
            violations: violations.into_iter().map(|breach| self.violation(level, head, breach)).collect(),
        }
    }

    pub(super) fn violation(&self, level: &Level, head: &Head, breach: Breach) -> Violation {
        self.explained(level, &head.id, &head.place.at, head.message.as_deref(), &head.controls, breach)
    }

    /// A violation with everything that a caller is told: what is wrong, the rule's own words, where to read on.
    fn explained(
        &self,
        level: &Level,
        rule: &RuleId,
        at: &str,
        sentence: Option<&str>,
        controls: &[String],
        breach: Breach,
    ) -> Violation {
        let mut message = breach.text;
        if let Some(sentence) = sentence {
            message.push_str(": ");
            message.push_str(sentence.trim_end_matches('.'));
        }
        if let Some(help) = level.help.as_ref().or(self.org.help.as_ref()) {
            message = format!("{message} (see {})", help.replace("{rule}", rule.as_str()));
        }
        Violation {
            rule: rule.clone(),
            at: at.to_owned(),
            fault: breach.fault,
            message,
            value: breach.value,
            bound: breach.bound,
            controls: controls.to_vec(),
        }
    }
}

impl Verdict {
    fn of(checks: Vec<Check>) -> Self {
        let mut verdict = Self::default();
        for check in checks {
            match check.mode {
                Mode::Enforce => {
                    verdict.violations.extend(check.violations);
                    verdict.exceptions.extend(check.exempted_by);
                }
                Mode::Shadow => verdict.shadow.extend(check.violations),
            }
            verdict.granted_by.extend(check.granted_by);
        }
        verdict.exceptions.sort();
        verdict.exceptions.dedup();
        verdict
    }
}

/// FAIL-CLOSED: a team that nobody wrote a policy for may do nothing.
fn without_team(team: &str) -> Check {
    let rule = RuleId::new(&Scope::Team(team.to_owned()), Section::Allow, None);
    let violation = Violation {
        rule: rule.clone(),
        at: format!("teams/{team}.yaml"),
        fault: Fault::AccessDenied,
        message: format!("there is no policy for team {team}, so nothing is granted"),
        value: None,
        bound: None,
        controls: Vec::new(),
    };
    Check {
        rule,
        section: Section::Allow,
        at: violation.at.as_str().into(),
        mode: Mode::Enforce,
        locked: false,
        applies: true,
        granted_by: Vec::new(),
        exempted_by: Vec::new(),
        violations: vec![violation],
    }
}

fn chosen<'r, K>(rules: &[&'r Rule], kind: impl Fn(&'r Rule) -> Option<&'r K>) -> Vec<(&'r RuleId, &'r K)> {
    rules.iter().filter_map(|rule| kind(rule).map(|kind| (&rule.head.id, kind))).collect()
}

fn guardrail_of(rule: &Rule) -> Option<&Guardrail> {
    if let Kind::Guardrail(guardrail) = &rule.kind { Some(guardrail) } else { None }
}

pub(super) fn quota_of(rule: &Rule) -> Option<&Quota> {
    if let Kind::Quotas(quota) = &rule.kind { Some(quota) } else { None }
}

pub(super) fn sensitive_of(rule: &Rule) -> Option<&Sensitive> {
    if let Kind::Sensitive(sensitive) = &rule.kind { Some(sensitive) } else { None }
}
