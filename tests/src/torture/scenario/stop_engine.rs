//! SIGSTOP of the engine beyond every time-out, then SIGCONT: its connections stay open, its requests
//! have timed out, its consumers may be gone, and another engine could have its partitions by now.

use tokio::time::Instant;

use crate::torture::{Plan, arena::Arena, report::Outcome, scenario::stops};

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    let faults = rounds(&mut arena, plan).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, plan: &Plan) -> anyhow::Result<()> {
    for stop in stops(plan) {
        arena.random_pause(1_000).await;
        arena.engine.pause()?;
        arena.outcome.faults += 1;
        tokio::time::sleep(stop).await;
        arena.engine.resume()?;
        arena
            .recovered(Instant::now(), &format!("stopped for {} s", stop.as_secs()))
            .await?;
    }
    Ok(())
}
