//! How `policy explain` shows what it found: a table for people, an object for scripts.

use std::io::Write;

use serde_json::{Value, json};

use crate::cli::{Failure, Terminal};
use crate::policy::analysis::probe::{Judged, Probe};
use crate::policy::{Charge, Check, Mode, PolicySet, Repair, Section, Violation};
use crate::sensitive::DetectorId;

/// Everything that is shown.
pub(super) struct Report<'a> {
    pub set: &'a PolicySet,
    pub probe: &'a Probe,
    pub judged: Judged,
    pub checks: Vec<Check>,
}

impl Report<'_> {
    const fn decision(&self) -> &'static str {
        match (self.judged.is_allowed(), self.judged.repairs.is_empty()) {
            (false, _) => "DENY",
            (true, true) => "ALLOW",
            (true, false) => "MODIFY",
        }
    }

    pub fn print(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        let Probe { principal, operation, model, .. } = self.probe;
        let denial = self.judged.denial.as_ref();
        let fault = denial.map(|denial| format!(" {}", denial.fault.name())).unwrap_or_default();
        let decision = paint(terminal, self.decision(), if denial.is_some() { "31" } else { "32" });
        let (team, app, action) = (&principal.team, &principal.app, operation.name());
        let on = model.as_ref().map(|model| format!(" {model}")).unwrap_or_default();
        writeln!(terminal.stdout, "{decision}{fault}  {team}/{app} {action}{on}")?;
        writeln!(terminal.stdout, "{}\n", self.set.digest())?;
        let lines: Vec<Line> = self.checks.iter().flat_map(|check| self.lines(check)).collect();
        let rules = lines.iter().map(|line| line.rule.len()).max().unwrap_or_default();
        let places = lines.iter().map(|line| line.at.len()).max().unwrap_or_default();
        for line in &lines {
            let mark = paint(terminal, line.mark.0, line.mark.1);
            let text = format!("{:rules$}  {:places$}  {}", line.rule, line.at, line.text);
            writeln!(terminal.stdout, "  {mark} {}", text.trim_end())?;
        }
        if let Some(denial) = denial {
            writeln!(terminal.stdout, "\n{}", denial.message)?;
        }
        Ok(())
    }

    fn lines<'c>(&self, check: &'c Check) -> Vec<Line<'c>> {
        let line = |mark, text: String| Line { mark, rule: check.rule.as_str(), at: &check.at, text };
        if !check.violations.is_empty() {
            let (mark, word) = match check.mode {
                Mode::Enforce => (BROKEN, ""),
                Mode::Shadow => (SHADOW, "in shadow: "),
            };
            let text = |violation: &Violation| line(mark, format!("{word}{}", violation.message));
            return check.violations.iter().map(text).collect();
        }
        let repairs: Vec<_> =
            self.judged.repairs.iter().filter(|repair| *repair.rule() == check.rule).collect();
        if !repairs.is_empty() {
            return repairs.into_iter().map(|repair| line(REPAIRED, shown(repair))).collect();
        }
        vec![match (check.applies, check.section) {
            (false, _) => line(IDLE, "does not concern this request".to_owned()),
            (true, Section::Allow) => {
                let by: Vec<_> = check.granted_by.iter().map(ToString::to_string).collect();
                line(KEPT, format!("granted by {}", by.join(", ")))
            }
            (true, Section::Quotas) => {
                let counts = self.charges().into_iter().filter(|charge| *charge.rule() == check.rule);
                line(KEPT, counts.map(|charge| count(&charge)).collect::<Vec<_>>().join(", "))
            }
            (true, _) => line(KEPT, String::new()),
        }]
    }

    /// The counts that the request belongs to. How full they are, only a running warden knows.
    fn charges(&self) -> Vec<Charge<'_>> {
        self.probe.charges(self.set, &self.judged)
    }

    pub fn json(&self) -> Value {
        let Probe { principal, operation, model, .. } = self.probe;
        let Judged { repairs, verdict, denial, .. } = &self.judged;
        json!({
            "decision": self.decision().to_lowercase(),
            "error": denial.as_ref().map(|denial| denial.fault.name()),
            "message": denial.as_ref().map(|denial| denial.message.as_str()),
            "digest": self.set.digest(),
            "principal": { "team": principal.team, "app": principal.app },
            "operation": operation.name(),
            "model": model.as_ref().map(|model| json!({
                "raw": model.raw(), "canonical": model.canonical(), "kind": model.kind().name(),
                "resolved": model.origin_ids(),
            })),
            "granted_by": verdict.granted_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "repairs": repairs.iter().map(repair).collect::<Vec<_>>(),
            "rules": self.checks.iter().map(rule).collect::<Vec<_>>(),
            "quotas": self.charges().iter().map(quota).collect::<Vec<_>>(),
        })
    }
}

