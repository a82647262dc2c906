//! What a pipeline's input is like right now: written where the broker is read, read by status and metrics. What
//! keeps it from coming, what of it was lost, and how much is still to come.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};

use crate::watermark::{ClockRule, InputClock};

/// Events that the stream dropped before they were processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "InputLoss")]
pub struct Loss {
    /// First sequence that is gone.
    pub from: u64,
    /// Last sequence that is gone.
    pub to: u64,
    /// How many events: of this pipeline, where `is_certain`; at most so many otherwise, for the stream holds other
    /// subjects too, and does not tell which it dropped.
    pub events: u64,
    /// Whether they were this pipeline's.
    pub is_certain: bool,
}

/// The clock of the input, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ClockStatus {
    /// The watermark, milliseconds since 1970; 0 before the first event with a time that is believed.
    pub watermark_ms: u64,
    /// The latest event time that was believed.
    pub latest_ms: u64,
    /// The sources, where each has a clock of its own, the one furthest behind first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceClock>,
    /// What holds the watermark back, if it is not the latest time less `delay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
}

/// The clock of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SourceClock {
    /// Its name.
    pub source: String,
    /// Its latest time that was believed.
    pub latest_ms: u64,
}

impl ClockStatus {
    fn of(clock: &InputClock, rule: &ClockRule) -> Self {
        let begun = clock.sources().filter(|(_, latest_ms)| *latest_ms > 0);
        let sources = begun.map(|(source, latest_ms)| SourceClock {
            source: source.to_owned(),
            latest_ms,
        });
        let mut sources: Vec<_> = sources.collect();
        sources.sort_by_key(|source| source.latest_ms);
        Self {
            watermark_ms: clock.watermark_ms,
            latest_ms: clock.latest_ms(),
            held_by: clock.held_by(rule),
            sources,
        }
    }
}

/// What the input is like; shared by those who read the broker and those who look.
#[derive(Debug, Default)]
pub struct InputWatch {
    trouble: Mutex<Option<String>>,
    last_loss: Mutex<Option<Loss>>,
    lost: AtomicU64,
    possibly_lost: AtomicU64,
    unassigned: AtomicU64,
    /// One more than what is still to come; 0 where that is not known.
    pending: AtomicU64,
    clock: Mutex<Option<(InputClock, ClockRule)>>,
}

impl InputWatch {
    /// Something keeps events from coming.
    pub fn trouble(&self, why: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// They come again.
    pub fn trouble_over(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What keeps events from coming.
    pub fn current_trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Events were lost, or may have been.
    pub fn lose(&self, loss: Loss) {
        let count = if loss.is_certain {
            &self.lost
        } else {
            &self.possibly_lost
        };
        count.fetch_add(loss.events, Ordering::Relaxed);
        *self.last_loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(loss);
    }

    /// Its clock says this now, by this rule.
    pub fn set_clock(&self, clock: InputClock, rule: ClockRule) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some((clock, rule));
    }

    /// What its clock said last; none before the input was read.
    pub fn clock(&self) -> Option<ClockStatus> {
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.as_ref().map(|(clock, rule)| ClockStatus::of(clock, rule))
    }

    /// So many events of the pipeline's subjects lie in the stream and were not read yet.
    pub fn set_pending(&self, pending: Option<u64>) {
        self.pending
            .store(pending.map_or(0, |pending| pending + 1), Ordering::Relaxed);
    }

    /// How many those are, where it is known.
    pub fn pending(&self) -> Option<u64> {
        self.pending.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Events of this pipeline that were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Events that may have been this pipeline's, and were lost.
    pub fn possibly_lost(&self) -> u64 {
        self.possibly_lost.load(Ordering::Relaxed)
    }

    /// The subjects of so many events name no partition; gives whether those are more than were known.
    pub fn leave_unassigned(&self, events: u64) -> bool {
        self.unassigned.fetch_max(events, Ordering::Relaxed) < events
    }

    /// Events whose subject names no partition.
    pub fn unassigned(&self) -> u64 {
        self.unassigned.load(Ordering::Relaxed)
    }

    /// What somebody should look at.
    pub fn warnings(&self) -> Vec<String> {
        let unassigned = self.unassigned();
        let warning = || {
            format!(
                "the subjects of {unassigned} events name no partition of this pipeline at input.partition, so no engine reads them; write numbers from 0 to `partitions` less one there"
            )
        };
        (unassigned > 0).then(warning).into_iter().collect()
    }

    /// What was lost last.
    pub fn last_loss(&self) -> Option<Loss> {
        self.last_loss
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
