//! How quotas are written: an amount, its unit, and the window after a slash.

use super::{Cap, MICROS, Measure, Per, Quota, Unavailable, Window};
use crate::policy::rule::COMMON_KEYS;
use crate::yaml::{Mapping, Node, Reader, Value};

impl Quota {
    pub fn read(reader: &mut Reader<'_>, item: &Mapping<'_>, is_app: bool) -> Option<Self> {
        let errors = reader.diagnostics.errors();
        let per = read_per(reader, item, is_app);
        let words = [("deny", Unavailable::Deny), ("allow", Unavailable::Allow)];
        let unavailable = item.get("unavailable").and_then(|node| reader.one_of(node, "unavailable", &words));
        let mut caps = Vec::new();
        for measure in Measure::ALL {
            if let Some(node) = item.get(measure.name()) {
                caps.extend(read_cap(reader, node, measure));
            }
        }
        // An unknown key is reported already, and is what should have been a bound.
        let others = ["per", "unavailable"];
        let is_other = |name: &str| COMMON_KEYS.contains(&name) || others.contains(&name);
        if item.entries().iter().all(|(key, _)| is_other(&key.name)) {
            let diagnostic = reader.source.error(
                item.span.clone(),
                "an item of `quotas` needs `requests`, `tokens` or `cost`, or it bounds nothing",
            );
            reader.push(diagnostic.help("write one, as in `requests: 600/min`"));
        }
        let quota = Self { per: per?, caps, unavailable: unavailable.unwrap_or_default() };
        (reader.diagnostics.errors() == errors).then_some(quota)
    }
}

/// Who shares a count: as written, or the file's own scope. An organisation's quota is for each team.
fn read_per(reader: &mut Reader<'_>, item: &Mapping<'_>, is_app: bool) -> Option<Per> {
    let own = if is_app { Per::App } else { Per::Team };
    let Some(node) = item.get("per") else { return Some(own) };
    let per = reader.one_of(node, "per", &Per::WORDS)?;
    if per == Per::Team && own == Per::App {
        let diagnostic =
            reader.source.error(node.span.clone(), "an app's file cannot bound what its whole team uses");
        reader
            .push(diagnostic.help("write `per: app` or `per: caller`, or move the item to the team's file"));
        return None;
    }
    Some(per)
}

fn read_cap(reader: &mut Reader<'_>, node: &Node, measure: Measure) -> Option<Cap> {
    let name = measure.name();
    let example = match measure {
        Measure::Requests => "600/min",
        Measure::Tokens => "20M/day",
        Measure::Cost => "2000 USD/month",
    };
    let Value::Scalar { text, .. } = &node.value else {
        reader.error(&node.span, format!("{name} must be an amount and a window, as in `{example}`"));
        return None;
    };
    match parse(text, measure) {
        Ok(cap) => Some(cap),
        Err(wrong) => {
            let (message, help) = wrong.told(name, text, example);
            reader.push(reader.source.error(node.span.clone(), message).help(help));
            None
        }
    }
}

/// What is wrong with a written quota.
#[derive(Debug, PartialEq, Eq)]
enum Wrong<'t> {
    NoWindow,
    Window(&'t str),
    NoUnit,
    Currency(&'t str),
    Unit(&'t str),
    Suffix(&'t str),
    Number,
    Fraction,
    Zero,
}

impl Wrong<'_> {
    fn told(&self, name: &str, text: &str, example: &str) -> (String, String) {
        let written = text.escape_debug();
        let as_in = format!("write it as in `{example}`");
        match self {
            Self::NoWindow => (format!("{name} `{written}` says no window"), as_in),
            Self::Window(window) => (
                format!("{name} has a window of `{}`, which is none", window.escape_debug()),
                "windows are `min`, `day` and `month`, of the calendar in UTC".to_owned(),
            ),
            Self::NoUnit => (
                format!("{name} `{written}` says no currency"),
                format!("prices are known in US dollars: {as_in}"),
            ),
            Self::Currency(currency) => (
                format!("{name} is in `{}`, and prices are known in USD only", currency.escape_debug()),
                as_in,
            ),
            Self::Unit(unit) => {
                (format!("{name} has a unit of `{}`, and needs none", unit.escape_debug()), as_in)
            }
            Self::Suffix(suffix) => (
                format!("{name} has an amount in `{}`, which is none", suffix.escape_debug()),
                "amounts may end in `K` (thousand), `M` (million) or `B` (billion)".to_owned(),
            ),
            Self::Number => (format!("{name} must be an amount in plain digits, not `{written}`"), as_in),
            Self::Fraction => (format!("{name} `{written}` is not a whole number"), as_in),
            Self::Zero => (
                format!("{name} `{written}` lets nothing through"),
                "refuse with `deny`, which says so to callers".to_owned(),
            ),
        }
    }
}

/// `<digits>[.<digits>][K|M|B] [USD]/<window>`.
fn parse(text: &str, measure: Measure) -> Result<Cap, Wrong<'_>> {
    let (amount, window) = text.split_once('/').ok_or(Wrong::NoWindow)?;
    let window = window.trim();
    let window = Window::named(window).ok_or(Wrong::Window(window))?;
    let amount = amount.trim();
    let end = amount.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(amount.len());
    let (digits, rest) = amount.split_at_checked(end).ok_or(Wrong::Number)?;
    let (suffix, unit) = match rest.split_once(char::is_whitespace) {
        Some((suffix, unit)) => (suffix, unit.trim()),
        // `20M` and `20USD` are told apart by their length.
        None if rest.len() > 1 => ("", rest),
        None => (rest, ""),
    };
    if digits.is_empty() {
        return Err(Wrong::Number);
    }
    match (measure, unit) {
        (Measure::Cost, "USD") | (Measure::Requests | Measure::Tokens, "") => {}
        (Measure::Cost, "") => return Err(Wrong::NoUnit),
        (Measure::Cost, other) => return Err(Wrong::Currency(other)),
        (Measure::Requests | Measure::Tokens, other) => return Err(Wrong::Unit(other)),
    }
    let thousands = match suffix {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "B" => 1_000_000_000,
        other => return Err(Wrong::Suffix(other)),
    };
    let unit = if measure == Measure::Cost { MICROS } else { 1 };
    let limit = scaled(digits, thousands * unit)?;
    if limit == 0 { Err(Wrong::Zero) } else { Ok(Cap { measure, limit, window }) }
}

/// A decimal times `scale`, which must come out whole.
fn scaled(digits: &str, scale: u64) -> Result<u64, Wrong<'static>> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let leading = whole.len() > 1 && whole.starts_with('0');
    if !plain(whole, 12) || !plain(fraction, 6) || leading {
        return Err(Wrong::Number);
    }
    let parse = |part: &str| part.parse::<u128>().map_err(|_| Wrong::Number);
    let millionths = parse(whole)? * 1_000_000 + parse(&format!("{fraction:0<6}"))?;
    let scaled = millionths * u128::from(scale);
    if !scaled.is_multiple_of(1_000_000) {
        return Err(Wrong::Fraction);
    }
    // Sums of counts stay far from what an `i64` of a database holds.
    u64::try_from(scaled / 1_000_000).ok().filter(|limit| *limit <= MOST).ok_or(Wrong::Number)
}

/// A thousand million dollars in micro-dollars, and more tokens than anybody has.
const MOST: u64 = 1_000_000_000_000_000;
