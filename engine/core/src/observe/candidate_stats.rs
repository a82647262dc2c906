//! Candidate stats: what is counted of a candidate and of the active revision beside it. These are figures,
//! differences and examples of differences. A partition counts by itself and hands its counts to the
//! [reports](crate::observe::candidate_reports), which add them up. Bounded, whatever a plugin makes up.

use std::collections::BTreeMap;

use serde::Serialize;
use tailrace_sketch::Quantiles;

use crate::observe::{event_outcome::EventOutcome, stats::Latency, tap::Excerpt};

/// Differences that are kept to look at: of a page each, more than a person reads.
const MAX_EXAMPLES: usize = 20;
/// Codes of errors that are counted by name: a plugin makes up its own. The rest count together.
const MAX_CODES: usize = 50;
/// Under which the rest count.
const OTHER_CODES: &str = "(other)";

/// What was found and is not yet shown, or all of it.
#[derive(Debug, Default)]
pub struct CandidateStats {
    /// The candidate's revision.
    pub revision: u64,
    /// The active revision.
    pub active: Side,
    /// The candidate.
    pub candidate: Side,
    pub(super) differences: BTreeMap<&'static str, u64>,
    pub(super) examples: Vec<Example>,
}

/// One side in figures.
#[derive(Debug, Default)]
pub struct Side {
    pub(super) events: u64,
    pub(super) errors: u64,
    codes: BTreeMap<String, u64>,
    fuel: u64,
    pub(super) took: Quantiles,
    /// Each event's, until they are shown.
    took_us: Vec<f64>,
}

/// An event on which the sides differ.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ComparedEvent")]
pub struct Example {
    /// In what.
    pub kind: &'static str,
    /// The partition.
    pub partition: u32,
    /// Sequence of the event in the input stream.
    pub sequence: u64,
    /// Its key.
    pub key: String,
    /// What the active revision made of it.
    pub active: Shown,
    /// What the candidate made of it.
    pub candidate: Shown,
}

/// One side of an example.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ComparedOutcome")]
pub struct Shown {
    /// `emit`, `forward`, `drop`, `reject` or `dead-letter`.
    pub verdict: &'static str,
    /// Code of the error, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many messages it made of the event, dead letters among them.
    pub messages: usize,
    /// Subject of the first message that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Excerpt>,
}

/// One side, for people.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "ComparedSide")]
pub struct SideReport {
    /// Its events.
    pub events: u64,
    /// Those that failed or were rejected.
    pub errors: u64,
    /// By code.
    pub codes: BTreeMap<String, u64>,
    /// Fuel of all its calls.
    pub fuel: u64,
    /// Time of an event in its plugins.
    pub latency: Latency,
}

impl Side {
    /// Counts an event.
    pub fn note(&mut self, noted: &EventOutcome) {
        self.events += 1;
        self.errors += u64::from(noted.is_error());
        if let Some(code) = &noted.code {
            self.count(code, 1);
        }
        self.fuel += noted.fuel;
        self.took_us.push(noted.took.as_secs_f64() * 1e6);
    }

    fn count(&mut self, code: &str, times: u64) {
        let known = self.codes.contains_key(code) || self.codes.len() < MAX_CODES;
        let code = if known { code } else { OTHER_CODES };
        *self.codes.entry(code.to_owned()).or_default() += times;
    }

    fn add(&mut self, other: &mut Self) {
        self.events += std::mem::take(&mut other.events);
        self.errors += std::mem::take(&mut other.errors);
        self.fuel += std::mem::take(&mut other.fuel);
        for (code, times) in std::mem::take(&mut other.codes) {
            self.count(&code, times);
        }
        for took_us in other.took_us.drain(..) {
            let observed = self.took.observe(took_us);
            debug_assert!(observed.is_ok(), "a duration is finite");
        }
    }

    pub(super) fn report(&self) -> SideReport {
        SideReport {
            events: self.events,
            errors: self.errors,
            codes: self.codes.clone(),
            fuel: self.fuel,
            latency: Latency::of(&self.took),
        }
    }
}

impl CandidateStats {
    /// Nothing yet.
    pub fn new(revision: u64) -> Self {
        Self {
            revision,
            ..Self::default()
        }
    }

    /// Counts a difference.
    pub fn differ(&mut self, kind: &'static str, example: impl FnOnce() -> Example) {
        *self.differences.entry(kind).or_default() += 1;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(example());
        }
    }

    pub(super) fn add(&mut self, other: &mut Self) {
        self.active.add(&mut other.active);
        self.candidate.add(&mut other.candidate);
        for (kind, times) in std::mem::take(&mut other.differences) {
            *self.differences.entry(kind).or_default() += times;
        }
        let room = MAX_EXAMPLES - self.examples.len();
        self.examples
            .extend(std::mem::take(&mut other.examples).into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_codes_are_bounded() {
        let mut tally = CandidateStats::new(1);
        let shown = || Shown {
            verdict: "emit",
            code: None,
            messages: 0,
            subject: None,
            payload: None,
        };
        for sequence in 0..1_000 {
            tally.differ("payload", || Example {
                kind: "payload",
                partition: 0,
                sequence,
                key: String::new(),
                active: shown(),
                candidate: shown(),
            });
            tally.candidate.count(&format!("code-{sequence}"), 1);
        }
        let mut whole = CandidateStats::new(1);
        whole.add(&mut tally);
        assert_eq!(
            (whole.examples.len(), whole.differences["payload"]),
            (MAX_EXAMPLES, 1_000)
        );
        let codes = whole.candidate.report().codes;
        assert!(codes.len() <= MAX_CODES + 1);
        assert_eq!(codes.values().sum::<u64>(), 1_000, "none is lost");
    }
}
