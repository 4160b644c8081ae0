//! What is asked, and the one statement that answers it.
//!
//! Every value is bound, never written into the statement. A request is its opening record (intent or denial) joined
//! with its ending, if there is one.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sqlx::{QueryBuilder, Sqlite};

use crate::audit::record::{DENIED, Decision, EndState, INTENT, OUTCOME, UNKNOWN};

/// Which requests. Everything given must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    pub since: Option<Timestamp>,
    /// Excluded itself.
    pub until: Option<Timestamp>,
    pub team: Option<String>,
    pub app: Option<String>,
    /// A glob over the model as resolved or as requested.
    pub model: Option<String>,
    pub operation: Option<String>,
    pub decision: Option<Decision>,
    /// A rule that applied in any role: violated, in shadow, granting or editing. May be a glob.
    pub rule: Option<String>,
    /// A detector that found something, in either direction.
    pub finding: Option<String>,
    pub state: Option<State>,
    /// A request identifier or its beginning.
    pub request: Option<String>,
    pub limit: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            since: None,
            until: None,
            team: None,
            app: None,
            model: None,
            operation: None,
            decision: None,
            rule: None,
            finding: None,
            state: None,
            request: None,
            limit: 50,
        }
    }
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its outcome is not recorded yet.
    Open,
    Ended(EndState),
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended(end) => end.name(),
        }
    }

    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Open].into_iter().chain(EndState::ALL.map(Self::Ended))
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = if text == "unknown" { EndState::CrashUnknown.name() } else { text };
        Self::all().find(|state| state.name() == wanted).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(Self::name).collect();
            format!("no such state (one of {})", names.join(", "))
        })
    }
}

/// A point in time as people write it: RFC 3339, a date (its start, UTC), or how long ago: `90s`, `15m`, `24h`, `7d`,
/// `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Moment {
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(duration) => now.checked_sub(duration).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(duration) = ago(text) {
            return Ok(Self::Ago(duration));
        }
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time));
        }
        let midnight = text.parse::<Date>().map(|date| date.to_datetime(Time::midnight()));
        midnight.and_then(|midnight| TimeZone::UTC.to_timestamp(midnight)).map(Self::At).map_err(|_| {
            "not a time (such as `24h`, `7d`, `2026-11-24` or `2026-11-24T15:00:00Z`)".to_owned()
        })
    }
}

fn ago(text: &str) -> Option<SignedDuration> {
    let unit = text.chars().next_back()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    (count >= 0).then(|| count.checked_mul(seconds)).flatten().map(SignedDuration::from_secs)
}

impl Filter {
    /// Columns: `seq` of the opening, the opening, the ending.
    pub(super) fn select(&self) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new(format!(
            "SELECT opening.seq, opening.record, ending.record FROM record AS opening
             LEFT JOIN record AS ending
               ON ending.request_id = opening.request_id AND ending.kind IN ('{OUTCOME}', '{UNKNOWN}')
             WHERE opening.kind IN ('{INTENT}', '{DENIED}')"
        ));
        if let Some(since) = self.since {
            query.push(" AND opening.ts_us >= ").push_bind(since.as_microsecond());
        }
        if let Some(until) = self.until {
            query.push(" AND opening.ts_us < ").push_bind(until.as_microsecond());
        }
        if let Some(prefix) = &self.request {
            let prefix = prefix.to_ascii_lowercase();
            query.push(" AND opening.request_id >= ").push_bind(prefix.clone());
            query.push(" AND opening.request_id < ").push_bind(format!("{prefix}g"));
        }
        self.push_names(&mut query);
        self.push_decision(&mut query);
        self.push_mentions(&mut query);
        // Newest by position: the wall clock may have jumped. `+` keeps the order from being read off the table, so
        // that a time range or a rare decision is found by its index.
        let selective = self.since.is_some() || self.decision.is_some_and(Decision::is_refusal);
        let order = if selective { "+opening.seq" } else { "opening.seq" };
        query.push(format_args!(" ORDER BY {order} DESC LIMIT ")).push_bind(i64::from(self.limit));
        query
    }

    fn push_names(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(team) = &self.team {
            query.push(" AND opening.team = ").push_bind(team.clone());
        }
        if let Some(app) = &self.app {
            query.push(" AND opening.app = ").push_bind(app.clone());
        }
        if let Some(operation) = &self.operation {
            query.push(" AND opening.operation = ").push_bind(operation.clone()).push(" COLLATE NOCASE");
        }
        if let Some(model) = &self.model {
            query.push(" AND (opening.model GLOB ").push_bind(model.clone());
            query.push(" OR opening.record ->> 'model_requested' GLOB ").push_bind(model.clone()).push(")");
        }
    }

    fn push_decision(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(decision) = self.decision {
            query.push(" AND opening.decision = ").push_bind(decision.name());
            if decision.is_refusal() {
                // The condition of the partial index, word for word: only then SQLite uses it.
                query.push(" AND opening.decision IN ('deny', 'error')");
            }
        }
        match self.state {
            Some(State::Ended(end)) => {
                query.push(" AND coalesce(ending.end_state, opening.end_state) = ").push_bind(end.name());
            }
            Some(State::Open) => {
                query.push(" AND coalesce(ending.end_state, opening.end_state) IS NULL");
            }
            None => {}
        }
    }

    /// Rules and findings may stand in the opening or in the ending.
    fn push_mentions(&self, query: &mut QueryBuilder<Sqlite>) {
        let requests = " AND opening.request_id IN (SELECT request_id FROM record JOIN ";
        if let Some(rule) = &self.rule {
            query.push(requests).push("rule_hit USING (seq) WHERE rule = ").push_bind(rule.clone());
            query.push(" OR rule GLOB ").push_bind(rule.clone()).push(")");
        }
        if let Some(finding) = &self.finding {
            query.push(requests).push("finding USING (seq) WHERE type = ");
            query.push_bind(finding.to_ascii_uppercase()).push(")");
        }
    }
}
