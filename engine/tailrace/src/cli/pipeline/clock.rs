//! The clock of a pipeline's input as `tailrace pipeline status` shows it.

use serde::Deserialize;

use crate::cli::screen::{facts, printable, time};

/// The clock of an input.
#[derive(Debug, Deserialize)]
pub struct ClockView {
    watermark_ms: u64,
    latest_ms: u64,
    #[serde(default)]
    sources: Vec<SourceView>,
    #[serde(default)]
    held_by: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SourceView {
    source: String,
    latest_ms: u64,
}

impl ClockView {
    /// In a line.
    pub fn line(&self) -> String {
        if self.watermark_ms == 0 {
            return self.held_by.clone().unwrap_or_else(|| "not started".to_owned());
        }
        let held = self.held_by.as_ref();
        let held = held.map(|held| format!("; held back by {}", printable(held)));
        let latest = time(self.latest_ms);
        format!(
            "{}, latest event time {latest}{}",
            time(self.watermark_ms),
            held.unwrap_or_default()
        )
    }

    /// The sources, the one furthest behind first; none where the input counts as one.
    pub fn sources(&self) -> Option<String> {
        let lines = self.sources.iter().map(|source| {
            let name = format!("source {}", printable(&source.source));
            (name, time(source.latest_ms))
        });
        let lines: Vec<_> = lines.collect();
        let lines: Vec<_> = lines
            .iter()
            .map(|(name, at)| (name.as_str(), at.clone()))
            .collect();
        (!lines.is_empty()).then(|| facts(&lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_told_with_what_holds_it_back_and_its_sources() {
        let text = r#"{"watermark_ms":1795825740000,"latest_ms":1795825800000,"held_by":"source \"b\", which is 60000 ms behind the first",
            "sources":[{"source":"b","latest_ms":1795825740000},{"source":"a","latest_ms":1795825800000}]}"#;
        let clock: ClockView = serde_json::from_str(text).unwrap();
        assert_eq!(
            clock.line(),
            "2026-11-28T00:29:00.000Z, latest event time 2026-11-28T00:30:00.000Z; held back by source \"b\", which is 60000 ms behind the first"
        );
        let sources = clock.sources().unwrap();
        assert!(
            sources.starts_with("source b") && sources.contains("source a"),
            "{sources}"
        );
        let unstarted: ClockView =
            serde_json::from_str(r#"{"watermark_ms":0,"latest_ms":0,"held_by":"no event"}"#).unwrap();
        assert_eq!(
            (unstarted.line().as_str(), unstarted.sources()),
            ("no event", None)
        );
    }
}
