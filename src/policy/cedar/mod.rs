//! Cedar: the published form of the language, and the engine of conditions that are written as text.
//!
//! Typed rules are evaluated natively; [`translate()`] says in Cedar what they mean, and a property test holds the two
//! equal. A [`Predicate`] is a condition of an author, checked against the schema when files are read and evaluated by
//! Cedar itself over a [`Question`]. Pure: no files, no clock.

mod atoms;
mod predicate;
mod question;
mod schema;
mod text;
mod translate;

pub(super) use atoms::{Atom, named as named_atoms};
pub(super) use predicate::Predicate;
pub(super) use question::{Question, Rounding, rounded};
pub use schema::schema;
pub(super) use text::{FALSE, TRUE, all, any, atom, is_literal, matches, not, quoted, set};
pub use translate::Statement;
pub(super) use translate::{locked, translate};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
