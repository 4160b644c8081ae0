//! The current interval: what each finished exchange adds to which series.
//!
//! Receives events and gauges, returns the interval's data when it is over. Adding costs no allocation for series that
//! are known and touches nothing outside memory; what is held is bounded by the budget of series.

use http::StatusCode;

use super::amount::{Amount, Cell, Count, Distribution};
use super::series::{Label, Series};
use crate::audit::{Decision, EndState};
use crate::bedrock::model::ModelReference;
use crate::bedrock::operation::Operation;
use crate::telemetry::Finished;
use crate::telemetry::names::{CloudWatchMetric, Dimension, Unit, cloudwatch as metrics};

/// One series of one interval.
#[derive(Debug, Clone)]
pub(super) struct Datum {
    pub label: Label,
    pub amount: Amount,
}

/// What is being added to.
#[derive(Debug)]
pub(super) struct Aggregate {
    series: Series,
    // INVARIANT: one for each of the series' labels.
    cells: Vec<Cell>,
    /// Most distinct values of one datum.
    distinct: usize,
}

/// The interval before, and what it takes to read it. Kept by the flush, so that reading holds up nobody.
#[derive(Debug, Default)]
pub(super) struct Past {
    labels: Vec<Label>,
    cells: Vec<Cell>,
}

/// The rows that an event belongs to.
#[derive(Debug, Clone, Copy)]
struct Rows {
    model: Option<usize>,
    team: Option<usize>,
}

impl Rows {
    const fn of(self, dimension: Dimension) -> Option<usize> {
        match dimension {
            Dimension::ModelId => self.model,
            Dimension::Team => self.team,
            // An event may name several: they are added one by one.
            Dimension::Rule | Dimension::Detector => None,
        }
    }
}

impl Aggregate {
    /// `budget` counts series, `distinct` the values of one datum.
    pub fn new(budget: usize, distinct: usize) -> Self {
        let mut aggregate = Self { series: Series::new(budget), cells: Vec::new(), distinct };
        aggregate.grow();
        aggregate
    }

    /// Adds one exchange.
    pub fn record(&mut self, event: &Finished) {
        let team = event.caller.as_ref().map(|caller| self.row(Dimension::Team, &caller.team, true));
        // A model's name comes from the caller: only Bedrock's answer makes it a value.
        let model = event.model.as_ref().map(ModelReference::raw);
        let model = model.map(|model| self.row(Dimension::ModelId, model, event.succeeded()));
        let rows = Rows { model, team };
        self.add(&metrics::REQUESTS, 1.0, rows);
        if event.caller.is_none() {
            self.add(&metrics::UNAUTHENTICATED, 1.0, rows);
        }
        if warden_failed(event) {
            self.add(&metrics::FAILURES, 1.0, rows);
        }
        if event.upstream.is_some() {
            self.add(&metrics::ADDED_LATENCY, milliseconds(event.timings.added()), rows);
        }
        self.record_policies(event, rows);
        if event.operation.is_some_and(Operation::is_inference) {
            self.record_invocation(event, rows);
        }
    }

    /// What AWS counts in `AWS/Bedrock`: calls of models that were answered. AWS's pages differ on whether failed calls
    /// are invocations; here they are not, so that the five outcomes add up to the calls.
    fn record_invocation(&mut self, event: &Finished, rows: Rows) {
        let Some(status) = event.upstream.as_ref().and_then(|upstream| upstream.status) else { return };
        if !status.is_success() {
            return self.add(failure(status), 1.0, rows);
        }
        self.add(&metrics::INVOCATIONS, 1.0, rows);
        if let Some(time) = event.timings.upstream {
            self.add(&metrics::INVOCATION_LATENCY, milliseconds(time), rows);
        }
        let streaming = event.streams();
        if let (true, Some(time)) = (streaming, event.timings.first_byte) {
            self.add(&metrics::TIME_TO_FIRST_TOKEN, milliseconds(time), rows);
        }
        let tokens = &event.tokens;
        for (metric, count) in [
            (&metrics::INPUT_TOKENS, tokens.input),
            (&metrics::OUTPUT_TOKENS, tokens.output),
            // A call without a cache is no sample: it would be billed as a series that says nothing.
            (&metrics::CACHE_READ_TOKENS, tokens.cache_read.filter(|count| *count > 0)),
            (&metrics::CACHE_WRITE_TOKENS, tokens.cache_write.filter(|count| *count > 0)),
        ] {
            if let Some(count) = count {
                self.add(metric, float(count), rows);
            }
        }
    }

