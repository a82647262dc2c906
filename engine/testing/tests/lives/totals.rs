//! What runs came to, one and all of them together.

use std::{collections::BTreeMap, fmt};

/// What a run came to, for the totals and for the replay test.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub events: u64,
    /// Writes of the registry.
    pub entries: u64,
    /// Lives of pipelines.
    pub lives: u64,
    /// Lives of tenants.
    pub tenants: u64,
    /// Messages that pipelines' own streams held.
    pub messages: u64,
    pub happened: BTreeMap<&'static str, u64>,
}

/// What must have happened when all seeds have run, or the runs show nothing.
const EXPECTED: [&str; 20] = [
    "answer to a request lost",
    "audit log read",
    "batch stored after the time-out",
    "candidate promoted",
    "client goes away",
    "crash after a request",
    "crash at a request",
    "dead letter redriven",
    "disk lost",
    "engine ends",
    "engine is cut off",
    "no connection",
    "pipeline made where there is none",
    "pipeline renewed",
    "request takes effect late",
    "several engines",
    "state read",
    "stream deleted by hand",
    "tenant deleted",
    "watch lags",
];

/// What came after the end of a life, and no engine that saw that end was there to look for it.
pub const LEFT: &str = "left to the doctor";

/// Over all seeds.
#[derive(Default)]
pub struct Totals {
    runs: u64,
    sum: Run,
}

impl Totals {
    pub fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.sum.events += run.events;
        self.sum.entries += run.entries;
        self.sum.lives += run.lives;
        self.sum.tenants += run.tenants;
        self.sum.messages += run.messages;
        for (what, count) in &run.happened {
            *self.sum.happened.entry(what).or_default() += count;
        }
    }

    /// What the runs are about has happened in some of them.
    pub fn assert_all_happened(&self) {
        for what in EXPECTED {
            assert!(self.sum.happened.contains_key(what), "never: {what}");
        }
        let left = self.sum.happened.get(LEFT).copied().unwrap_or_default();
        assert!(
            left * 100 < self.runs,
            "{left} times something was left to the doctor"
        );
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run {
            events,
            entries,
            lives,
            tenants,
            messages,
            happened,
            ..
        } = &self.sum;
        writeln!(
            f,
            "{} runs: {lives} lives of pipelines, {tenants} of tenants, {events} events, {messages} messages, {entries} entries",
            self.runs
        )?;
        happened
            .iter()
            .try_for_each(|(what, count)| writeln!(f, "  {count:>8} {what}"))
    }
}

/// Seeds that broke a promise, by what was said of it but for names and numbers.
#[derive(Default)]
pub struct Broken(BTreeMap<String, Vec<(u64, String)>>);

impl Broken {
    pub fn add(&mut self, seed: u64, why: String) {
        let mut kind: String = why
            .split_whitespace()
            .map(|word| {
                if word.contains(|c: char| c.is_ascii_digit()) {
                    "#"
                } else {
                    word
                }
            })
            .collect::<Vec<_>>()
            .join(" ");
        kind.truncate(kind.floor_char_boundary(80));
        self.0.entry(kind).or_default().push((seed, why));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<_> = self.0.values().collect();
        kinds.sort_by_key(|seeds| std::cmp::Reverse(seeds.len()));
        for seeds in kinds {
            let numbers = seeds.iter().map(|(seed, _)| seed.to_string()).take(12);
            let numbers: Vec<_> = numbers.collect();
            let why = seeds.first().map_or("", |(_, why)| why);
            writeln!(f, "{} seeds ({}): {why}", seeds.len(), numbers.join(" "))?;
        }
        Ok(())
    }
}
