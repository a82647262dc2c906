//! Alarm reports: what the alarms that are kept here came to. Status and metrics read them.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;
use tailrace_core::{
    alarm::{machine::Phase, memory::Memory},
    name::Name,
};

use crate::alarms::subject::Subject;

/// An alarm, as status shows it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct AlarmReport {
    /// Its name.
    pub name: Name,
    /// Its rule.
    pub when: String,
    /// Where it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// The value at the last look, where there was one.
    pub value: Option<f64>,
    /// What it is compared with.
    pub threshold: f64,
    /// Notices that have yet to arrive.
    pub unsent: usize,
}

/// What became of notices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoticeCounts {
    /// Tries that arrived.
    pub sent: u64,
    /// Tries that did not.
    pub failed: u64,
    /// Notices that were given up.
    pub given_up: u64,
}

/// The alarms that are kept here.
#[derive(Default)]
pub struct AlarmReports {
    shown: Mutex<BTreeMap<Subject, Vec<AlarmReport>>>,
    sent: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
}

impl AlarmReports {
    pub(crate) fn show(&self, subject: &Subject, memory: &Memory) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(subject.clone(), reports(memory));
    }

    pub(crate) fn forget(&self, subject: &Subject) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.remove(subject);
    }

    pub(crate) fn count(&self, arrived: bool, given_up: bool) {
        let counter = if arrived { &self.sent } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        self.given_up.fetch_add(u64::from(given_up), Ordering::Relaxed);
    }

    /// Of a pipeline or an engine, where they are kept here.
    pub(crate) fn of(&self, subject: &Subject) -> Option<Vec<AlarmReport>> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.get(subject).cloned()
    }

    /// How many alarms fire, of each pipeline that is kept here.
    pub(crate) fn firing(&self) -> Vec<(Subject, u64)> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let firing = |alarms: &Vec<AlarmReport>| {
            let firing = alarms.iter().filter(|alarm| alarm.phase.fires_since().is_some());
            firing.count() as u64
        };
        shown
            .iter()
            .map(|(subject, alarms)| (subject.clone(), firing(alarms)))
            .collect()
    }

    /// What became of notices.
    pub fn notices(&self) -> NoticeCounts {
        NoticeCounts {
            sent: self.sent.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            given_up: self.given_up.load(Ordering::Relaxed),
        }
    }
}

/// What is remembered, for people.
pub(crate) fn reports(memory: &Memory) -> Vec<AlarmReport> {
    let report = |(name, known): (&Name, &tailrace_core::alarm::memory::Remembered)| AlarmReport {
        name: name.clone(),
        when: known.when.clone(),
        phase: known.phase,
        value: known.value,
        threshold: known.threshold,
        unsent: known.unsent.len(),
    };
    memory.alarms().map(report).collect()
}
