//! What a series has seen in one interval.
//!
//! Receives single samples. Returns them as CloudWatch takes them: a value, a statistic set, or the distinct values with
//! their counts, from which CloudWatch computes percentiles. Bounded whatever is added, and never wrong about a sum.

/// What is sent of one series for one interval.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Amount {
    Value(f64),
    Statistics {
        samples: f64,
        sum: f64,
        min: f64,
        max: f64,
    },
    /// Every value once, ascending, and how often it was seen.
    Distribution {
        values: Vec<f64>,
        counts: Vec<f64>,
    },
}

/// A series that is being added to.
#[derive(Debug)]
pub(super) enum Cell {
    Count(Count),
    Time(Distribution),
}

impl Cell {
    pub fn add(&mut self, sample: f64) {
        match self {
            Self::Count(count) => count.add(sample),
            Self::Time(distribution) => distribution.add(sample),
        }
    }

    /// What was added since the last time; `None` when nothing was.
    pub fn take(&mut self) -> Option<Amount> {
        match self {
            Self::Count(count) => std::mem::take(count).amount(),
            Self::Time(distribution) => distribution.take(),
        }
    }
}

/// Counted things.
#[derive(Debug, Default)]
pub(super) struct Count {
    samples: u32,
    sum: f64,
    min: f64,
    max: f64,
}

impl Count {
    fn add(&mut self, sample: f64) {
        let first = self.samples == 0;
        self.min = if first { sample } else { self.min.min(sample) };
        self.max = if first { sample } else { self.max.max(sample) };
        self.samples = self.samples.saturating_add(1);
        self.sum += sample;
    }

    fn amount(self) -> Option<Amount> {
        let Self { samples, sum, min, max } = self;
        // Ones are events: only their number means anything.
        let events = (min - 1.0).abs() < f64::EPSILON && (max - 1.0).abs() < f64::EPSILON;
        match samples {
            0 => None,
            1 => Some(Amount::Value(sum)),
            _ if events => Some(Amount::Value(sum)),
            _ => Some(Amount::Statistics { samples: f64::from(samples), sum, min, max }),
        }
    }
}

/// Times in milliseconds, in buckets that grow by a constant factor. A bucket is sent as the mean of what is in it: a
/// value that is alone is exact, the sum always is, and percentiles are off by less than the width of a bucket.
///
/// The width is 2.2 % while the samples fit into `limit` buckets. When they do not, neighbours are merged and the width
/// doubles for this interval: at 9 %, 150 buckets reach from a tenth of a millisecond to half a minute without a gap.
#[derive(Debug)]
pub(super) struct Distribution {
    limit: usize,
    /// Buckets per doubling, as a power of two.
    scale: u32,
    // INVARIANT: ascending by index, at most `limit` between two calls.
    buckets: Vec<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    index: u32,
    count: u32,
    sum: f64,
}

/// 32 buckets per doubling.
const FINEST: u32 = 5;

impl Distribution {
    /// `limit` is the most distinct values that may be sent; at least the 64 doublings of a whole number.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(64), scale: FINEST, buckets: Vec::new() }
    }

    fn add(&mut self, milliseconds: f64) {
        let index = index(milliseconds, self.scale);
        match self.buckets.binary_search_by_key(&index, |bucket| bucket.index) {
            Ok(at) => {
                if let Some(bucket) = self.buckets.get_mut(at) {
                    bucket.count = bucket.count.saturating_add(1);
                    bucket.sum += milliseconds;
                }
            }
            Err(at) => {
                self.buckets.insert(at, Bucket { index, count: 1, sum: milliseconds });
                while self.buckets.len() > self.limit && self.scale > 0 {
                    self.coarsen();
                }
            }
        }
    }

    /// Merges each bucket with its neighbour.
    fn coarsen(&mut self) {
        self.scale -= 1;
        self.buckets.iter_mut().for_each(|bucket| bucket.index >>= 1);
        self.buckets.dedup_by(|next, kept| {
            let same = next.index == kept.index;
            if same {
                kept.count = kept.count.saturating_add(next.count);
                kept.sum += next.sum;
            }
            same
        });
    }

    fn take(&mut self) -> Option<Amount> {
        self.scale = FINEST;
        let (values, counts): (Vec<_>, Vec<_>) = self
            .buckets
            .drain(..)
            .map(|bucket| (bucket.sum / f64::from(bucket.count), f64::from(bucket.count)))
            .unzip();
        match (values.as_slice(), counts.as_slice()) {
            ([], _) => None,
            ([value], [1.0]) => Some(Amount::Value(*value)),
            _ => Some(Amount::Distribution { values, counts }),
        }
    }
}

