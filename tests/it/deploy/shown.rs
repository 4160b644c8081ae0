//! The Grafana dashboard over metrics of a real warden: each panel has something to show.

use bedrock_warden::telemetry::names::prometheus as names;

use super::grafana::{Target, targets};
use crate::exceptions::{META, exceptions};
use crate::receivers::prometheus::scrape;
use crate::receivers::traffic;
use crate::support::call::Call;
use crate::support::receivers::VictoriaMetrics;

/// Panels that are rightly empty here: the credentials of the tests have no end.
const EMPTY: [&str; 1] = [names::CREDENTIALS_EXPIRY.name];

/// A model whose list price is known.
const PRICED: &str = "amazon.nova-lite-v1:0";

#[test]
fn every_panel_shows_something_after_some_traffic() {
    let Some(metrics) = VictoriaMetrics::start() else { return };
    let glass = format!(
        "  - {{ id: BG-1, for: {{ team: payments }}, waive: [org/deny/no-opus], breakGlass: true, {META} }}\n"
    );
    let app = "version: 1\nscope: app/payments/checkout\nquotas: { requests: 1M/day }\n\
               sensitive: { id: said, detect: [email], response: redact }\n";
    let setup = traffic::setup().policy("exceptions.yaml", &exceptions(&glass));
    let warden = setup.policy("apps/payments/checkout.yaml", app).start();
    // As if the rounds of traffic had come half a minute apart: a rate needs two scrapes of every series.
    for seconds_ago in [90, 60, 30, 0] {
        if seconds_ago < 90 {
            traffic::send(&warden);
            warden.send(Call::converse(PRICED, "say: hello")).assert_ok();
            let opened = Call::converse(&format!("us.{}", traffic::OPUS), "say: hello")
                .header("x-warden-break-glass", "BG-1");
            warden.send(opened).assert_ok();
        }
        metrics.import(&scrape(&warden), seconds_ago, &["environment=tests", "instance=warden"]);
    }
    for Target { expression, legend } in targets() {
        let query = expression
            .replace("$__rate_interval", "2m")
            .replace("$environment", "tests")
            .replace("$instance", ".*");
        let empty = metrics.query(&query).is_empty();
        let expected = EMPTY.iter().any(|name| expression.contains(name));
        assert_eq!(empty, expected, "{legend}: {query}");
    }
}
