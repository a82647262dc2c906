//! What the partitions of a pipeline on this engine have found of its candidate, and whether that ends it.
//! Begins anew with each start of the pipeline here.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tailrace_sketch::Quantiles;
use tokio::sync::Notify;

use super::Noted;
use crate::{
    pipeline::{stats::Latency, views::tap::Excerpt},
    registry::candidate::{Canary, Mode},
};

/// Differences that are kept to look at: of a page each, more than a person reads.
const MAX_EXAMPLES: usize = 20;
/// Codes of errors that are counted by name: a plugin makes up its own. The rest count together.
const MAX_CODES: usize = 50;
/// Under which the rest count.
const OTHER_CODES: &str = "(other)";

/// Shared by the partitions of a pipeline on this engine.
#[derive(Default)]
pub struct Board {
    found: Mutex<Option<Found>>,
    ended: Notify,
}

struct Found {
    mode: Mode,
    tally: Tally,
    since_ms: u64,
    ended: Option<String>,
}

/// What was found and is not yet shown, or all of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// The candidate's revision.
    pub revision: u64,
    /// The active revision.
    pub active: Side,
    /// The candidate.
    pub candidate: Side,
    differences: BTreeMap<&'static str, u64>,
    examples: Vec<Example>,
}

/// One side in figures.
#[derive(Debug, Default)]
pub struct Side {
    events: u64,
    errors: u64,
    codes: BTreeMap<String, u64>,
    fuel: u64,
    took: Quantiles,
    /// Each event's, until they are shown.
    took_us: Vec<f64>,
}

/// An event on which the sides differ.
#[derive(Debug, Clone, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
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

/// What was found, for people.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The candidate's revision.
    pub revision: u64,
    /// Since when this engine counts, milliseconds since the epoch.
    pub since_ms: u64,
    /// For a shadow: events that both sides had.
    pub compared: u64,
    /// For a shadow: events on which they differ, by kind.
    pub differences: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub examples: Vec<Example>,
    /// The active revision.
    pub active: SideReport,
    /// The candidate.
    pub candidate: SideReport,
    /// Why it ends, where that is not yet in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// One side, for people.
#[derive(Debug, Clone, Serialize)]
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
    pub fn note(&mut self, noted: &Noted) {
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

    fn report(&self) -> SideReport {
        SideReport {
            events: self.events,
            errors: self.errors,
            codes: self.codes.clone(),
            fuel: self.fuel,
            latency: Latency::of(&self.took),
        }
    }
}

impl Tally {
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

