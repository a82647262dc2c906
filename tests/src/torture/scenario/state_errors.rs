//! The local folder is lost, cut, altered or replaced while the engine is down. It holds nothing that
//! the broker does not: each time the engine rebuilds what it needs and goes on.

mod damage;

use tokio::time::Instant;

use self::damage::Damage;
use super::go_on;
use crate::torture::{Plan, arena::Arena, report::Outcome};

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    let faults = rounds(&mut arena, plan.rounds).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, rounds: u32) -> anyhow::Result<()> {
    for round in 1..=rounds {
        for damage in Damage::ALL {
            arena.random_pause(500).await;
            let what = format!("round {round} of {rounds}, {damage:?}");
            let suffered = suffer(arena, damage, &what).await;
            go_on(arena, suffered).await?;
        }
    }
    Ok(())
}

async fn suffer(arena: &mut Arena, damage: Damage, what: &str) -> anyhow::Result<()> {
    arena.engine.kill();
    arena.outcome.faults += 1;
    let exactly = damage.inflict(&arena.engine.data_dir(), &mut arena.random)?;
    arena.say(&format!("{what}: {exactly}"));
    arena.engine.restart(&arena.launch)?;
    arena.recovered(Instant::now(), what).await
}
