use cedar_policy::{Authorizer, Decision, RestrictedExpression, ValidationMode, Validator};
use proptest::prelude::*;

use super::*;
use crate::bedrock::operation::GuardrailPlace;
use crate::bedrock::view::Parameter;
use crate::policy::cedar::{Atom, Question, named_atoms, schema};
use crate::policy::fixture::{HAIKU, Request, compiled};
use crate::policy::properties::request;
use crate::yaml::{Diagnostics, Source};

const ORG: &str = "version: 1
scope: org
allow: { models: [anthropic.claude-3-haiku-*, amazon.nova-lite-*] }
deny: { id: tools, when: { tools: \"bash*\" }, locked: true }
residency: { id: home, in: [us, eu], unless: 'context.app == \"vip\"' }
";
const TEAM: &str = "version: 1
scope: team/payments
allow: { models: [anthropic.claude-3-haiku-*, amazon.nova-lite-*] }
deny: { id: night, when: { hours: \"22:00-23:00 UTC\" } }\n";

fn written(never: &str) -> (PolicySet, Vec<Claim>) {
    let set = compiled(&[("org.yaml", ORG), ("teams/payments.yaml", TEAM)]).0.unwrap();
    let file = Source::new("tests/all.yaml", format!("version: 1\nnever:\n  - {{ name: it, {never} }}\n"));
    let mut diagnostics = Diagnostics::default();
    let suite = Suite::read(&[file], &set, &mut diagnostics).expect("tests");
    let claims = claims(&suite, &set);
    (set, claims)
}

/// The request as the solver would describe it.
fn question(trial: &Trial<'_>, set: &PolicySet, request: &Request) -> Question {
    let inquiry = request.inquiry();
    let text = trial.policies.to_string();
    let named = named_atoms([text.as_str()]);
    let holding = named.into_iter().filter(|name| Atom::parse(name).unwrap().holds(set, &inquiry).unwrap());
    let atoms = holding.map(|name| RestrictedExpression::new_string(name.to_owned()));
    Question::with(&inquiry, vec![("atoms".to_owned(), RestrictedExpression::new_set(atoms))]).unwrap()
}

fn allows(policies: &Policies, question: &Question) -> bool {
    let (request, entities) = question.parts();
    Authorizer::new().is_authorized(request, policies, entities).decision() == Decision::Allow
}

fn trial<'c>(claim: &'c Claim, set: &PolicySet, operation: Operation) -> Trial<'c> {
    let trials = claim.trials(set).unwrap();
    trials.into_iter().find(|one| one.operation == operation && one.team == "payments").unwrap()
}

#[test]
fn every_trial_is_well_typed_and_there_is_one_for_each_operation_of_a_team() {
    let (set, claims) = written("allowed: 'context.content.turns > 3'");
    let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
    assert_eq!(names, ["it", "org/deny/tools is broken, whatever exceptions say"]);
    let (schema, _) = cedar_policy::Schema::from_cedarschema_str(&schema()).unwrap();
    let validator = Validator::new(schema);
    for claim in &claims {
        let trials = claim.trials(&set).unwrap();
        let judged = Operation::ALL.into_iter().filter(|one| one.access() != Access::Read).count();
        assert_eq!(trials.len(), judged);
        let converse = trials.iter().find(|one| one.operation == Operation::Converse).unwrap();
        let checked = validator.validate(&converse.policies, ValidationMode::Strict);
        assert!(checked.validation_passed(), "{checked}");
    }
}

#[test]
fn a_request_that_breaks_a_claim_is_allowed_by_its_trial_and_found_again() {
    let (set, claims) = written("allowed: 'context.params has maxTokens && context.params.maxTokens > 90'");
    let trial = trial(&claims[0], &set, Operation::Converse);
    let plain = |tokens| Request::new(HAIKU).set(Parameter::MaxTokens, &[tokens]);
    let breaking = plain(100.0);
    let described = question(&trial, &set, &breaking);
    assert!(allows(&trial.policies, &described));
    let found = trial.replay(&set, described.parts().0).expect("a counterexample");
    assert_eq!(found.probe.facts.settings[&Parameter::MaxTokens], [100.0]);
    assert_eq!(found.probe.model.unwrap().raw(), HAIKU);
    assert_eq!(found.granted_by, ["org/allow", "payments/allow"]);
    for other in [plain(90.0), plain(100.0).with(|sent| sent.facts.tools.push("bash_1".to_owned()))] {
        let described = question(&trial, &set, &other);
        assert!(!allows(&trial.policies, &described));
        assert!(trial.replay(&set, described.parts().0).is_none());
    }
}

#[test]
fn what_the_warden_denies_is_no_counterexample_whatever_a_solver_says() {
    let (set, claims) = written("allowed: 'context.content.turns > 0'");
    let trial = trial(&claims[0], &set, Operation::Converse);
    let request = Request::new(HAIKU).with(|sent| sent.facts.tools.push("bash_1".to_owned()));
    let described = question(&trial, &set, &request);
    assert!(trial.replay(&set, described.parts().0).is_none());
}

/// An assumption that a real request does not meet would turn a broken claim into a proved one.
#[test]
fn every_request_that_can_be_sent_meets_the_assumptions() {
    let (set, claims) = written("allowed: 'true'");
    let trials = claims[0].trials(&set).unwrap();
    proptest!(ProptestConfig::with_cases(64), |(request in request())| {
        let trial = trials.iter().find(|one| one.operation == request.operation);
        let known = trial.filter(|trial| trial.models.iter().any(|model| model.raw() == request.model.raw()));
        let stands = request.facts.settings.keys().all(|one| !request.facts.insertable.contains(one));
        let guarded = !matches!(
            request.operation.guardrail(),
            GuardrailPlace::Nowhere | GuardrailPlace::Unneeded
        );
        if let Some(trial) = known.filter(|_| stands && guarded && !request.operation.answers_elsewhere()) {
            let described = question(trial, &set, &request);
            prop_assert!(allows(&trial.subjects, &described), "{}", trial.subjects);
        }
    });
}
