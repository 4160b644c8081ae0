//! `quotas`: how much a team, an app or a caller may use within a minute, a day or a month.
//!
//! Written `- requests: 600/min`, `- tokens: 20M/day`, `- cost: 2000 USD/month`. What was used is not known here: an item
//! says what to count for whom and up to where, and whoever keeps count asks. No request breaks a quota by what it is.

mod read;
mod window;

use crate::policy::facts::Inquiry;

pub use window::Window;

pub(in crate::policy) const KEYS: [&str; 5] = ["per", "requests", "tokens", "cost", "unavailable"];

/// A section of org.yaml, as it is shown to authors.
pub(in crate::policy) const EXAMPLE: &str = "\
quotas:
  - requests: 600/min
    tokens: 20M/day
    cost: 2000 USD/month
  - { id: each-caller, per: caller, requests: 60/min }
";

/// One item of `quotas`.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Quota {
    pub per: Per,
    /// At most one of each measure.
    pub caps: Vec<Cap>,
    pub unavailable: Unavailable,
}

/// How much of one measure fits into one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) struct Cap {
    pub measure: Measure,
    /// In requests, tokens or micro-dollars; at least 1.
    pub limit: u64,
    pub window: Window,
}

/// Who shares one count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Per {
    Team,
    App,
    /// One credential of an app.
    Caller,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    Requests,
    /// Input, output, and what was read from or written to a cache, as Bedrock reports them.
    Tokens,
    /// Micro-dollars at list prices.
    Cost,
}

/// What happens to requests when the shared store is away and what was leased from it is used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unavailable {
    #[default]
    Deny,
    /// The quota stops holding until the store is back.
    Allow,
}

impl Measure {
    pub const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Cost];

    /// The key in policies, and the word in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == name)
    }

    /// An amount in words: `600 requests`, `20000000 tokens`, `2000.50 USD`.
    pub fn amount(self, amount: u64) -> String {
        match self {
            Self::Requests if amount == 1 => "1 request".to_owned(),
            Self::Tokens if amount == 1 => "1 token".to_owned(),
            Self::Requests | Self::Tokens => format!("{amount} {}", self.name()),
            Self::Cost => {
                let (dollars, micros) = (amount / MICROS, amount % MICROS);
                let cents = micros / 10_000;
                // Rounded down to a cent, a small price would read as nothing.
                if micros.is_multiple_of(10_000) {
                    format!("{dollars}.{cents:02} USD")
                } else {
                    format!("{dollars}.{micros:06} USD")
                }
            }
        }
    }
}

impl Per {
    const WORDS: [(&'static str, Self); 3] =
        [("team", Self::Team), ("app", Self::App), ("caller", Self::Caller)];
}

impl Quota {
    /// Whose count a request belongs to.
    pub fn subject<'a>(&self, inquiry: &Inquiry<'a>) -> Subject<'a> {
        let principal = inquiry.principal;
        let (app, caller) = match self.per {
            Per::Team => (None, None),
            Per::App => (Some(principal.app.as_str()), None),
            Per::Caller => (Some(principal.app.as_str()), Some(principal.credential_id.as_str())),
        };
        Subject { team: &principal.team, app, caller }
    }
}

/// Whose count it is. Shown as `payments`, `payments/checkout` or `payments/checkout/AKIA…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject<'a> {
    pub team: &'a str,
    pub app: Option<&'a str>,
    /// The public id of a credential.
    pub caller: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// Reads what [`Display`](std::fmt::Display) shows. Names of teams and apps have no slash.
    pub fn parse(text: &'a str) -> Self {
        let mut parts = text.splitn(3, '/');
        let team = parts.next().unwrap_or_default();
        Self { team, app: parts.next(), caller: parts.next() }
    }
}

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.team)?;
        for part in [self.app, self.caller].into_iter().flatten() {
            write!(formatter, "/{part}")?;
        }
        Ok(())
    }
}

/// Micro-dollars of a dollar.
const MICROS: u64 = 1_000_000;

#[cfg(test)]
mod tests;
