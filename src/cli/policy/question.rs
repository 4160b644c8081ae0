//! The request that `policy explain` asks about, described by `NAME=VALUE`.
//!
//! Receives words of the command line, returns facts. What the names mean is said in one place for all that describe
//! requests.

use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::cli::Failure;
use crate::policy::analysis::description::{self, DescriptionError};
use crate::policy::{Facts, GuardrailReference};
use crate::sensitive::Scanner;

/// Reads facts of a request for an operation on a model.
pub(super) fn facts(
    words: &[String],
    operation: Operation,
    model: Option<&ModelReference>,
    scanner: &Scanner,
) -> Result<Facts, Failure> {
    let mut facts = description::plain(operation, model);
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`{word}` is not a fact")).hint("write NAME=VALUE"))?;
        let values: Vec<&str> = value.split(',').collect();
        description::learn(&mut facts, name, &values, scanner)?;
    }
    Ok(facts)
}

/// The guardrail among facts, when nothing else may be there.
pub(super) fn guardrail_only(words: &[String]) -> Result<Option<GuardrailReference>, Failure> {
    words.iter().try_fold(None, |_, word| match word.strip_prefix("guardrail=") {
        Some(value) => Ok(Some(description::guardrail(value)?)),
        None => Err(Failure::usage(format!("`{word}` cannot be given beside --request"))
            .hint("the body says it; only guardrail=ID:VERSION stands in headers")),
    })
}

impl From<DescriptionError> for Failure {
    fn from(error: DescriptionError) -> Self {
        let failure = Self::usage(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
