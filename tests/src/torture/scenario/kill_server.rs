//! `kill -9` of nats-server at random moments, started again after a moment or two on its data.

use rand::Rng as _;
use tokio::time::Instant;

use crate::torture::{Plan, arena::Arena, report::Outcome};

/// The engine works for so long between rounds, in milliseconds, at most.
const WORKS_MS: u64 = 1_500;
/// The broker is away for so long, in milliseconds, at most.
const AWAY_MS: u64 = 1_500;

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    let faults = rounds(&mut arena, plan.rounds).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, rounds: u32) -> anyhow::Result<()> {
    for round in 1..=rounds {
        arena.random_pause(WORKS_MS).await;
        arena.cluster.kill();
        arena.outcome.faults += 1;
        // Every other time it comes back at once.
        if arena.random.random_bool(0.5) {
            arena.random_pause(AWAY_MS).await;
        }
        let over = Instant::now();
        arena.cluster.restart().await?;
        arena
            .recovered(over, &format!("round {round} of {rounds}"))
            .await?;
    }
    Ok(())
}