/// One line of the table.
struct Line<'c> {
    mark: Mark,
    rule: &'c str,
    at: &'c str,
    text: String,
}

/// A sign and the colour it has on a terminal.
type Mark = (&'static str, &'static str);

const BROKEN: Mark = ("✗", "31");
const SHADOW: Mark = ("◌", "33");
const REPAIRED: Mark = ("~", "36");
const KEPT: Mark = ("✓", "32");
const IDLE: Mark = ("·", "2");

fn paint(terminal: &Terminal, text: &str, color: &str) -> String {
    if terminal.color { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn shown(repair: &Repair) -> String {
    match repair {
        Repair::Set { parameter, value, previous: Some(previous), .. } => {
            format!("{parameter} {previous} becomes {value}")
        }
        Repair::Set { parameter, value, previous: None, .. } => format!("{parameter} is set to {value}"),
        Repair::Guardrail { reference, .. } => format!("guardrail {reference} is added"),
        Repair::Redact { detectors, .. } => {
            let names: Vec<_> = detectors.iter().map(DetectorId::name).collect();
            format!("{} is redacted", names.join(", "))
        }
        Repair::Tokenize { detectors, .. } => {
            let names: Vec<_> = detectors.iter().map(DetectorId::name).collect();
            format!("{} is tokenized, and given back in the answer", names.join(", "))
        }
    }
}

/// `600 requests/min for payments`.
fn count(charge: &Charge<'_>) -> String {
    let counted = format!("{} for {}", charge.bound(), charge.subject);
    match charge.need {
        Ok(_) => counted,
        Err(why) => format!("{counted}: {}", charge.uncountable(why).message),
    }
}

fn quota(charge: &Charge<'_>) -> Value {
    json!({
        "rule": charge.rule().as_str(),
        "mode": charge.mode().name(),
        "subject": charge.subject.to_string(),
        "measure": charge.measure().name(),
        "window": charge.window().name(),
        "limit": charge.limit(),
        "uncountable": charge.need.err().map(|why| charge.uncountable(why).message),
    })
}

fn repair(repair: &Repair) -> Value {
    let rule = repair.rule().as_str();
    match repair {
        Repair::Set { parameter, value, previous, .. } => {
            json!({ "rule": rule, "field": parameter.name(), "from": previous, "to": value })
        }
        Repair::Guardrail { reference, .. } => {
            json!({ "rule": rule, "field": "guardrail", "from": null, "to": reference.to_string() })
        }
        Repair::Redact { detectors, .. } => {
            let names: Vec<_> = detectors.iter().map(DetectorId::name).collect();
            json!({ "rule": rule, "field": "redact", "detectors": names })
        }
        Repair::Tokenize { detectors, .. } => {
            let names: Vec<_> = detectors.iter().map(DetectorId::name).collect();
            json!({ "rule": rule, "field": "tokenize", "detectors": names })
        }
    }
}

fn rule(check: &Check) -> Value {
    let violation = |violation: &Violation| {
        json!({
            "error": violation.fault.name(),
            "message": violation.message,
            "value": violation.value,
            "bound": violation.bound,
            "controls": violation.controls,
        })
    };
    json!({
        "rule": check.rule.as_str(),
        "section": check.section.name(),
        "at": &*check.at,
        "mode": check.mode.name(),
        "locked": check.locked,
        "applies": check.applies,
        "violations": check.violations.iter().map(violation).collect::<Vec<_>>(),
    })
}
