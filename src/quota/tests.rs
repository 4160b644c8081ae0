//! Whole requests against counts: what is admitted, what is given back, what is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::attempt::{Attempt, WhenShort};
use super::*;
use crate::audit::query::Tally;
use crate::audit::{EndState, Outcome, Tokens};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::bedrock::view::Parameter;
use crate::identity::{CredentialKind, Principal};
use crate::policy::{self, Context, Facts, Inquiry, PolicySet, Size};
use crate::yaml::{Diagnostics, Source};

const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";
/// 2026-11-24T20:00:00Z.
const NOW: i64 = 1_795_550_400;

fn policies(org: &str, team: &str) -> PolicySet {
    policies_with(org, team, None)
}

fn policies_with(org: &str, team: &str, exceptions: Option<&str>) -> PolicySet {
    let file = |path: &str, scope: &str, sections: &str| {
        Source::new(path, format!("version: 1\nscope: {scope}\nallow: {{ models: \"*\" }}\n{sections}\n"))
    };
    let mut files = vec![file("org.yaml", "org", org), file("teams/payments.yaml", "team/payments", team)];
    files.extend(exceptions.map(|text| Source::new("exceptions.yaml", text)));
    let mut diagnostics = Diagnostics::default();
    policy::compile(&files, "2026-11-24T20:00:00Z".parse().unwrap(), &mut diagnostics)
        .unwrap_or_else(|| panic!("{diagnostics}"))
}

/// Requests of one application.
struct Asker {
    ledger: Arc<Ledger>,
    policies: PolicySet,
    principal: Principal,
    context: Context,
    model: ModelReference,
}

impl Asker {
    fn new(policies: PolicySet) -> Self {
        Self {
            ledger: Arc::default(),
            policies,
            principal: Principal {
                team: "payments".to_owned(),
                app: "checkout".to_owned(),
                credential: CredentialKind::SigV4,
                credential_id: "AKIAEXAMPLE".to_owned(),
            },
            context: Context {
                environment: "prod".to_owned(),
                region: "us-east-1".to_owned(),
                source: "10.1.2.3".parse().unwrap(),
                now: "2026-11-24T20:00:00Z".parse().unwrap(),
                break_glass: None,
            },
            model: ModelReference::parse(MODEL).unwrap(),
        }
    }

    /// Asks for at most `input` and `output` tokens.
    fn ask(&self, at: i64, input: u64, output: f64) -> Result<Reservation, Refused> {
        let mut facts = Facts::default();
        facts.settings.insert(Parameter::MaxTokens, vec![output]);
        let inquiry = Inquiry {
            principal: &self.principal,
            operation: Operation::Converse,
            model: Some(&self.model),
            context: &self.context,
            facts: &facts,
        };
        let size = Size { body: input, opaque: &[] };
        match self.ledger.attempt(&self.policies.charges(&inquiry, size), at, WhenShort::Wait) {
            Attempt::Admitted(reservation) => Ok(reservation),
            Attempt::Refused(refused) => Err(refused),
            Attempt::Short => unreachable!("nobody shares these limits"),
        }
    }

    fn sent(&self, at: i64, input: u64, output: f64) -> Reservation {
        let mut reservation = self.ask(at, input, output).unwrap();
        reservation.leave();
        reservation
    }

    /// How many requests of one token still fit.
    fn room(&self, at: i64) -> usize {
        let held: Vec<_> = std::iter::from_fn(|| self.ask(at, 1, 0.0).ok()).take(10_000).collect();
        held.len()
    }
}

fn answered(input: u64, output: u64) -> Outcome {
    let mut outcome = Outcome::new(EndState::Complete);
    outcome.upstream_status = Some(200);
    outcome.tokens = Tokens { input: Some(input), output: Some(output), ..Tokens::default() };
    outcome
}

#[test]
fn a_quota_admits_what_fits_and_not_one_more() {
    let asker = Asker::new(policies("", "quotas: { requests: 3/min }"));
    let held: Vec<_> = (0..3).map(|_| asker.sent(NOW, 1, 1.0)).collect();
    let refused = asker.ask(NOW + 15, 1, 1.0).unwrap_err();
    assert_eq!(refused.retry_after, Some(45));
    assert_eq!(refused.violations.len(), 1);
    assert!(!refused.unavailable);
    drop(held);
    // They left, so that nothing comes back; the next minute begins at nothing.
    assert!(asker.ask(NOW + 59, 1, 1.0).is_err());
    assert!(asker.ask(NOW + 60, 1, 1.0).is_ok());
}

#[test]
fn what_never_left_is_given_back() {
    let asker = Asker::new(policies("", "quotas: { requests: 2/day, tokens: 100/day }"));
    drop(asker.ask(NOW, 40, 60.0).unwrap());
    let reservation = asker.ask(NOW, 40, 60.0).unwrap();
    assert_eq!(reservation.settle(Spent::NOTHING).len(), 2);
    assert_eq!(asker.room(NOW), 2);
}

