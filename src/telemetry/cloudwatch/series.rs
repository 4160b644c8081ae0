//! Which series there are, and what they are called.
//!
//! Receives values of dimensions as the request path names them. Returns where their series are kept, or the place of
//! `other` once the budget is full. Never forgets a value and never knows more series than the budget: CloudWatch bills
//! every name with its dimensions.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::telemetry::names::{CloudWatchMetric, Dimension, cloudwatch, label};

/// The name of one series.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub metric: &'static CloudWatchMetric,
    /// `None` for the deployment as a whole.
    pub of: Option<(Dimension, Arc<str>)>,
}

/// Every series of this process, in the order in which they became known.
#[derive(Debug)]
pub(super) struct Series {
    budget: usize,
    // INVARIANT: only grows, and never beyond `budget`.
    labels: Vec<Label>,
    dimensions: [Values; Dimension::ALL.len()],
    full: bool,
}

/// The known values of one dimension. Each has its series in one row, one for every metric of the dimension.
#[derive(Debug)]
struct Values {
    dimension: Dimension,
    /// Place in a row, by the metric's position.
    offsets: [usize; cloudwatch::ALL.len()],
    rows: HashMap<Box<str>, usize>,
    other: usize,
}

impl Series {
    /// Knows the deployment's series and those of `other`.
    pub fn new(budget: usize) -> Self {
        let mut labels: Vec<_> = cloudwatch::ALL.iter().map(|metric| Label { metric, of: None }).collect();
        let dimensions = Dimension::ALL.map(|dimension| Values::new(dimension, &mut labels));
        Self { budget: budget.max(labels.len()), labels, dimensions, full: false }
    }

    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The row of `value`. One that is not known yet gets a row if it `may_grow` and the budget allows it.
    pub fn row(&mut self, dimension: Dimension, value: &str, may_grow: bool) -> usize {
        let Some(values) = self.dimensions.iter_mut().find(|values| values.dimension == dimension) else {
            return 0;
        };
        match values.rows.get(value) {
            Some(row) => *row,
            None if !may_grow => values.other,
            None if self.labels.len() + dimension.metrics().count() > self.budget => {
                let other = values.other;
                self.warn_once(dimension);
                other
            }
            None => values.add(value, &mut self.labels),
        }
    }

    /// Where `metric` stands in a row of `dimension`.
    pub fn offset(&self, dimension: Dimension, metric: &CloudWatchMetric) -> usize {
        let values = self.dimensions.iter().find(|values| values.dimension == dimension);
        values.and_then(|values| values.offsets.get(metric.position)).copied().unwrap_or_default()
    }

    fn warn_once(&mut self, dimension: Dimension) {
        if !self.full {
            self.full = true;
            tracing::warn!(
                budget = self.budget,
                dimension = dimension.name(),
                "the budget `telemetry.cloudwatch.series` is full: further models, teams, rules and detectors are counted as `other`"
            );
        }
    }
}

impl Values {
    fn new(dimension: Dimension, labels: &mut Vec<Label>) -> Self {
        let mut offsets = [0; cloudwatch::ALL.len()];
        for (offset, metric) in dimension.metrics().enumerate() {
            if let Some(place) = offsets.get_mut(metric.position) {
                *place = offset;
            }
        }
        let mut values = Self { dimension, offsets, rows: HashMap::new(), other: 0 };
        values.other = values.add(label::OTHER, labels);
        values
    }

    fn add(&mut self, value: &str, labels: &mut Vec<Label>) -> usize {
        let row = labels.len();
        let name: Arc<str> = Arc::from(dimension_value(value));
        let of = |metric| Label { metric, of: Some((self.dimension, Arc::clone(&name))) };
        labels.extend(self.dimension.metrics().map(of));
        self.rows.insert(Box::from(value), row);
        row
    }
}

/// `value` as CloudWatch takes it: 1 to 1,024 printable ASCII characters, not all of them blank (API reference of
/// Dimension). Everything else is percent-encoded, so that two names stay two names.
pub(super) fn dimension_value(value: &str) -> Cow<'_, str> {
    const LONGEST: usize = 1024;
    if value.trim().is_empty() {
        return Cow::Borrowed(label::NONE);
    }
    let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if value.len() <= LONGEST && value.bytes().all(printable) {
        return Cow::Borrowed(value);
    }
    let mut encoded = String::new();
    for byte in value.bytes() {
        let piece = if printable(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        if encoded.len() + piece.len() > LONGEST {
            break;
        }
        encoded.push_str(&piece);
    }
    Cow::Owned(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_in_ascii() {
        let (long, cut) = ("x".repeat(3000), "x".repeat(1024));
        for (value, told) in [
            ("payments", "payments"),
            ("two words", "two words"),
            ("café", "caf%C3%A9"),
            ("tab\there", "tab%09here"),
            ("", "none"),
            (" \t", "none"),
            ("\u{2003}", "none"),
            (&long, &cut),
        ] {
            assert_eq!(dimension_value(value), told, "{value:?}");
        }
    }

    #[test]
    fn values_above_the_budget_are_other_and_known_ones_stay() {
        let fixed = cloudwatch::fixed_series();
        let width = Dimension::Team.metrics().count();
        let mut series = Series::new(fixed + 2 * width);
        assert_eq!(series.labels().len(), fixed);
        let other = series.row(Dimension::Team, label::OTHER, true);
        let (a, b) = (series.row(Dimension::Team, "a", true), series.row(Dimension::Team, "b", true));
        assert!(a != b && a >= fixed && b >= fixed);
        for late in ["c", "d"] {
            assert_eq!(series.row(Dimension::Team, late, true), other);
        }
        assert_eq!(series.row(Dimension::Team, "a", true), a);
        assert_eq!(series.labels().len(), fixed + 2 * width);
        assert!(series.full);
    }

    #[test]
    fn a_row_names_the_metrics_of_its_dimension() {
        let mut series = Series::new(500);
        for dimension in Dimension::ALL {
            let row = series.row(dimension, "x", true);
            for metric in dimension.metrics() {
                let label = &series.labels()[row + series.offset(dimension, metric)];
                assert_eq!(label.metric, metric);
                assert_eq!(label.of, Some((dimension, Arc::from("x"))));
            }
        }
    }

    #[test]
    fn a_value_that_may_not_grow_is_other_until_it_is_known() {
        let mut series = Series::new(500);
        let other = series.row(Dimension::ModelId, label::OTHER, false);
        assert_eq!(series.row(Dimension::ModelId, "m", false), other);
        let row = series.row(Dimension::ModelId, "m", true);
        assert_eq!(series.row(Dimension::ModelId, "m", false), row);
    }
}
