//! The series of one metric.
//!
//! Receives label values and hands out the series that has them, made when it is asked for first. The vectors of the
//! `prometheus` crate are not used: they take two series for one when the label values read the same end to end, so
//! that team `pay` with app `roll1` would be counted as team `payroll` with app `1`.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus::core::{Collector, Desc, Metric};
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Counter, Error, Gauge, Histogram, HistogramOpts, IntCounter, IntGauge, Opts, Registry};

use crate::telemetry::names::{Instrument, Kind};

/// One kind of series.
pub(super) trait Series: Metric + 'static {
    fn build(row: &Instrument, labels: HashMap<String, String>) -> Result<Self, Error>;
}

/// All series of one metric, told apart by the values of its `N` labels.
#[derive(Debug)]
pub(super) struct Family<M, const N: usize> {
    shared: Arc<Shared<M, N>>,
}

#[derive(Debug)]
struct Shared<M, const N: usize> {
    row: &'static Instrument,
    description: Desc,
    // INVARIANT: sorted by label values, so that a series is found without putting a key together.
    series: RwLock<Vec<([Box<str>; N], M)>>,
}

impl<M: Series, const N: usize> Family<M, N> {
    /// Registers the metric that `row` describes. A metric without labels is there from now on.
    pub fn register(registry: &Registry, row: &'static Instrument) -> Result<Self, Error> {
        if row.labels.len() != N {
            return Err(Error::InconsistentCardinality { expect: N, got: row.labels.len() });
        }
        let labels = row.labels.iter().map(|label| (*label).to_owned()).collect();
        let description = Desc::new(row.name.to_owned(), row.help.to_owned(), labels, HashMap::new())?;
        let family = Self { shared: Arc::new(Shared { row, description, series: RwLock::default() }) };
        if N == 0 {
            family.with([""; N], |_| ());
        }
        registry.register(Box::new(Shown(Arc::clone(&family.shared))))?;
        Ok(family)
    }

    /// Changes the series with these label values.
    pub fn with(&self, labels: [&str; N], change: impl FnOnce(&M)) {
        let series = self.shared.series.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, one)) = position(&series, labels).ok().and_then(|at| series.get(at)) {
            return change(one);
        }
        drop(series);
        let mut series = self.shared.series.write().unwrap_or_else(PoisonError::into_inner);
        let at = match position(&series, labels) {
            Ok(at) => at,
            Err(at) => match self.build(labels) {
                Ok(one) => {
                    series.insert(at, (labels.map(Box::from), one));
                    at
                }
                // Names are checked when a metric is registered, and any text is a label value.
                Err(error) => return tracing::error!(%error, metric = self.shared.row.name, "not counted"),
            },
        };
        if let Some((_, one)) = series.get(at) {
            change(one);
        }
    }

    /// Shows the series from now on, though nothing has happened yet: what appears with its first event has no rate.
    pub fn show(&self, labels: [&str; N]) {
        self.with(labels, |_| ());
    }

    pub fn clear(&self) {
        self.shared.series.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn build(&self, labels: [&str; N]) -> Result<M, Error> {
        let names = self.shared.row.labels.iter();
        let labels = names.zip(labels).map(|(name, value)| ((*name).to_owned(), value.to_owned()));
        M::build(self.shared.row, labels.collect())
    }
}

/// Where the series with these label values is, or where it belongs.
fn position<M, const N: usize>(series: &[([Box<str>; N], M)], labels: [&str; N]) -> Result<usize, usize> {
    series.binary_search_by(|(known, _)| {
        let pairs = known.iter().zip(labels).map(|(known, label)| (**known).cmp(label));
        pairs.fold(Ordering::Equal, Ordering::then)
    })
}

/// What the registry holds of a family.
struct Shown<M, const N: usize>(Arc<Shared<M, N>>);

impl<M: Series, const N: usize> Collector for Shown<M, N> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let series = self.0.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut family = MetricFamily::default();
        family.set_name(self.0.row.name.to_owned());
        family.set_help(self.0.row.help.to_owned());
        family.set_field_type(match self.0.row.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram(_) => MetricType::HISTOGRAM,
        });
        family.set_metric(series.iter().map(|(_, one)| one.metric()).collect());
        vec![family]
    }
}

impl Series for IntCounter {
    fn build(row: &Instrument, labels: HashMap<String, String>) -> Result<Self, Error> {
        match row.kind {
            Kind::Counter => Self::with_opts(options(row, labels)),
            Kind::Gauge | Kind::Histogram(_) => Err(another_kind(row)),
        }
    }
}

impl Series for Counter {
    fn build(row: &Instrument, labels: HashMap<String, String>) -> Result<Self, Error> {
        match row.kind {
            Kind::Counter => Self::with_opts(options(row, labels)),
            Kind::Gauge | Kind::Histogram(_) => Err(another_kind(row)),
        }
    }
}

impl Series for IntGauge {
    fn build(row: &Instrument, labels: HashMap<String, String>) -> Result<Self, Error> {
        match row.kind {
            Kind::Gauge => Self::with_opts(options(row, labels)),
            Kind::Counter | Kind::Histogram(_) => Err(another_kind(row)),
        }
    }
}

impl Series for Gauge {
    fn build(row: &Instrument, labels: HashMap<String, String>) -> Result<Self, Error> {
        match row.kind {
            Kind::Gauge => Self::with_opts(options(row, labels)),
            Kind::Counter | Kind::Histogram(_) => Err(another_kind(row)),
        }
    }
}

impl Series for Histogram {
    fn build(row: &Instrument, labels: HashMap<String, String>) -> Result<Self, Error> {
        match row.kind {
            Kind::Histogram(bounds) => {
                let options = HistogramOpts::from(options(row, labels)).buckets(bounds.to_vec());
                Self::with_opts(options)
            }
            Kind::Counter | Kind::Gauge => Err(another_kind(row)),
        }
    }
}

fn options(row: &Instrument, labels: HashMap<String, String>) -> Opts {
    Opts::new(row.name, row.help).const_labels(labels)
}

fn another_kind(row: &Instrument) -> Error {
    Error::Msg(format!("`{}` is of another kind", row.name))
}
