use super::{Cap, Measure, Window};
use crate::policy::PolicySet;
use crate::policy::fixture::compiled;

/// Reads `section` as that of team `payments`.
fn team(section: &str) -> (Option<PolicySet>, Vec<String>) {
    let team = format!("version: 1\nscope: team/payments\nallow: {{ models: \"*\" }}\n{section}\n");
    compiled(&[
        ("org.yaml", "version: 1\nscope: org\nallow: { models: \"*\" }\n"),
        ("teams/payments.yaml", &team),
    ])
}

fn caps(section: &str) -> Vec<Cap> {
    let (set, found) = team(section);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    let rules = &set.teams["payments"].level.rules;
    rules.iter().filter_map(crate::policy::evaluate::quota_of).flat_map(|quota| quota.caps.clone()).collect()
}

#[test]
fn amounts_and_windows_are_read_as_written() {
    use Measure::{Cost, Requests, Tokens};
    let table = [
        ("requests: 600/min", Requests, 600, Window::Minute),
        ("requests: 10K/day", Requests, 10_000, Window::Day),
        ("tokens: 20M/day", Tokens, 20_000_000, Window::Day),
        ("tokens: 1.5M/month", Tokens, 1_500_000, Window::Month),
        ("tokens: 2B / month", Tokens, 2_000_000_000, Window::Month),
        ("cost: 2000 USD/month", Cost, 2_000_000_000, Window::Month),
        ("cost: 0.25 USD/day", Cost, 250_000, Window::Day),
        ("cost: 2K USD/min", Cost, 2_000_000_000, Window::Minute),
        ("cost: 5USD/min", Cost, 5_000_000, Window::Minute),
    ];
    for (written, measure, limit, window) in table {
        assert_eq!(caps(&format!("quotas: {{ {written} }}")), [Cap { measure, limit, window }], "{written}");
    }
}

#[test]
fn what_is_written_wrong_is_told_exactly() {
    let table = [
        ("requests: 600", "requests `600` says no window"),
        ("requests: 600/hour", "requests has a window of `hour`, which is none"),
        ("requests: 600 USD/min", "requests has a unit of `USD`, and needs none"),
        ("tokens: 20m/day", "tokens has an amount in `m`, which is none"),
        ("tokens: 0.5/day", "tokens `0.5/day` is not a whole number"),
        ("tokens: -5/day", "tokens must be an amount in plain digits"),
        ("tokens: 007/day", "tokens must be an amount in plain digits"),
        ("tokens: M/day", "tokens must be an amount in plain digits"),
        ("tokens: 9999999999999/day", "tokens must be an amount in plain digits"),
        ("requests: 0/min", "requests `0/min` lets nothing through"),
        ("cost: 2000/month", "cost `2000/month` says no currency"),
        ("cost: 2000 EUR/month", "cost is in `EUR`, and prices are known in USD only"),
        ("cost: 0.0000001 USD/month", "cost must be an amount in plain digits"),
        ("cost: [1 USD/month]", "cost must be an amount and a window, as in `2000 USD/month`"),
        ("per: team", "an item of `quotas` needs `requests`, `tokens` or `cost`, or it bounds nothing"),
        ("per: org, requests: 1/min", "per must be `team` or `app` or `caller`, not `org`"),
        ("unavailable: maybe, requests: 1/min", "unavailable must be `deny` or `allow`, not `maybe`"),
        ("request: 1/min", "unknown key `request`"),
    ];
    for (written, expected) in table {
        let (set, found) = team(&format!("quotas: {{ {written} }}"));
        assert!(set.is_none(), "{written}");
        assert!(found.iter().any(|one| one.contains(expected)), "{written}: {found:?}");
        assert_eq!(found.len(), 1, "{written}: {found:?}");
    }
}

#[test]
fn an_apps_file_bounds_no_team() {
    let app = |section: &str| {
        compiled(&[
            ("org.yaml", "version: 1\nscope: org\nallow: { models: \"*\" }\n"),
            ("teams/payments.yaml", "version: 1\nscope: team/payments\nallow: { models: \"*\" }\n"),
            (
                "apps/payments/checkout.yaml",
                &format!("version: 1\nscope: app/payments/checkout\n{section}\n"),
            ),
        ])
    };
    assert!(app("quotas: { requests: 1/min }").0.is_some());
    assert!(app("quotas: { per: caller, requests: 1/min }").0.is_some());
    let (set, found) = app("quotas: { per: team, requests: 1/min }");
    assert!(set.is_none());
    assert!(found[0].contains("an app's file cannot bound what its whole team uses"), "{found:?}");
}

#[test]
fn windows_are_those_of_the_calendar_in_utc() {
    let second = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let table = [
        (Window::Minute, "2026-11-24T20:59:59Z", "2026-11-24T20:59:00Z", "2026-11-24T21:00:00Z"),
        (Window::Day, "2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"),
        (Window::Day, "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"),
        (Window::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        (Window::Month, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        (Window::Day, "1969-12-31T23:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"),
    ];
    for (window, at, start, end) in table {
        assert_eq!(window.start(second(at)), second(start), "{window:?} {at}");
        assert_eq!(window.end(second(start)), second(end), "{window:?} {at}");
    }
}

#[test]
fn amounts_read_as_people_write_them() {
    let table = [
        (Measure::Requests, 1, "1 request"),
        (Measure::Requests, 600, "600 requests"),
        (Measure::Tokens, 1, "1 token"),
        (Measure::Cost, 2_000_000_000, "2000.00 USD"),
        (Measure::Cost, 250_000, "0.25 USD"),
        (Measure::Cost, 1_234, "0.001234 USD"),
    ];
    for (measure, amount, expected) in table {
        assert_eq!(measure.amount(amount), expected);
    }
}
