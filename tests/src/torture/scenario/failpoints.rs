//! The engine aborts by itself at each named point of the walk, under load, and is started again
//! without the point. A point that it never reaches, or does not know, is a failure.

use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use rand::Rng as _;
use tokio::time::Instant;

use crate::{
    cluster::PATIENCE,
    torture::{Plan, arena::Arena, report::Outcome},
};

/// Names the point and the pass at which a debug build aborts: `commit-stored:3`.
const FAIL_AT: &str = "TAILRACE_FAIL_AT";
/// Makes snapshots so often that their points are passed within a second.
const SNAPSHOTS_AFTER: (&str, &str) = ("TAILRACE_SNAPSHOTS__AFTER_COMMITS", "5");
/// SIGABRT, by which a failpoint ends the process.
const ABORTED: i32 = 6;
/// Pause between looks at the process.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Each point of the walk, with the latest pass at which it may abort.
const POINTS: [(&str, u64); 9] = [
    ("event-processed", 200),
    ("commit-sealed", 20),
    ("commit-stored", 20),
    ("commit-half-applied", 20),
    ("commit-applied", 20),
    ("position-shown", 20),
    ("snapshot-stored", 4),
    ("snapshot-purged", 4),
    // There are four partitions, and each recovers once.
    ("partition-recovered", 4),
];

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    arena.launch = arena.launch.with(SNAPSHOTS_AFTER.0, SNAPSHOTS_AFTER.1);
    let faults = rounds(&mut arena, plan.rounds).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, rounds: u32) -> anyhow::Result<()> {
    for round in 1..=rounds {
        for (point, latest) in POINTS {
            let pass = arena.random.random_range(1..=latest);
            let named = format!("{point}:{pass}");
            // A point that fails must not hide the others.
            if let Err(cause) = abort_at(arena, &named).await {
                arena.outcome.failures.push(format!("{named}: {cause:#}"));
            }
            arena.engine.restart(&arena.launch)?;
            let what = format!("round {round} of {rounds}, {named}");
            arena.recovered(Instant::now(), &what).await?;
        }
    }
    Ok(())
}

async fn abort_at(arena: &mut Arena, named: &str) -> anyhow::Result<()> {
    arena.engine.restart(&arena.launch.clone().with(FAIL_AT, named))?;
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = arena.engine.exited()? {
            break status;
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "the engine did not abort in {PATIENCE:?}"
        );
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    anyhow::ensure!(
        status.signal() == Some(ABORTED),
        "the engine did not abort but ended with {status}\n{}",
        arena.engine.log()
    );
    arena.outcome.faults += 1;
    Ok(())
}