#[test]
fn settling_replaces_what_was_reserved() {
    let with = |change: &dyn Fn(&mut Outcome)| {
        let mut outcome = answered(10, 20);
        change(&mut outcome);
        outcome
    };
    let table: [(Outcome, usize); 7] = [
        (answered(10, 20), 970),
        (with(&|one| one.tokens.cache_read = Some(5)), 965),
        // What is not said stays as it was reserved: 100 in, 400 out.
        (with(&|one| one.tokens.output = None), 590),
        (with(&|one| one.tokens = Tokens::default()), 500),
        (with(&|one| one.upstream_status = Some(429)), 1_000),
        (with(&|one| one.end_state = EndState::NotForwarded), 1_000),
        // More than was reserved is counted, too.
        (answered(900, 200), 0),
    ];
    for (outcome, left) in table {
        let asker = Asker::new(policies("", "quotas: { tokens: 1K/day }"));
        asker.sent(NOW, 100, 400.0).settle(Spent::of(&outcome));
        assert_eq!(asker.room(NOW), left, "{outcome:?}");
    }
}

#[test]
fn an_abandoned_request_keeps_what_it_reserved() {
    let asker = Asker::new(policies("", "quotas: { tokens: 1K/day }"));
    drop(asker.sent(NOW, 100, 400.0));
    assert_eq!(asker.room(NOW), 500);
}

#[test]
fn all_counts_admit_a_request_or_none_is_charged() {
    let asker = Asker::new(policies("quotas: { requests: 5/day }", "quotas: { tokens: 100/day }"));
    let refused = asker.ask(NOW, 50, 60.0).unwrap_err();
    assert_eq!(refused.violations[0].rule.as_str(), "payments/quotas");
    assert_eq!(refused.retry_after, None);
    assert_eq!(asker.room(NOW), 5);
    let held: Vec<_> = (0..5).map(|_| asker.sent(NOW, 10, 10.0)).collect();
    let refused = asker.ask(NOW, 10, 10.0).unwrap_err();
    let rules: Vec<_> = refused.violations.iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(rules, ["org/quotas", "payments/quotas"]);
    drop(held);
}

#[test]
fn a_shadow_quota_counts_and_never_refuses() {
    let asker = Asker::new(policies("", "quotas: { mode: shadow, requests: 2/day }"));
    let said: Vec<usize> = (0..4).map(|_| asker.sent(NOW, 1, 1.0).shadow.len()).collect();
    assert_eq!(said, [0, 0, 1, 1]);
}

#[test]
fn callers_and_apps_have_counts_of_their_own() {
    let mut asker = Asker::new(policies(
        "",
        "quotas:\n  - { per: app, requests: 2/day }\n  - { id: each, per: caller, requests: 1/day }",
    ));
    let _first = asker.sent(NOW, 1, 1.0);
    assert!(asker.ask(NOW, 1, 1.0).is_err());
    asker.principal.credential_id = "AKIAOTHER".to_owned();
    let _second = asker.sent(NOW, 1, 1.0);
    asker.principal.credential_id = "AKIATHIRD".to_owned();
    assert!(asker.ask(NOW, 1, 1.0).is_err(), "the app has none left");
    asker.principal.app = "ledger".to_owned();
    assert!(asker.ask(NOW, 1, 1.0).is_ok());
}

#[test]
fn an_exception_that_waives_a_quota_lets_through_and_counts() {
    let exception = "version: 1\nscope: exceptions\nexceptions:\n  - id: BG-1\n    for: { team: payments }\n    \
                     waive: [payments/quotas]\n    breakGlass: true\n    until: 2026-12-01T00:00:00Z\n    \
                     owner: a@b.example\n    approvedBy: c@b.example\n    ticket: https://t.example/1\n    \
                     reason: Failover.\n";
    let mut asker = Asker::new(policies_with("", "quotas: { requests: 1/day }", Some(exception)));
    assert!(asker.sent(NOW, 1, 1.0).exceptions.is_empty());
    assert!(asker.ask(NOW, 1, 1.0).is_err(), "nobody has broken the glass");
    asker.context.break_glass = Some("BG-1".to_owned());
    let exempted = asker.sent(NOW, 1, 1.0);
    assert_eq!(exempted.exceptions.len(), 1);
    assert!(exempted.exceptions[0].break_glass);
    assert_eq!(exempted.counted()[0].amount, 1);
    asker.context.break_glass = None;
    assert_eq!(asker.room(NOW), 0);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let mut asker = Asker::new(policies("", "quotas: { cost: 1 USD/day }"));
    asker.model = ModelReference::parse("nobody.knows-v1:0").unwrap();
    let refused = asker.ask(NOW, 1, 1.0).unwrap_err();
    assert!(refused.violations[0].message.contains("no price"), "{:?}", refused.violations);
    let mut asker = Asker::new(policies("", "quotas: { mode: shadow, cost: 1 USD/day }"));
    asker.model = ModelReference::parse("nobody.knows-v1:0").unwrap();
    assert_eq!(asker.ask(NOW, 1, 1.0).unwrap().shadow.len(), 1);
}

