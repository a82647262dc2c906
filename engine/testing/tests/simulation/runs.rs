//! One run: events are published while engines run, die, lose their disks and fight; then the faults
//! stop, and the run must come to its end by itself.

use std::{
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use tailrace_core::{identity::PipelineId, life::Life, name::Name, observe::candidate_reports::Report};
use tailrace_testing::{broker::MemoryBroker, faults::Faults, store::MemoryStore};

use super::{
    checker,
    recorded::Recorded,
    rough::Rough,
    scenario::{Scenario, TICKS},
    sketches::{self, Divided},
    totals::Run,
    upgraded,
    world::{broker, options},
};

/// Longest that an engine lives before it is killed in its sleep.
const MOST_LIFE: Duration = Duration::from_secs(3);
/// In virtual time, after the faults have stopped: a run that needs longer hangs.
const PROGRESS_WITHIN: Duration = Duration::from_mins(2);

/// It stands, so that two runs of the same events have the same.
const HOLD: &str = r#"{"advance":"hold"}"#;

/// Runs a seed; an error says which promise was broken.
pub fn run(seed: u64) -> Result<Run, String> {
    Ok(run_watched(seed, 0)?.0)
}

/// Runs a seed while so many watch who never read, and one who goes at once; gives what they missed or
/// could have read, too.
pub fn run_watched(seed: u64, watchers: usize) -> Result<(Run, u64), String> {
    let (scenario, lives) = run_to_the_end(seed, watchers, TICKS, (None, false))?;
    let broker = &scenario.broker;
    let run = Run {
        events: broker.messages("IN", ">").len() as u64,
        lives,
        happened: scenario.faults.happened(),
        records: broker.messages("TR_sim_count", "tr.sim.count.commit.*").len() as u64,
    };
    Ok((run, scenario.shown.into_inner()))
}

/// Runs a seed until all is committed and checked; gives how many engines lived.
fn run_to_the_end(
    seed: u64,
    watchers: usize,
    idle: &'static str,
    (rough, keeps_records): (Option<Rough>, bool),
) -> Result<(Scenario, u64), String> {
    let faults = Arc::new(Faults::new(seed));
    let broker = broker(&faults);
    let partitions = 1 + faults.below(3) as u32;
    let pipeline = PipelineId {
        tenant: Name::new("sim").expect("a name"),
        pipeline: Name::new("count").expect("a name"),
    };
    let life = life_of(seed);
    broker.begin_pipeline(&pipeline, life, partitions);
    let scenario = Scenario {
        faults: faults.clone(),
        broker: broker.clone(),
        pipeline: pipeline.clone(),
        life,
        partitions,
        watchers,
        shown: AtomicU64::new(0),
        revision: AtomicU64::new(1),
        shadow_differs: false,
        idle,
        rough,
        keeps_records,
        redriven: AtomicU64::new(0),
        found: Mutex::default(),
    };
    publish_some(&faults, &broker);
    let stores = [
        MemoryStore::with_faults(faults.clone()),
        MemoryStore::with_faults(faults.clone()),
    ];
    let mut lives = 0;
    for _ in 0..2 + faults.below(6) {
        if faults.strikes("disk lost", 20) {
            stores[0].lose();
        }
        publish_some(&faults, &broker);
        lives += scenario.live(&stores, MOST_LIFE, false)?;
        broker.store_late_batches();
    }
    faults.calm_down();
    lives += scenario.live(&stores, PROGRESS_WITHIN, true)?;
    scenario.check()?;
    if scenario.rough.is_some() {
        return Ok((scenario, lives));
    }
    let rivals = faults.happened().contains_key("two engines");
    checker::check_revisions(&broker, &pipeline, partitions, rivals)?;
    Ok((scenario, lives))
}

/// Runs a seed, and its events once more without a fault; gives what the sketches of both came to.
pub fn run_beside_an_undisturbed_one(seed: u64) -> Result<Vec<Divided>, String> {
    let (scenario, _) = run_to_the_end(seed, 0, HOLD, (None, false))?;
    let calm = Arc::new(Faults::new(seed));
    calm.calm_down();
    let broker = scenario.broker.beginning_with("IN", options(&calm));
    broker.begin_pipeline(&scenario.pipeline, scenario.life, scenario.partitions);
    let undisturbed = Scenario {
        faults: calm.clone(),
        broker,
        revision: AtomicU64::new(1),
        shown: AtomicU64::new(0),
        redriven: AtomicU64::new(0),
        rough: None,
        found: Mutex::default(),
        ..scenario
    };
    undisturbed.live(&[MemoryStore::with_faults(calm)], PROGRESS_WITHIN, true)?;
    let (pipeline, partitions) = (&undisturbed.pipeline, undisturbed.partitions);
    sketches::check_same(&scenario.broker, &undisturbed.broker, pipeline, partitions)?;
    let divided = |partition| sketches::divided(&undisturbed.broker, pipeline, partition);
    (0..partitions).map(divided).collect()
}

/// Runs a seed, with records that all stay; gives what there is to do again.
pub fn run_recorded(seed: u64, is_rough: bool) -> Result<Recorded, String> {
    let rough = is_rough.then(|| Rough::new(seed));
    let (scenario, _) = run_to_the_end(seed, 0, TICKS, (rough, true))?;
    Recorded::of(scenario)
}

/// Runs a seed as an engine from before would have, whose records hold no order; then more events come, and this engine
/// takes over in the midst of them.
pub fn run_upgraded(seed: u64) -> Result<Recorded, String> {
    let (before, _) = run_to_the_end(seed, 0, TICKS, (None, true))?;
    let calm = Arc::new(Faults::new(seed));
    calm.calm_down();
    let upgraded = Scenario {
        broker: upgraded::broker_from_before(&before, options(&calm))?,
        faults: calm.clone(),
        ..before
    };
    for _ in 0..3 {
        publish_some(&calm, &upgraded.broker);
    }
    upgraded.live(&[MemoryStore::with_faults(calm)], PROGRESS_WITHIN, true)?;
    Recorded::of(upgraded)
}

/// A run without faults in which a shadow runs beside the active revision from the first event to the last;
/// gives the events, and what was found.
pub fn run_shadowed(seed: u64, shadow_differs: bool) -> Result<(u64, Report), String> {
    let faults = Arc::new(Faults::new(seed));
    let broker = broker(&faults);
    let partitions = 1 + faults.below(3) as u32;
    for _ in 0..3 {
        publish_some(&faults, &broker);
    }
    faults.calm_down();
    let pipeline = PipelineId {
        tenant: Name::new("sim").expect("a name"),
        pipeline: Name::new("count").expect("a name"),
    };
    let life = life_of(seed);
    broker.begin_pipeline(&pipeline, life, partitions);
    let scenario = Scenario {
        faults: faults.clone(),
        broker: broker.clone(),
        pipeline,
        life,
        partitions,
        watchers: 0,
        shown: AtomicU64::new(0),
        revision: AtomicU64::new(1),
        shadow_differs,
        idle: HOLD,
        rough: None,
        keeps_records: false,
        redriven: AtomicU64::new(0),
        found: Mutex::default(),
    };
    scenario.live(&[MemoryStore::with_faults(faults)], PROGRESS_WITHIN, true)?;
    let found = scenario.found.into_inner().map_err(|cause| cause.to_string())?;
    let events = broker.messages("IN", ">").len() as u64;
    Ok((events, found.ok_or("nothing was found")?))
}

fn life_of(seed: u64) -> Life {
    let named = "000000000000000000000000000000a1";
    let named = named.parse().expect("a life");
    if seed.is_multiple_of(2) {
        named
    } else {
        Life::UNNAMED
    }
}

fn publish_some(faults: &Faults, broker: &MemoryBroker) {
    let count = 1 + faults.below(60);
    for _ in 0..count {
        let payload = match faults.below(100) {
            0..4 => "invalid",
            4..6 => "poison",
            6..12 => "twice",
            12..16 => "drop",
            _ => "plain",
        };
        broker.publish("IN", &format!("in.k{}", faults.below(8)), payload);
    }
}
