//! `kill -9` of the engine at random moments, some of them while it starts; restarted at once on its
//! folder. After each round its folder, its memory and the time that it took to be ready are written
//! down: over a hundred rounds none of them may grow.

use rand::Rng as _;
use tokio::time::Instant;

use crate::torture::{
    Plan,
    arena::Arena,
    measure::{self, Trend},
    report::Outcome,
};

/// The engine works for so long between rounds, in milliseconds, at most.
const WORKS_MS: u64 = 1_500;
/// A start that is cut short is cut within this, in milliseconds.
const STARTS_MS: u64 = 400;
/// How many starts are cut short.
const CUT_SHORT: f64 = 0.3;
/// sled makes its file larger by segments of 512 KiB and collects garbage when it sees fit.
const FOLDER_ALLOWANCE_MIB: f64 = 16.0;
/// Neighbours on the same machine.
const OPEN_ALLOWANCE_SECONDS: f64 = 1.0;
/// What an allocator keeps.
const MEMORY_ALLOWANCE_MIB: f64 = 32.0;
const MIB: f64 = 1_048_576.0;

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    let mut trends = [
        Trend::new("folder in MiB", FOLDER_ALLOWANCE_MIB),
        Trend::new("open time in seconds", OPEN_ALLOWANCE_SECONDS),
        Trend::new("resident memory in MiB", MEMORY_ALLOWANCE_MIB),
    ];
    let faults = rounds(&mut arena, plan.rounds, &mut trends).await;
    for trend in &trends {
        arena.note(trend.line());
        if trend.grows() {
            arena.outcome.failures.push(format!("grows: {}", trend.line()));
        }
    }
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, rounds: u32, trends: &mut [Trend; 3]) -> anyhow::Result<()> {
    for round in 1..=rounds {
        arena.random_pause(WORKS_MS).await;
        arena.engine.restart(&arena.launch)?;
        arena.outcome.faults += 1;
        while arena.random.random_bool(CUT_SHORT) {
            arena.random_pause(STARTS_MS).await;
            arena.engine.restart(&arena.launch)?;
            arena.outcome.faults += 1;
        }
        let started = Instant::now();
        arena.engine.ready().await?;
        let open = started.elapsed();
        arena
            .recovered(started, &format!("round {round} of {rounds}"))
            .await?;
        arena.caught_up().await?;
        trends[0]
            .figures
            .push(measure::folder_bytes(&arena.engine.data_dir())? as f64 / MIB);
        trends[1].figures.push(open.as_secs_f64());
        trends[2]
            .figures
            .push(measure::resident_bytes(arena.engine.pid())? as f64 / MIB);
    }
    Ok(())
}
