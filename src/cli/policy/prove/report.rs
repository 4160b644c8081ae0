//! What becomes of each claim, and how it is told.
//!
//! Asks the solver trial by trial and stops at the first request that breaks a claim. A claim about no request is not held
//! for proved.

use std::io::Write;

use serde_json::{Value, json};

use super::ProveArgs;
use super::solver::{Answer, Prover};
use crate::cli::policy::Output;
use crate::cli::policy::test::described;
use crate::cli::policy::text::counted;
use crate::cli::{Exit, Failure, Terminal, runtime};
use crate::policy::PolicySet;
use crate::policy::analysis::description;
use crate::policy::analysis::suite::Counterexample;
use crate::policy::analysis::theorem::{Claim, assumptions, claims};

pub(in crate::cli::policy) fn run(args: &ProveArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (set, suite) = args.folder.tested(terminal.color)?;
    let claims = claims(&suite, &set);
    if claims.is_empty() {
        return Err(Failure::usage(
            "there is nothing to prove: no test file has `never`, and nothing is locked",
        )
        .hint("write invariants below tests/; docs/policies.md shows how"));
    }
    let runtime = runtime()?;
    let results = runtime.block_on(async {
        let mut prover = Prover::start(&args.solver, args.limit)?;
        let mut results = Vec::with_capacity(claims.len());
        for claim in &claims {
            results.push(Proof { claim, outcome: decide(claim, &set, &mut prover).await? });
        }
        Ok::<_, Failure>((results, prover.spent()))
    });
    let (proofs, spent) = results?;
    let report = Report { set: &set, proofs };
    match args.output {
        Output::Table => report.table(terminal)?,
        Output::Json => writeln!(terminal.stdout, "{:#}", report.json())?,
    }
    writeln!(terminal.stderr, "the solver took {:.1} s", spent.as_secs_f64())?;
    Ok(if report.all_proved() { Exit::Success } else { Exit::Findings })
}

/// What became of a claim.
#[derive(Debug)]
enum Outcome {
    /// No request of so many trials breaks it.
    Proved(usize),
    /// The warden allows a request that it forbids.
    Refuted(Box<Counterexample>),
    /// It is about no request at all.
    Empty,
    /// Why nobody knows.
    Open(String),
}

async fn decide(claim: &Claim, set: &PolicySet, prover: &mut Prover) -> Result<Outcome, Failure> {
    let trials = claim.trials(set).map_err(Failure::internal)?;
    // What is locked may be about requests that nobody can make; what an author wrote may not.
    let mut is_about_something = claim.built_in;
    let mut open = None;
    for trial in &trials {
        let place = || format!("{} of {}", trial.operation, trial.team);
        match prover.ask(&trial.policies, trial.operation).await? {
            Answer::DeniesAll => {}
            Answer::Allows(request) => {
                if let Some(found) = trial.replay(set, &request) {
                    return Ok(Outcome::Refuted(Box::new(found)));
                }
                let why = "the solver imagines hours, tools or aliases that do not come together";
                open = Some(format!("{}: {why}", place()));
                is_about_something = true;
            }
            Answer::Unknown => {
                open = Some(format!("{}: the solver gave up; --limit gives it more time", place()));
            }
        }
        if !is_about_something {
            let subjects = prover.ask(&trial.subjects, trial.operation).await?;
            is_about_something = !matches!(subjects, Answer::DeniesAll);
        }
    }
    Ok(match open {
        Some(why) => Outcome::Open(why),
        None if is_about_something => Outcome::Proved(trials.len()),
        None => Outcome::Empty,
    })
}

/// A claim and what became of it.
struct Proof<'c> {
    claim: &'c Claim,
    outcome: Outcome,
}

struct Report<'r> {
    set: &'r PolicySet,
    proofs: Vec<Proof<'r>>,
}

impl Report<'_> {
    fn all_proved(&self) -> bool {
        self.proofs.iter().all(|proof| matches!(proof.outcome, Outcome::Proved(_)))
    }

    fn table(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let out = &mut terminal.stdout;
        for Proof { claim, outcome } in &self.proofs {
            let mark = if matches!(outcome, Outcome::Proved(_)) { "✓" } else { "✗" };
            writeln!(out, "{mark} {}  never: {}", claim.at, claim.name)?;
            match outcome {
                Outcome::Proved(trials) => writeln!(
                    out,
                    "    proved for all requests to {} ({} of teams and operations)",
                    claim.region(),
                    counted(*trials, "pair")
                )?,
                Outcome::Refuted(found) => {
                    writeln!(out, "    refuted: {}", told(found))?;
                    writeln!(out, "    allowed by {}", found.granted_by.join(", "))?;
                }
                Outcome::Empty => writeln!(out, "    no request is like that, so nothing is proved")?,
                Outcome::Open(why) => writeln!(out, "    open: {why}")?,
            }
        }
        writeln!(out, "\nAssumed:")?;
        for sentence in assumptions() {
            writeln!(out, "  · {sentence}")?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let proof = |Proof { claim, outcome }: &Proof<'_>| {
            let (word, trials, found, why) = match outcome {
                Outcome::Proved(trials) => ("proved", Some(*trials), None, None),
                Outcome::Refuted(found) => ("refuted", None, Some(found), None),
                Outcome::Empty => ("empty", None, None, None),
                Outcome::Open(why) => ("open", None, None, Some(why)),
            };
            json!({
                "name": claim.name,
                "at": claim.at,
                "built_in": claim.built_in,
                "region": claim.region(),
                "outcome": word,
                "trials": trials,
                "allowed": found.map(|found| told(found)),
                "granted_by": found.map(|found| found.granted_by.as_slice()),
                "why": why,
            })
        };
        json!({
            "digest": self.set.digest(),
            "claims": self.proofs.iter().map(proof).collect::<Vec<_>>(),
            "assumed": assumptions().collect::<Vec<_>>(),
        })
    }
}

/// A request in the words of `policy explain`, with all that a plain one does not say.
fn told(found: &Counterexample) -> String {
    let facts = description::told(
        &found.probe.facts,
        &description::plain(found.probe.operation, found.probe.model.as_ref()),
    );
    let mut text = described(found);
    for (name, value) in facts {
        text = format!("{text} {name}={value}");
    }
    match &found.probe.context.break_glass {
        Some(id) => format!("{text} break-glass={id}"),
        None => text,
    }
}