/// Bucket of a time: what is shorter than a microsecond shares the first one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm of a number from one up is small and not negative"
)]
fn index(milliseconds: f64, scale: u32) -> u32 {
    let microseconds = (milliseconds * 1000.0).max(1.0);
    (microseconds.log2() * f64::from(1_u32 << scale)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distribution(samples: impl IntoIterator<Item = f64>, limit: usize) -> (Vec<f64>, Vec<f64>) {
        let mut distribution = Distribution::new(limit);
        samples.into_iter().for_each(|sample| distribution.add(sample));
        match distribution.take() {
            None => (Vec::new(), Vec::new()),
            Some(Amount::Value(value)) => (vec![value], vec![1.0]),
            Some(Amount::Distribution { values, counts }) => (values, counts),
            Some(Amount::Statistics { .. }) => panic!("not a distribution"),
        }
    }

    #[test]
    fn counts_are_told_as_briefly_as_they_allow() {
        let statistics = Amount::Statistics { samples: 3.0, sum: 60.0, min: 10.0, max: 30.0 };
        for (samples, amount) in [
            (&[][..], None),
            (&[0.0], Some(Amount::Value(0.0))),
            (&[7.0], Some(Amount::Value(7.0))),
            (&[1.0, 1.0, 1.0], Some(Amount::Value(3.0))),
            (&[20.0, 10.0, 30.0], Some(statistics)),
        ] {
            let mut cell = Cell::Count(Count::default());
            for sample in samples {
                cell.add(*sample);
            }
            assert_eq!(cell.take(), amount, "{samples:?}");
            assert_eq!(cell.take(), None, "an interval begins empty");
        }
    }

    #[test]
    fn few_times_are_exact() {
        let samples = [0.0, 0.05, 1.5, 250.0, 250.0, 300_000.0];
        let (values, counts) = distribution(samples, 150);
        assert_eq!(values, [0.0, 0.05, 1.5, 250.0, 300_000.0]);
        assert_eq!(counts, [1.0, 1.0, 1.0, 2.0, 1.0]);
    }

    #[test]
    fn percentiles_survive_ten_thousand_times_between_one_and_a_thousand_milliseconds() {
        let samples = (0..10_000).map(|nth| 1.0 + f64::from(nth) * 0.1);
        let (values, counts) = distribution(samples, 150);
        let mut left = 9_900.0;
        let p99 = values.iter().zip(&counts).find(|(_, count)| {
            left -= **count;
            left < 0.0
        });
        let (p99, _) = p99.unwrap();
        assert!((p99 / 991.0 - 1.0).abs() < 0.05, "{p99}");
    }

    proptest! {
        #[test]
        fn whatever_is_added_the_sum_is_kept_and_the_bound_holds(
            samples in proptest::collection::vec(prop_oneof![0.0..1.0, 0.0..1e4, 0.0..1e12], 0..2000),
            limit in 64_usize..150,
        ) {
            let (values, counts) = distribution(samples.iter().copied(), limit);
            prop_assert!(values.len() <= limit && values.len() == counts.len());
            prop_assert!(values.is_sorted_by(|a, b| a < b), "values are distinct and ascending");
            let total: f64 = samples.iter().sum();
            let told: f64 = values.iter().zip(&counts).map(|(value, count)| value * count).sum();
            prop_assert!((total - told).abs() <= total * 1e-9, "{} {}", total, told);
            let counted: f64 = counts.iter().sum();
            prop_assert!((counted - samples.iter().map(|_| 1.0).sum::<f64>()).abs() < 0.5);
        }
    }
}
