//! `policy test`: runs the tables and invariants below `tests/` of a policy folder.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::text::{counted, github, xml};
use super::{Folder, OPEN_END};
use crate::cli::{Exit, Failure, Terminal};
use crate::policy::analysis::suite::{CaseResult, Counterexample, InvariantResult, Mismatch, Results};
use crate::policy::{PolicySet, Written};

/// What to test, and how to tell.
#[derive(Debug, Args)]
pub struct TestArgs {
    #[command(flatten)]
    folder: Folder,
    /// Name every rule that no case triggers, and exit with 1 when there is one
    #[arg(long)]
    coverage: bool,
    /// Format of the report
    #[arg(long, value_enum, default_value_t)]
    output: Format,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON object
    Json,
    /// JUnit's XML, which CI servers read
    Junit,
    /// Annotations of GitHub's workflows
    Github,
}

pub(super) fn run(args: &TestArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (set, suite) = args.folder.tested(terminal.color)?;
    if suite.is_empty() {
        let folder = args.folder.policies.join("tests");
        return Err(Failure::usage(format!("there are no tests in `{}`", folder.display()))
            .hint("write tables of `given`, `request` and `expect`; docs/policies.md shows how"));
    }
    let results = suite.run(&set, OPEN_END).map_err(Failure::internal)?;
    let report = Report { args, set: &set, results };
    match args.output {
        Format::Table => report.table(terminal)?,
        Format::Json => writeln!(terminal.stdout, "{:#}", report.json())?,
        Format::Junit => report.junit(terminal)?,
        Format::Github => report.github(terminal)?,
    }
    let uncovered = args.coverage && !report.results.untested.is_empty();
    Ok(if report.results.failed() > 0 || uncovered { Exit::Findings } else { Exit::Success })
}

struct Report<'a> {
    args: &'a TestArgs,
    set: &'a PolicySet,
    results: Results<'a>,
}

impl Report<'_> {
    fn table(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        for CaseResult { case, mismatches } in &self.results.cases {
            writeln!(terminal.stdout, "{} {}  {}", mark(mismatches.is_empty()), case.at(), case.name)?;
            for Mismatch { what, expected, actual } in mismatches {
                writeln!(
                    terminal.stdout,
                    "    {what}: expected {expected}\n    {:1$}  actual   {actual}",
                    "",
                    what.len()
                )?;
            }
        }
        for result in &self.results.invariants {
            let InvariantResult { invariant, asked, .. } = result;
            let (at, name) = (invariant.at(), &invariant.name);
            let mark = mark(result.holds());
            let told = match failure(result) {
                None => format!(" ({asked} requests of the grid)"),
                Some(failure) => format!("\n    {failure}"),
            };
            writeln!(terminal.stdout, "{mark} {at}  never: {name}{told}")?;
        }
        if self.args.coverage {
            for item in &self.results.untested {
                writeln!(terminal.stdout, "· {}  no case triggers {}", item.at, item.rule)?;
            }
        }
        let (passed, failed) = (self.results.passed(), self.results.failed());
        write!(terminal.stdout, "\n{passed} passed, {failed} failed")?;
        let (tested, untested) = (self.results.tested, self.results.untested.len());
        writeln!(terminal.stdout, "; {tested} of {} triggered", counted(tested + untested, "rule"))?;
        Ok(())
    }

    fn json(&self) -> Value {
        json!({
            "digest": self.set.digest(),
            "passed": self.results.passed(),
            "failed": self.results.failed(),
            "cases": self.results.cases.iter().map(case).collect::<Vec<_>>(),
            "never": self.results.invariants.iter().map(invariant).collect::<Vec<_>>(),
            "coverage": {
                "tested": self.results.tested,
                "untested": self.results.untested.iter().map(untested).collect::<Vec<_>>(),
            },
        })
    }

    fn junit(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let out = &mut terminal.stdout;
        let tests = self.results.passed() + self.results.failed();
        let failed = self.results.failed();
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<testsuites tests=\"{tests}\" failures=\"{failed}\">")?;
        writeln!(out, "  <testsuite name=\"policies\" tests=\"{tests}\" failures=\"{failed}\">")?;
        for outcome in self.outcomes() {
            let (file, line) = self.place(outcome.at);
            let attributes = format!(
                "name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{line}\"",
                xml(outcome.name),
                xml(&file),
                xml(&file)
            );
            match outcome.failure {
                None => writeln!(out, "    <testcase {attributes}/>")?,
                Some(failure) => {
                    let failure = xml(&failure);
                    writeln!(
                        out,
                        "    <testcase {attributes}>\n      <failure message=\"{failure}\"/>\n    </testcase>"
                    )?;
                }
            }
        }
        writeln!(out, "  </testsuite>\n</testsuites>")?;
        Ok(())
    }

    fn github(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        for outcome in self.outcomes() {
            let Some(failure) = outcome.failure else { continue };
            let (file, line) = self.place(outcome.at);
            writeln!(terminal.stdout, "{}", github("error", &file, line, outcome.name, &failure))?;
        }
        if self.args.coverage {
            for item in &self.results.untested {
                let (file, line) = self.place(&item.at);
                let text = format!("no case triggers {}", item.rule);
                writeln!(terminal.stdout, "{}", github("warning", &file, line, "untested rule", &text))?;
            }
        }
        let (passed, failed) = (self.results.passed(), self.results.failed());
        writeln!(terminal.stderr, "{passed} passed, {failed} failed")?;
        Ok(())
    }

    fn outcomes(&self) -> impl Iterator<Item = Outcome<'_>> {
        let cases = self.results.cases.iter().map(|CaseResult { case, mismatches }| Outcome {
            at: case.at(),
            name: &case.name,
            failure: (!mismatches.is_empty()).then(|| summed(mismatches)),
        });
        let invariants = self.results.invariants.iter().map(|result| Outcome {
            at: result.invariant.at(),
            name: &result.invariant.name,
            failure: failure(result),
        });
        cases.chain(invariants)
    }

    /// A file as the working directory sees it, and a line.
    fn place<'p>(&self, at: &'p str) -> (String, &'p str) {
        let (file, line) = at.rsplit_once(':').unwrap_or((at, "1"));
        (self.args.folder.policies.join(file).display().to_string(), line)
    }
}

