//! `metrics.md`: every metric of `/metrics`, and every number that a rule of an alarm may use.

use std::fmt::Write as _;

use tailrace_core::alarm::tables;
use tailrace_reference::{cell, page, sentence};

use crate::metrics::documented;

const HEAD: &str = "# Metrics

`GET /metrics` answers in OpenMetrics text, or in Prometheus' text format 0.0.4 to a scraper whose `Accept` wants
`text/plain` more. It needs a token of an operator unless `metrics-public` is set.

The engine makes the text from its own counters at each scrape. Prometheus sums over engines. A counter starts at 0
when an engine starts a pipeline, and it counts only committed work. Labels hold names of the registry, numbers of
partitions and fixed words. They never hold data of an event.

[`examples/grafana/tailrace.json`](../../examples/grafana/tailrace.json) is a dashboard of these metrics.

A metric with the label `quantile` has the quantiles 0.5 and 0.99 since the engine started the pipeline, within 1 %. A
quantile that was not measured is left out. Quantiles of several engines cannot be put together.

A histogram has `_bucket` with the label `le`, `_sum` and `_count`. All engines have the same buckets, so their rates add
up: `histogram_quantile(0.99, sum by (le, pipeline) (rate(tailrace_commit_seconds_bucket[5m])))`.

## Metrics of pipelines, tenants and engines

| name | type | unit | labels | meaning |
| --- | --- | --- | --- | --- |
";

const ALARMS: &str = "
## Numbers for alarms

A rule of an alarm compares one of these numbers with a threshold. Rules stand under `alarms` of a
[pipeline manifest](pipeline.md#alarm) and under `[[alarms]]` of an engine's [configuration](configuration.md#alarms).
The engine looks at the numbers every five seconds. Rates and ratios cover the last half minute.

A rule of a pipeline may also ask a sketch by its name:

- `amounts.p99`, `amounts.min`, `amounts.max`, `amounts.sum` and `amounts.count` ask a sketch of quantiles.
- `users.distinct` and `users.count` ask a sketch of distinct items.
- `items.top(item)` asks a sketch of the most frequent items.
- `amounts.p99[5m]` asks the windows of the last five minutes of event time. The engine widens the time to whole
  windows. The value stays the same while no event comes.

";

#[test]
fn the_page_of_metrics_is_the_one_of_the_tables() {
    let mut text = HEAD.to_owned();
    for metric in documented() {
        let (unit, labels) = (or_dash(metric.unit), or_dash(metric.labels));
        let help = cell(&sentence(metric.help));
        let _ = writeln!(
            text,
            "| `{}` | {} | {unit} | {labels} | {help} |",
            metric.name, metric.kind
        );
    }
    text.push_str(ALARMS);
    text.push_str("### Numbers of a pipeline\n\n| name | unit | meaning |\n| --- | --- | --- |\n");
    for number in tables::PIPELINE {
        let (unit, help) = (or_dash(number.unit), cell(&sentence(number.help)));
        let _ = writeln!(text, "| `{}` | {unit} | {help} |", number.name);
    }
    text.push_str("\n### Numbers of an engine\n\n| name | unit | meaning |\n| --- | --- | --- |\n");
    for number in tables::ENGINE {
        let (unit, help) = (or_dash(number.unit), cell(&sentence(number.help)));
        let _ = writeln!(text, "| `{}` | {unit} | {help} |", number.name);
    }
    page("metrics.md", &text);
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}
