//! An interval's data in pieces that a receiver takes.
//!
//! Receives data in the order of the series, returns batches within the limits of one way to CloudWatch. Sizes are
//! estimates from above: nothing is serialised to be measured.

use std::time::SystemTime;

use super::aggregate::Datum;
use super::amount::Amount;

/// Data of one interval that are sent together.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// When the interval began.
    pub began: SystemTime,
    pub data: Vec<Datum>,
    /// No less than what is sent, and than what is held.
    pub bytes: usize,
}

/// What one batch may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub data: usize,
    pub bytes: usize,
    /// Whether data with different dimensions may be sent together.
    pub mixed: bool,
    /// Bytes of a batch without data.
    pub overhead: usize,
}

/// Splits the data of the interval that began at `began`.
pub(super) fn split(began: SystemTime, data: Vec<Datum>, limits: Limits) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for datum in data {
        let bytes = size(&datum);
        let fits = |batch: &&mut Batch| {
            let same = || batch.data.first().is_none_or(|first| first.label.of == datum.label.of);
            batch.data.len() < limits.data && batch.bytes + bytes <= limits.bytes && (limits.mixed || same())
        };
        match batches.last_mut().filter(fits) {
            Some(batch) => {
                batch.bytes += bytes;
                batch.data.push(datum);
            }
            None => batches.push(Batch { began, data: vec![datum], bytes: limits.overhead + bytes }),
        }
    }
    batches
}

/// Bytes of a datum in CBOR, in JSON or in memory, whichever is most: names of members and dimensions, the name and the
/// value of its own (twice: escaped), and numbers. A double is 9 bytes of CBOR and at most 25 characters of JSON with its comma.
fn size(datum: &Datum) -> usize {
    const FRAME: usize = 400;
    const NUMBER: usize = 25;
    let numbers = match &datum.amount {
        Amount::Value(_) => 1,
        Amount::Statistics { .. } => 4,
        Amount::Distribution { values, .. } => 2 * values.len() + 4,
    };
    let of = datum.label.of.as_ref().map_or(0, |(_, value)| value.len());
    FRAME + 2 * (datum.label.metric.name.len() + of) + NUMBER * numbers
}
