//! In which of the two text formats a scraper wants the metrics: OpenMetrics, or the one before it, which older
//! scrapers know alone.

use std::{collections::BTreeSet, fmt::Write as _};

use axum::http::{HeaderMap, header};

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Classic,
}

impl Exposition {
    /// The kinds of content, without their parameters.
    pub(crate) const KINDS: [&str; 2] = ["application/openmetrics-text", "text/plain"];

    /// The one that a client wants more; where it does not say, OpenMetrics.
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).into_iter();
        let accepted = accepted.filter_map(|accepted| accepted.to_str().ok());
        let weights = accepted.flat_map(|accepted| accepted.split(','));
        let mut best = [None::<f32>; 2];
        for range in weights {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            let weight: f32 = weight.unwrap_or(1.0);
            for (known, best) in Self::KINDS.iter().zip(&mut best) {
                if kind.eq_ignore_ascii_case(known) && best.is_none_or(|best| best < weight) {
                    *best = Some(weight);
                }
            }
        }
        match best {
            [None, Some(classic)] if classic > 0.0 => Self::Classic,
            [Some(open), Some(classic)] if classic > open => Self::Classic,
            _ => Self::OpenMetrics,
        }
    }

    /// The content type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The metrics in this format, from OpenMetrics.
    pub(crate) fn of(self, metrics: String) -> String {
        match self {
            Self::OpenMetrics => metrics,
            Self::Classic => classic(&metrics),
        }
    }
}

/// There a counter bears the name of its series, and neither units nor an end are told.
fn classic(metrics: &str) -> String {
    let counters: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(metrics.len());
    for line in metrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let told = ["# HELP ", "# TYPE "]
            .iter()
            .find_map(|comment| Some((comment, line.strip_prefix(comment)?.split_once(' ')?)));
        match told {
            Some((comment, (name, rest))) if counters.contains(name) => {
                let _ = writeln!(text, "{comment}{name}_total {rest}");
            }
            _ => {
                text += line;
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_the_format_that_it_wants_more() {
        for (accept, wanted) in [
            ("", Exposition::OpenMetrics),
            ("*/*", Exposition::OpenMetrics),
            ("text/html", Exposition::OpenMetrics),
            ("text/plain", Exposition::Classic),
            ("text/plain;version=0.0.4", Exposition::Classic),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
                Exposition::OpenMetrics,
            ),
            (
                "application/openmetrics-text;q=0.2, text/plain;q=0.9",
                Exposition::Classic,
            ),
            ("text/plain;q=0", Exposition::OpenMetrics),
            ("text/plain;q=much", Exposition::Classic),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(Exposition::wanted(&headers), wanted, "{accept}");
        }
    }

    #[test]
    fn the_format_before_names_counters_by_their_series() {
        let open = "# HELP tailrace_input_bytes In.\n# TYPE tailrace_input_bytes counter\n# UNIT tailrace_input_bytes bytes\ntailrace_input_bytes_total 7\n# HELP tailrace_lag Behind.\n# TYPE tailrace_lag gauge\ntailrace_lag 1\n# EOF\n";
        let expected = "# HELP tailrace_input_bytes_total In.\n# TYPE tailrace_input_bytes_total counter\ntailrace_input_bytes_total 7\n# HELP tailrace_lag Behind.\n# TYPE tailrace_lag gauge\ntailrace_lag 1\n";
        assert_eq!(Exposition::Classic.of(open.to_owned()), expected);
    }
}
