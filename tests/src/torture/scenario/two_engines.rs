//! Two engines on one pipeline, each with a folder of its own. One is paused for longer than any lease
//! and resumed, a zombie with commits under way; then the other; at last one is killed for good. The
//! other goes on each time, and nothing is doubled.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    access::Broker,
    cluster::{Cluster, eventually},
    engine::{Engine, Launch},
    torture::{
        Plan,
        arena::{Arena, PARTITIONS_OF_TWO, PIPELINE},
        report::Outcome,
    },
};

/// Longer than every lease and every time-out.
const STOPPED: Duration = Duration::from_secs(12);
/// Both work for so long, in milliseconds, at most, before the next fault.
const WORKS_MS: u64 = 2_000;

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let cluster = Cluster::start().await?;
    let launch = Launch::on(&cluster);
    let mut arena = Arena::set_parted(plan, cluster, launch, PARTITIONS_OF_TWO).await?;
    let home = arena.folder().join("engine-2");
    std::fs::create_dir(&home)?;
    let mut second = Engine::start_with(&arena.launch, &home).await?;
    let faults = rounds(&mut arena, &second, plan.rounds).await;
    // The judge asks the engine that lives.
    std::mem::swap(&mut arena.engine, &mut second);
    let faults = match faults {
        Ok(()) => kill_one(&mut arena, second).await,
        failed => failed,
    };
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, second: &Engine, rounds: u32) -> anyhow::Result<()> {
    arena.recovered(Instant::now(), "a second engine joined").await?;
    for round in 1..=rounds {
        for which in ["first", "second"] {
            share(arena, second).await?;
            arena.random_pause(WORKS_MS).await;
            stop(arena, second, which, round).await?;
        }
    }
    Ok(())
}

async fn kill_one(arena: &mut Arena, mut engine: Engine) -> anyhow::Result<()> {
    share(arena, &engine).await?;
    arena.random_pause(WORKS_MS).await;
    engine.kill();
    arena.outcome.faults += 1;
    arena
        .recovered(Instant::now(), "the first engine was killed for good")
        .await
}

async fn stop(arena: &mut Arena, second: &Engine, which: &str, round: u32) -> anyhow::Result<()> {
    let pid = if which == "first" {
        arena.engine.pid()
    } else {
        second.pid()
    };
    crate::signal::send(pid, "STOP")?;
    arena.outcome.faults += 1;
    let stopped = Instant::now();
    let alone = arena
        .recovered(stopped, &format!("round {round}: the {which} engine is stopped"))
        .await;
    tokio::time::sleep_until(stopped + STOPPED).await;
    crate::signal::send(pid, "CONT")?;
    let together = arena
        .recovered(
            Instant::now(),
            &format!("round {round}: the {which} engine goes on"),
        )
        .await;
    alone.and(together)
}

/// Waits until every partition has one owner, and both engines have some.
pub(super) async fn share<B: Broker>(arena: &mut Arena<B>, other: &Engine) -> anyhow::Result<()> {
    let engine = &arena.engine;
    eventually("both engines have a share of the partitions", || async {
        let shares = (owned(engine).await, owned(other).await);
        matches!(shares, (Some(one @ 1..), Some(two @ 1..)) if one + two == PARTITIONS_OF_TWO as usize)
    })
    .await?;
    let shares = (owned(engine).await, owned(other).await);
    arena.say(&format!("the partitions are shared: {shares:?}"));
    Ok(())
}

/// How many partitions an engine says are its own.
async fn owned(engine: &Engine) -> Option<usize> {
    let status = engine.status(PIPELINE).await.ok()?;
    let partitions = status["partitions"].as_array()?;
    Some(
        partitions
            .iter()
            .filter(|partition| partition["owner"].is_null())
            .count(),
    )
}
