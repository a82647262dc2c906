//! The engine's folder cannot be written when it starts, or its disk runs out of space under it. It
//! waits and goes on when it can, on the folder or without it, for the folder holds nothing that the
//! broker does not.

use std::{fs, time::Duration};

use tokio::time::Instant;

use super::{fill_disk, go_on};
use crate::torture::{Plan, arena::Arena, mount::Mount, report::Outcome};

/// A folder that is read-only, or full, is mended after so long.
const UNUSABLE: Duration = Duration::from_secs(5);
/// The small disk: some times what the state of the load and the compiled plugin take.
const DISK_MIB: u32 = 16;

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    anyhow::ensure!(
        Mount::is_permitted(),
        "mounting is not permitted here (it needs root)"
    );
    let mut arena = Arena::set(plan).await?;
    let faults = rounds(&mut arena, plan.rounds).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, rounds: u32) -> anyhow::Result<()> {
    for round in 1..=rounds {
        let suffered = read_only(arena, &format!("round {round} of {rounds}, read-only")).await;
        go_on(arena, suffered).await?;
        let suffered = full(arena, &format!("round {round} of {rounds}, full")).await;
        go_on(arena, suffered).await?;
    }
    Ok(())
}

/// Starts the engine on a folder that it cannot write, and mends it while it runs.
async fn read_only(arena: &mut Arena, what: &str) -> anyhow::Result<()> {
    arena.engine.kill();
    arena.outcome.faults += 1;
    let mounted = Mount::read_only(&arena.engine.data_dir())?;
    arena.engine.restart(&arena.launch)?;
    tokio::time::sleep(UNUSABLE).await;
    drop(mounted);
    supervise(arena, what)?;
    arena.recovered(Instant::now(), what).await
}

/// Fills the disk of the engine's folder while it works, and gives it space again.
async fn full(arena: &mut Arena, what: &str) -> anyhow::Result<()> {
    arena.engine.kill();
    let folder = arena.engine.data_dir();
    let mounted = Mount::small_disk(&folder, DISK_MIB)?;
    let suffered = fill_below(arena, what).await;
    arena.engine.kill();
    drop(mounted);
    arena.engine.restart(&arena.launch)?;
    suffered?;
    arena
        .recovered(Instant::now(), &format!("{what}: back on its old folder"))
        .await
}

async fn fill_below(arena: &mut Arena, what: &str) -> anyhow::Result<()> {
    arena.engine.restart(&arena.launch)?;
    arena
        .recovered(Instant::now(), &format!("{what}: an empty small disk"))
        .await?;
    let ballast = arena.engine.data_dir().join("ballast");
    fill_disk(&ballast)?;
    arena.outcome.faults += 1;
    tokio::time::sleep(UNUSABLE).await;
    fs::remove_file(&ballast)?;
    supervise(arena, what)?;
    arena
        .recovered(Instant::now(), &format!("{what}: with space again"))
        .await
}

/// An engine that has ended is started again, as a supervisor would.
fn supervise(arena: &mut Arena, what: &str) -> anyhow::Result<()> {
    if let Some(status) = arena.engine.exited()? {
        arena.note(format!("{what}: the engine ended with {status}; started again"));
        arena.engine.restart(&arena.launch)?;
    }
    Ok(())
}