    fn add(&mut self, other: &mut Self) {
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

impl Board {
    fn found(&self) -> MutexGuard<'_, Option<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another candidate, or the same one anew; none clears the board.
    pub fn begin(&self, candidate: Option<(u64, Mode)>, now_ms: u64) {
        *self.found() = candidate.map(|(revision, mode)| Found {
            mode,
            tally: Tally::new(revision),
            since_ms: now_ms,
            ended: None,
        });
    }

    /// Takes what a partition has found, and judges.
    pub fn take(&self, tally: &mut Tally) {
        let mut found = self.found();
        let Some(found) = found
            .as_mut()
            .filter(|found| found.tally.revision == tally.revision)
        else {
            return;
        };
        found.tally.add(tally);
        if found.ended.is_none()
            && let Mode::Canary(canary) = found.mode
            && let Some(reason) = verdict(&canary, &found.tally.candidate)
        {
            found.ended = Some(reason);
            self.ended.notify_one();
        }
    }

    /// A partition says that the candidate ends.
    pub fn end(&self, revision: u64, reason: String) {
        let mut found = self.found();
        if let Some(found) = found.as_mut().filter(|found| found.tally.revision == revision) {
            found.ended.get_or_insert(reason);
            self.ended.notify_one();
        }
    }

    /// Waits until the candidate is to end; gives its revision and the reason. May say so again.
    pub async fn ended(&self) -> (u64, String) {
        loop {
            self.ended.notified().await;
            if let Some(ended) = self.what_ended() {
                return ended;
            }
        }
    }

    /// It is not written yet that the candidate ends: it is to be said again.
    pub fn say_again(&self) {
        self.ended.notify_one();
    }

    fn what_ended(&self) -> Option<(u64, String)> {
        let found = self.found();
        let found = found.as_ref()?;
        Some((found.tally.revision, found.ended.clone()?))
    }

    /// What was found, if there is a candidate.
    pub fn report(&self) -> Option<Report> {
        let found = self.found();
        let Found {
            tally,
            since_ms,
            ended,
            mode,
        } = found.as_ref()?;
        Some(Report {
            revision: tally.revision,
            since_ms: *since_ms,
            compared: if *mode == Mode::Shadow {
                tally.candidate.events
            } else {
                0
            },
            differences: tally.differences.clone(),
            examples: tally.examples.clone(),
            active: tally.active.report(),
            candidate: tally.candidate.report(),
            ended: ended.clone(),
        })
    }
}

/// Why a canary is to be taken back, if it is.
fn verdict(canary: &Canary, side: &Side) -> Option<String> {
    if side.events < canary.min_events.max(1) {
        return None;
    }
    let ratio = side.errors as f64 / side.events as f64;
    if let Some(most) = canary.max_error_ratio.filter(|most| ratio > *most) {
        let (errors, events) = (side.errors, side.events);
        return Some(format!(
            "{errors} of its {events} events failed or were rejected, a ratio of {ratio:.4}; {most} are allowed"
        ));
    }
    let p99_ms = side.took.quantile(0.99).unwrap_or_default() / 1e3;
    let most = canary.max_p99_ms.filter(|most| p99_ms > *most)?;
    Some(format!(
        "99 of 100 of its events took up to {p99_ms:.3} ms in its plugins; {most} are allowed"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ledger::Fate;

    fn canary() -> Mode {
        Mode::Canary(Canary {
            share_ppm: 50_000,
            max_error_ratio: Some(0.01),
            max_p99_ms: Some(50.0),
            min_events: 100,
        })
    }

    fn noted(took_ms: u64, failed: bool) -> Noted {
        Noted {
            fate: if failed { Fate::Dead } else { Fate::Emitted },
            took: Duration::from_millis(took_ms),
            fuel: 1,
            code: failed.then(|| "crash".to_owned()),
        }
    }

    fn judged(events: &[(u64, bool)]) -> Option<String> {
        let board = Board::default();
        board.begin(Some((2, canary())), 0);
        let mut tally = Tally::new(2);
        for (took_ms, failed) in events {
            tally.candidate.note(&noted(*took_ms, *failed));
        }
        board.take(&mut tally);
        board.what_ended().map(|(_, reason)| reason)
    }

    #[test]
    fn a_canary_ends_when_a_limit_is_passed_and_not_before_it_had_its_events() {
        let mut events = vec![(1, true); 99];
        assert_eq!(judged(&events), None, "too few to judge");
        events.push((1, true));
        assert!(judged(&events).is_some_and(|reason| reason.contains("100 of its 100")));
        let sound = vec![(1, false); 1_000];
        assert_eq!(judged(&sound), None);
        let slow: Vec<_> = (0..1_000)
            .map(|n| (if n % 50 == 0 { 80 } else { 1 }, false))
            .collect();
        assert!(judged(&slow).is_some_and(|reason| reason.contains("ms in its plugins")));
    }

    #[test]
    fn what_another_candidate_found_does_not_count() {
        let board = Board::default();
        board.begin(Some((3, canary())), 0);
        let mut old = Tally::new(2);
        old.candidate.note(&noted(1, true));
        board.take(&mut old);
        board.end(2, "old".to_owned());
        let report = board.report().unwrap();
        assert_eq!(
            (report.revision, report.candidate.events, report.ended),
            (3, 0, None)
        );
    }

    #[test]
    fn examples_and_codes_are_bounded() {
        let mut tally = Tally::new(1);
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
        let board = Board::default();
        board.begin(Some((1, Mode::Shadow)), 0);
        board.take(&mut tally);
        let report = board.report().unwrap();
        assert_eq!(
            (report.examples.len(), report.differences["payload"]),
            (MAX_EXAMPLES, 1_000)
        );
        assert!(report.candidate.codes.len() <= MAX_CODES + 1);
        assert_eq!(
            report.candidate.codes.values().sum::<u64>(),
            1_000,
            "none is lost"
        );
    }
}