    /// A request counts once for the deployment and its team, and once for each rule that spoke.
    fn record_policies(&mut self, event: &Finished, rows: Rows) {
        for (metric, rules) in [
            (&metrics::POLICY_DENIALS, &event.violated),
            (&metrics::SHADOW_DENIALS, &event.shadow),
            (&metrics::POLICY_EDITS, &event.edited),
        ] {
            if rules.is_empty() {
                continue;
            }
            self.add(metric, 1.0, rows);
            for rule in distinct(rules) {
                self.add_to(Dimension::Rule, rule, metric, 1.0);
            }
        }
        for finding in &event.findings {
            let count = f64::from(finding.count);
            self.add(&metrics::FINDINGS, count, rows);
            self.add_to(Dimension::Detector, &finding.detector, &metrics::FINDINGS, count);
        }
    }

    /// Adds a sample to the deployment as a whole: a gauge, read once an interval.
    pub fn gauge(&mut self, metric: &CloudWatchMetric, sample: f64) {
        self.add_at(metric.position, sample);
    }

    /// Ends the interval: `past` holds it from now on, and the next one begins empty.
    pub fn end(&mut self, past: &mut Past) {
        let known = past.labels.len();
        past.labels.extend(self.series.labels().iter().skip(known).cloned());
        let missing = past.labels.iter().skip(past.cells.len());
        past.cells.extend(missing.map(|label| cell(label, self.distinct)));
        std::mem::swap(&mut self.cells, &mut past.cells);
    }

    fn row(&mut self, dimension: Dimension, value: &str, may_grow: bool) -> usize {
        let row = self.series.row(dimension, value, may_grow);
        self.grow();
        row
    }

    fn grow(&mut self) {
        let missing = self.series.labels().iter().skip(self.cells.len());
        let cells = missing.map(|label| cell(label, self.distinct));
        self.cells.extend(cells);
    }

    /// Adds `sample` for the deployment and for the event's rows that `metric` is broken down by.
    fn add(&mut self, metric: &CloudWatchMetric, sample: f64, rows: Rows) {
        self.add_at(metric.position, sample);
        for dimension in metric.by {
            if let Some(row) = rows.of(*dimension) {
                self.add_at(row + self.series.offset(*dimension, metric), sample);
            }
        }
    }

    fn add_to(&mut self, dimension: Dimension, value: &str, metric: &CloudWatchMetric, sample: f64) {
        let row = self.row(dimension, value, true);
        self.add_at(row + self.series.offset(dimension, metric), sample);
    }

    fn add_at(&mut self, place: usize, sample: f64) {
        if let Some(cell) = self.cells.get_mut(place) {
            cell.add(sample);
        }
    }
}

impl Past {
    /// The interval's data, in the order of the series. Series that saw nothing are left out.
    pub fn take(&mut self) -> Vec<Datum> {
        let seen = |(label, cell): (&Label, &mut Cell)| {
            cell.take().map(|amount| Datum { label: label.clone(), amount })
        };
        self.labels.iter().zip(&mut self.cells).filter_map(seen).collect()
    }
}

fn cell(label: &Label, distinct: usize) -> Cell {
    match label.metric.unit {
        Unit::Count => Cell::Count(Count::default()),
        Unit::Milliseconds => Cell::Time(Distribution::new(distinct)),
    }
}

/// Whether the request could not be served because of the warden. A request that cannot be read is not its failure.
fn warden_failed(event: &Finished) -> bool {
    let unserved = event.status.is_none_or(|status| status.is_server_error());
    event.end == EndState::Abandoned || (event.decision == Decision::Error && unserved)
}

/// What AWS counts an answer without success as.
fn failure(status: StatusCode) -> &'static CloudWatchMetric {
    match status {
        StatusCode::TOO_MANY_REQUESTS => &metrics::THROTTLES,
        _ if status.is_server_error() => &metrics::SERVER_ERRORS,
        _ => &metrics::CLIENT_ERRORS,
    }
}

/// Each rule once, in order. Lists are short.
fn distinct(rules: &[String]) -> impl Iterator<Item = &String> {
    rules
        .iter()
        .enumerate()
        .filter(|(at, rule)| !rules.iter().take(*at).any(|before| before == *rule))
        .map(|(_, rule)| rule)
}

pub(super) fn milliseconds(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "CloudWatch keeps doubles")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
