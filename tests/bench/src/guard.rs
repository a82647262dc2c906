//! A few ratios that must not get worse unnoticed, in seconds and in any build: `make test` runs this
//! as a process of its own (`tests/guard.rs`), so that nothing else runs beside it in the process.
//!
//! Only what does not depend on the machine: processor time against processor time, taken in turn.

use anyhow::Context as _;

use crate::{
    events::{BYTES, KEYS},
    memory::{self, Job, MemoryStage, Plugin, Round},
    options::Options,
    report::Section,
};

/// Events of a round and of its start: ten ticks of the kernel's clock or more, and a round takes some
/// tenths of a second in a debug build.
const EVENTS: u64 = 40_000;
const WARM_UP: u64 = 4_000;

const fn job(plugin: Plugin, steps: usize, partitions: u32) -> Job {
    Job {
        plugin,
        steps,
        bytes: BYTES,
        keys: KEYS,
        partitions,
        warm_up: WARM_UP,
        events: EVENTS,
    }
}

/// What is held against the first.
const JOBS: [(&str, Job); 5] = [
    ("forward", job(Plugin::Forward, 1, 1)),
    ("three steps", job(Plugin::Forward, 3, 1)),
    ("state", job(Plugin::State { bytes: 64 }, 1, 1)),
    ("validator", job(Plugin::Validator, 1, 1)),
    ("four partitions", job(Plugin::Forward, 1, 4)),
];

/// Measures them, in turn.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let stage = MemoryStage::set()?;
    let mut rounds: [Vec<Round>; JOBS.len()] = Default::default();
    for _ in 0..options.rounds() {
        for ((what, job), rounds) in JOBS.iter().zip(&mut rounds) {
            rounds.push(stage.run(job).await.context(*what)?);
        }
    }
    let mut section = Section::new("Guard", "Ratios that `make test` watches.");
    for ((what, _), rounds) in JOBS.iter().zip(&rounds) {
        let against = (*what != "forward").then_some("forward");
        section.push(memory::row((*what).to_owned(), rounds).against(against));
    }
    Ok(vec![section])
}
