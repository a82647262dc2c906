//! Candidate reports: what the partitions of a pipeline on this engine have found of its candidate, and
//! whether that ends it. Begins anew with each start of the pipeline here.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::sync::Notify;

use crate::{
    observe::candidate_stats::{CandidateStats, Example, Side, SideReport},
    registry::candidate::{Canary, Mode},
};

/// Shared by the partitions of a pipeline on this engine.
#[derive(Default)]
pub struct CandidateReports {
    found: Mutex<Option<Found>>,
    ended: Notify,
}

struct Found {
    mode: Mode,
    tally: CandidateStats,
    since_ms: u64,
    ended: Option<String>,
}

/// What was found, for people.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Comparison")]
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

impl CandidateReports {
    fn found(&self) -> MutexGuard<'_, Option<Found>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another candidate, or the same one anew; none clears the report.
    pub fn begin(&self, candidate: Option<(u64, Mode)>, now_ms: u64) {
        *self.found() = candidate.map(|(revision, mode)| Found {
            mode,
            tally: CandidateStats::new(revision),
            since_ms: now_ms,
            ended: None,
        });
    }

    /// Takes what a partition has found, and judges.
    pub fn take(&self, tally: &mut CandidateStats) {
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
    use crate::observe::event_outcome::EventOutcome;
    use crate::outcome::Outcome;

    fn canary() -> Mode {
        Mode::Canary(Canary {
            share_ppm: 50_000,
            max_error_ratio: Some(0.01),
            max_p99_ms: Some(50.0),
            min_events: 100,
        })
    }

    fn noted(took_ms: u64, failed: bool) -> EventOutcome {
        EventOutcome {
            outcome: if failed { Outcome::Dead } else { Outcome::Emitted },
            took: Duration::from_millis(took_ms),
            fuel: 1,
            code: failed.then(|| "crash".to_owned()),
        }
    }

    fn judged(events: &[(u64, bool)]) -> Option<String> {
        let candidate_reports = CandidateReports::default();
        candidate_reports.begin(Some((2, canary())), 0);
        let mut tally = CandidateStats::new(2);
        for (took_ms, failed) in events {
            tally.candidate.note(&noted(*took_ms, *failed));
        }
        candidate_reports.take(&mut tally);
        candidate_reports.what_ended().map(|(_, reason)| reason)
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
        let candidate_reports = CandidateReports::default();
        candidate_reports.begin(Some((3, canary())), 0);
        let mut old = CandidateStats::new(2);
        old.candidate.note(&noted(1, true));
        candidate_reports.take(&mut old);
        candidate_reports.end(2, "old".to_owned());
        let report = candidate_reports.report().unwrap();
        assert_eq!(
            (report.revision, report.candidate.events, report.ended),
            (3, 0, None)
        );
    }
}
