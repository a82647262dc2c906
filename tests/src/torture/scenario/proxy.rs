//! The engine's connection is cut, refused, slow and half-open, by a proxy between it and the broker.
//! The load has a connection of its own and goes on.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    cluster::Cluster,
    engine::Launch,
    proxy::Proxy,
    torture::{Form, Plan, arena::Arena, report::Outcome},
};

/// Cuts in a row, each as soon as the engine has recovered from the one before.
const CUTS: u32 = 3;
/// New connections are refused for so long.
const REFUSED: Duration = Duration::from_secs(3);
/// Each chunk is held back for so long, either way: a connection around half the world.
const DELAY: Duration = Duration::from_millis(100);
/// Beyond the requests' time-out.
const STALLED: Duration = Duration::from_secs(8);
/// Beyond heartbeats and leases too.
const STALLED_LONG: Duration = Duration::from_secs(35);

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let cluster = Cluster::start().await?;
    let proxy = Proxy::start(cluster.address())?;
    let launch = Launch {
        nats: proxy.url(),
        ..Launch::on(&cluster)
    };
    let mut arena = Arena::set_on(plan, cluster, launch).await?;
    let faults = rounds(&mut arena, &proxy, plan).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, proxy: &Proxy, plan: &Plan) -> anyhow::Result<()> {
    for round in 1..=plan.rounds {
        for _ in 0..CUTS {
            arena.random_pause(300).await;
            proxy.cut();
            over(arena, &format!("round {round}: cut")).await?;
        }
        proxy.refuse(true);
        tokio::time::sleep(REFUSED).await;
        proxy.refuse(false);
        over(arena, &format!("round {round}: refused for {REFUSED:?}")).await?;
        proxy.delay(DELAY);
        over(arena, &format!("round {round}: slow by {DELAY:?}, and still so")).await?;
        proxy.delay(Duration::ZERO);
        stall(arena, proxy, STALLED, round).await?;
    }
    if plan.form == Form::Long {
        stall(arena, proxy, STALLED_LONG, plan.rounds).await?;
    }
    Ok(())
}

async fn stall(arena: &mut Arena, proxy: &Proxy, length: Duration, round: u32) -> anyhow::Result<()> {
    arena.random_pause(300).await;
    proxy.stall(true);
    tokio::time::sleep(length).await;
    proxy.stall(false);
    over(arena, &format!("round {round}: half-open for {length:?}")).await
}

async fn over(arena: &mut Arena, what: &str) -> anyhow::Result<()> {
    arena.outcome.faults += 1;
    arena.recovered(Instant::now(), what).await
}
