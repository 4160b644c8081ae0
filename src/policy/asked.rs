//! One inquiry while it is judged, with what several rules need and one of them computes.
//!
//! Receives an inquiry and lends it to rules. The context of Cedar conditions is built when the first of them asks for
//! it, at most once, and never for policies that have none. Holds values only.

use std::cell::OnceCell;

use thiserror::Error;

use super::cedar::Question;
use super::facts::Inquiry;

/// An inquiry and what was worked out about it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub inquiry: Inquiry<'a>,
    question: OnceCell<Result<Question, Undecided>>,
}

/// A condition that Cedar could not evaluate. FAIL-CLOSED: whoever gets one denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("its condition could not be evaluated")]
pub(super) struct Undecided;

impl<'a> Asked<'a> {
    pub fn new(inquiry: &Inquiry<'a>) -> Self {
        Self { inquiry: *inquiry, question: OnceCell::new() }
    }

    /// The inquiry as Cedar reads it.
    pub fn question(&self) -> Result<&Question, Undecided> {
        self.question.get_or_init(|| Question::of(&self.inquiry)).as_ref().map_err(|error| *error)
    }
}
