//! What runs came to, one and all of them together.

use std::{collections::BTreeMap, fmt};

/// What a run came to, for the totals and for the replay test.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    pub events: u64,
    pub lives: u64,
    pub happened: BTreeMap<&'static str, u64>,
    pub records: u64,
}

/// Over all seeds.
#[derive(Default)]
pub struct Totals {
    runs: u64,
    events: u64,
    lives: u64,
    records: u64,
    happened: BTreeMap<&'static str, u64>,
}

impl Totals {
    pub fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.events += run.events;
        self.lives += run.lives;
        self.records += run.records;
        for (what, count) in &run.happened {
            *self.happened.entry(what).or_default() += count;
        }
    }

    /// A fault that never strikes tests nothing.
    pub fn assert_every_fault_happened(&self) {
        let all = [
            "answer lost",
            "batch lost",
            "batch refused",
            "batch stored after the time-out",
            "crash after the batch is stored",
            "crash at a request",
            "crash before the batch is stored",
            "delivered again",
            "disk lost",
            "no connection",
            "plugin fails for a while",
            "plugin traps once",
            "store fails after a write",
            "store fails before a write",
            "store fails in the midst of a write",
            "swap of a revision",
            "timer fails for a while",
            "swap that waits",
            "canary",
            "shadow",
            "two engines",
        ];
        for what in all {
            assert!(self.happened.contains_key(what), "{what:?} never happened");
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} runs, {} events, {} lives of engines, {} commits",
            self.runs, self.events, self.lives, self.records
        )?;
        self.happened
            .iter()
            .try_for_each(|(what, count)| writeln!(f, "  {count:>8} {what}"))
    }
}
