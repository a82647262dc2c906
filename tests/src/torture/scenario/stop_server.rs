//! SIGSTOP of nats-server beyond every time-out, then SIGCONT: connections stay open and nothing
//! answers, until all that was sent meanwhile is answered late and at once.

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
        arena.cluster.pause()?;
        arena.outcome.faults += 1;
        arena.endure(stop, "the broker stopped").await?;
        arena.cluster.resume()?;
        arena
            .recovered(Instant::now(), &format!("stopped for {} s", stop.as_secs()))
            .await?;
    }
    Ok(())
}
