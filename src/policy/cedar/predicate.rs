//! A condition that an author wrote as Cedar text.
//!
//! Receives a scalar of a policy file, reports what Cedar finds wrong with it at its place in the file, and returns
//! something that answers for a request. FAIL-CLOSED: what cannot be evaluated is an error, never `false`.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{EvalResult, Expression, Policy, PolicySet, eval_expression};
use miette::Diagnostic;

use super::schema::validate;
use crate::policy::asked::{Asked, Undecided};
use crate::yaml::{Node, Reader};

/// A condition that was parsed and type-checked.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Predicate(Arc<Expression>);

/// What Cedar finds wrong, and with which bytes of the condition.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Mistake {
    start: Option<usize>,
    end: Option<usize>,
    text: String,
    help: Option<String>,
}

/// What stands before a condition in the policy that it is checked in. The line break keeps a comment out of the rest.
const BEFORE: &str = "forbid (principal, action, resource) when {\n";
const AFTER: &str = "\n};";

impl Predicate {
    /// Reads the text of `when` or `unless`.
    pub fn read(reader: &mut Reader<'_>, node: &Node, place: &str) -> Option<Self> {
        let text = reader.string(node, place)?;
        match parse(&text) {
            Ok(expression) => Some(Self(Arc::new(expression))),
            Err(mistakes) => {
                for mistake in mistakes {
                    let span = located(reader, node, &text, &mistake);
                    let message = format!("`{place}` is not a condition: {}", mistake.text);
                    let mut diagnostic = reader.source.error(span, message);
                    diagnostic.help = mistake.help.or_else(|| Some(HELP.to_owned()));
                    reader.push(diagnostic);
                }
                None
            }
        }
    }

    pub fn holds(&self, asked: &Asked<'_>) -> Result<bool, Undecided> {
        let (request, entities) = asked.question()?.parts();
        match eval_expression(request, entities, &self.0) {
            Ok(EvalResult::Bool(holds)) => Ok(holds),
            Ok(_) | Err(_) => Err(Undecided),
        }
    }

    /// As Cedar writes it, on one line.
    pub fn text(&self) -> String {
        self.0.to_string()
    }
}

const HELP: &str = "a text is a Cedar condition over the schema of `bedrock-warden policy cedar --schema`; write a mapping \
                    such as `{ env: prod }` otherwise";

fn parse(text: &str) -> Result<Expression, Vec<Mistake>> {
    // ORDER: parsed by itself first, so that no text can close the braces around it and write a policy of its own.
    let expression = Expression::from_str(text).map_err(|errors| vec![mistake(&errors, 0)])?;
    let policy = Policy::parse(None, format!("{BEFORE}{text}{AFTER}"))
        .map_err(|errors| vec![mistake(&errors, BEFORE.len())])?;
    let unchecked = || {
        let text = "it cannot be checked".to_owned();
        vec![Mistake { start: None, end: None, text, help: None }]
    };
    let policies = PolicySet::from_policies([policy]).map_err(|_| unchecked())?;
    let result = validate(&policies).ok_or_else(unchecked)?;
    let mut mistakes: Vec<_> = result.validation_errors().map(|error| mistake(error, BEFORE.len())).collect();
    // Said once for every operation that there is.
    mistakes.sort();
    mistakes.dedup();
    if mistakes.is_empty() { Ok(expression) } else { Err(mistakes) }
}

/// An error of Cedar's about a text that begins `before` bytes after the condition's own beginning.
fn mistake(error: &(impl Diagnostic + ?Sized), before: usize) -> Mistake {
    let label = error.labels().and_then(|mut labels| labels.next());
    let start = label.as_ref().and_then(|label| label.offset().checked_sub(before));
    let end = start.zip(label).map(|(start, label)| start + label.len());
    Mistake {
        start,
        end,
        text: shortened(&error.to_string()),
        help: error.help().map(|help| help.to_string()),
    }
}

/// Cedar's text without the policy and the operation that it names, neither of which the author wrote.
fn shortened(text: &str) -> String {
    let text = text.replace("for policy `policy0`, ", "");
    let Some((before, after)) = text.split_once(" for Warden::Action::\"") else { return text };
    let rest = after.split_once('"').map_or("", |(_, rest)| rest);
    format!("{before}{rest}")
}

/// The bytes of the file that hold `span` of the condition; the whole scalar where it is folded or escaped.
fn located(reader: &Reader<'_>, node: &Node, text: &str, mistake: &Mistake) -> Range<usize> {
    let written = reader.source.text.get(node.span.clone()).unwrap_or_default();
    match (mistake.start, mistake.end, written.find(text)) {
        (Some(start), Some(end), Some(before)) => {
            let first = node.span.start + before;
            let end = (first + end).min(node.span.end);
            (first + start).min(end)..end
        }
        (_, _, _) => node.span.clone(),
    }
}
