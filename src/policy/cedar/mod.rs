//! Cedar: the published form of the language, and the engine of conditions that are written as text.
//!
//! A [`Predicate`] is a condition of an author, checked against the schema when files are read and evaluated by Cedar
//! itself over a [`Question`]. Pure: no files, no clock.

mod predicate;
mod question;
mod schema;

pub(super) use predicate::Predicate;
pub(super) use question::Question;
pub use schema::schema;

#[cfg(test)]
mod tests;
