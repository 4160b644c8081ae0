//! What a PromQL expression asks for: metrics, the labels it selects by, the labels it keeps.
//!
//! No parser: promtool is that. This reads just what the dashboards are written with.

use bedrock_warden::telemetry::names::{Instrument, Kind, prometheus};

/// Labels that a scrape adds to every series.
const TARGET: [&str; 2] = ["environment", "instance"];

/// A metric of ours in an expression.
#[derive(Debug)]
pub struct Use<'a> {
    pub instrument: &'static Instrument,
    /// `_bucket` and the like.
    pub suffix: &'a str,
    /// In the braces behind it.
    pub selects: Vec<&'a str>,
    /// Whether a rate is taken of it.
    pub rated: bool,
}

/// The metrics in `expression`. Panics at a name that is not in the table.
pub fn uses(expression: &str) -> Vec<Use<'_>> {
    expression.match_indices("warden_").map(|(at, _)| read(expression, at)).collect()
}

/// The labels in `by (…)`, all together.
pub fn kept(expression: &str) -> Vec<&str> {
    let lists = expression.split("by (").skip(1).map(|rest| rest.split(')').next().unwrap());
    lists.flat_map(|list| list.split(',').map(str::trim)).collect()
}

/// Checks everything that can be said of an expression without parsing it.
pub fn check(expression: &str) {
    let uses = uses(expression);
    assert!(!uses.is_empty(), "no metric of ours: {expression}");
    for used in &uses {
        for label in used.selects.iter().copied().chain(kept(expression)) {
            let own = used.instrument.labels.contains(&label);
            let bucket = label == "le" && used.suffix == "_bucket";
            assert!(own || bucket || TARGET.contains(&label), "no label `{label}`: {expression}");
        }
        for label in TARGET {
            assert!(used.selects.contains(&label), "not filtered by `{label}`: {expression}");
        }
        let grows = used.instrument.kind != Kind::Gauge;
        // What was lost since the start is a number to look at; any other counter means nothing without a rate.
        let total = used.instrument == &prometheus::JOURNAL_LOST;
        assert!(used.rated == grows || total, "a rate of a gauge, or a counter without: {expression}");
    }
}

fn read(expression: &str, at: usize) -> Use<'_> {
    let (before, rest) = expression.split_at(at);
    let end =
        rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(rest.len());
    let (name, behind) = rest.split_at(end);
    let found = prometheus::ALL.iter().find_map(|instrument| Some((instrument, suffix(instrument, name)?)));
    let (instrument, suffix) = found.unwrap_or_else(|| panic!("no metric `{name}`: {expression}"));
    let braces = behind.strip_prefix('{').and_then(|inside| inside.split('}').next()).unwrap_or_default();
    let selects = braces.split(',').filter_map(|matcher| matcher.split(['=', '!']).next()).collect();
    Use { instrument, suffix, selects, rated: before.ends_with("rate(") }
}

fn suffix<'a>(instrument: &Instrument, name: &'a str) -> Option<&'a str> {
    let suffix = name.strip_prefix(instrument.name)?;
    let known = match instrument.kind {
        Kind::Histogram(_) => matches!(suffix, "_bucket" | "_sum" | "_count"),
        Kind::Counter | Kind::Gauge => suffix.is_empty(),
    };
    known.then_some(suffix)
}