#[test]
fn settling_late_changes_no_later_window() {
    let asker = Asker::new(policies("", "quotas: { tokens: 1K/min }"));
    let late = asker.sent(NOW + 59, 100, 400.0);
    let _next = asker.sent(NOW + 60, 100, 400.0);
    let changes = late.settle(Spent::of(&answered(1, 1)));
    assert_eq!((changes[0].starts, changes[0].amount), (NOW, -498));
    assert_eq!(asker.room(NOW + 60), 500);
}

#[test]
fn what_an_earlier_process_counted_is_taken_over() {
    let tally = |window: &str, subject: &str, amount, starts| Tally {
        rule: "payments/quotas".to_owned(),
        measure: "requests".to_owned(),
        window: window.to_owned(),
        subject: subject.to_owned(),
        starts,
        amount,
    };
    let restored = |tally: Tally| {
        let asker = Asker::new(policies("", "quotas: { requests: 10/day }"));
        asker.ledger.restore_at([tally], NOW);
        asker
    };
    let (today, day) = (NOW - NOW % 86_400, 86_400);
    assert_eq!(restored(tally("day", "payments", 7, today)).room(NOW), 3);
    assert_eq!(restored(tally("day", "payments", 12, today)).room(NOW), 0);
    assert_eq!(restored(tally("day", "payments", -3, today)).room(NOW), 10);
    // A window that is over, another window, another subject: other counts.
    assert_eq!(restored(tally("day", "payments", 7, today - day)).room(NOW), 10);
    assert_eq!(restored(tally("month", "payments", 7, today)).room(NOW), 10);
    assert_eq!(restored(tally("day", "payments/checkout", 7, today)).room(NOW), 10);
    // The clock was ahead when they were counted: they stay counted, tomorrow at the latest.
    for ahead in [day, 400 * day] {
        let ahead = restored(tally("day", "payments", 7, today + ahead));
        assert_eq!([NOW, NOW + day, NOW + 2 * day].map(|at| ahead.room(at)), [3, 3, 10]);
    }
}

#[test]
fn a_hundred_threads_never_exceed_a_budget() {
    let asker = Asker::new(policies("quotas: { requests: 1K/day }", "quotas: { tokens: 5K/day, per: app }"));
    let admitted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                for _ in 0..20 {
                    if let Ok(mut reservation) = asker.ask(NOW, 1, 6.0) {
                        reservation.leave();
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 5_000 / 7);
}

/// What may happen to requests.
#[derive(Debug, Clone)]
enum Step {
    Ask {
        input: u64,
        output: u32,
    },
    Leave(usize),
    Drop(usize),
    /// Settled with parts of what was reserved, in percent.
    Settle(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..300_u64, 0..300_u32).prop_map(|(input, output)| Step::Ask { input, output }),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => (any::<usize>(), 0..=100_u64).prop_map(|(which, part)| Step::Settle(which, part)),
    ]
}

proptest! {
    /// The model: what is certain to be used, by requests that are settled, abandoned or under way.
    #[test]
    fn no_order_of_events_admits_more_than_the_limit(steps in prop::collection::vec(step(), 1..200)) {
        const LIMIT: u64 = 1_000;
        let asker = Asker::new(policies("", "quotas: { tokens: 1K/day }"));
        let mut open: Vec<(Reservation, u64, bool)> = Vec::new();
        let mut spent = 0;
        for step in steps {
            match step {
                Step::Ask { input, output } => {
                    let need = input + u64::from(output);
                    let used = spent + open.iter().map(|(_, need, _)| need).sum::<u64>();
                    let reserved = asker.ask(NOW, input, f64::from(output));
                    prop_assert_eq!(reserved.is_ok(), used + need <= LIMIT, "{} used, {} asked", used, need);
                    open.extend(reserved.ok().map(|reservation| (reservation, need, false)));
                }
                Step::Leave(which) if !open.is_empty() => {
                    let at = which % open.len();
                    open[at].0.leave();
                    open[at].2 = true;
                }
                Step::Drop(which) if !open.is_empty() => {
                    let (reservation, need, left) = open.swap_remove(which % open.len());
                    drop(reservation);
                    spent += if left { need } else { 0 };
                }
                Step::Settle(which, part) if !open.is_empty() => {
                    let (reservation, need, _) = open.swap_remove(which % open.len());
                    let took = need * part / 100;
                    reservation.settle(Spent::of(&answered(took, 0)));
                    spent += took;
                }
                Step::Leave(_) | Step::Drop(_) | Step::Settle(..) => {}
            }
            prop_assert!(spent + open.iter().map(|(_, need, _)| need).sum::<u64>() <= LIMIT);
        }
    }
}