/// One test, in the words that all formats share.
struct Outcome<'r> {
    at: &'r str,
    name: &'r str,
    failure: Option<String>,
}

const fn mark(passed: bool) -> &'static str {
    if passed { "✓" } else { "✗" }
}

fn summed(mismatches: &[Mismatch]) -> String {
    let one = |Mismatch { what, expected, actual }: &Mismatch| {
        format!("{what}: expected {expected}, actual {actual}")
    };
    mismatches.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn failure(result: &InvariantResult<'_>) -> Option<String> {
    match &result.broken {
        Some(found) => Some(format!("allowed: {}, by {}", described(found), found.granted_by.join(", "))),
        None if result.holds() => None,
        None => Some("no request of the grid is like that, so nothing was asked".to_owned()),
    }
}

/// A request in the words of `policy explain`.
pub(super) fn described(found: &Counterexample) -> String {
    let probe = &found.probe;
    let (team, app) = (&probe.principal.team, &probe.principal.app);
    let model = probe.model.as_ref().map(|model| format!(" {model}")).unwrap_or_default();
    let mut text = format!("{team}/{app} {}{model} env={}", probe.operation, probe.context.environment);
    if !probe.facts.tools.is_empty() {
        text = format!("{text} tools={}", probe.facts.tools.join(","));
    }
    if let Some(guardrail) = &probe.facts.guardrail {
        text = format!("{text} guardrail={guardrail}");
    }
    format!("{text} from {} at {}", probe.context.source, probe.context.now)
}

fn case(CaseResult { case, mismatches }: &CaseResult<'_>) -> Value {
    let mismatch = |Mismatch { what, expected, actual }: &Mismatch| json!({ "what": what, "expected": expected, "actual": actual });
    json!({
        "name": case.name,
        "at": case.at(),
        "passed": mismatches.is_empty(),
        "mismatches": mismatches.iter().map(mismatch).collect::<Vec<_>>(),
    })
}

fn invariant(result: &InvariantResult<'_>) -> Value {
    json!({
        "name": result.invariant.name,
        "at": result.invariant.at(),
        "passed": result.holds(),
        "asked": result.asked,
        "allowed": result.broken.as_ref().map(described),
        "granted_by": result.broken.as_ref().map(|found| found.granted_by.as_slice()),
    })
}

fn untested(item: &Written) -> Value {
    json!({ "rule": item.rule.as_str(), "section": item.section.name(), "at": &*item.at, "mode": item.mode.name() })
}
