//! The version before beside this one, on one pipeline and under load. In each round the first engine is upgraded
//! while the second is still of the version before, then the second; then both are taken back, in the other order.
//! Partitions always have an owner that works, and nothing is lost or doubled.

use tokio::time::Instant;

use super::two_engines::share;
use crate::{
    cluster::Cluster,
    engine::{Engine, Launch},
    files::OtherVersion,
    torture::{
        Plan,
        arena::{Arena, PARTITIONS_OF_TWO},
        report::Outcome,
    },
};

/// Both versions work for so long, in milliseconds, at most, before the next change.
const WORKS_MS: u64 = 2_000;

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let cluster = Cluster::start().await?;
    let old = Launch::on(&cluster).of(OtherVersion::before()?);
    let new = Launch::on(&cluster);
    let mut arena = Arena::set_parted(plan, cluster, old.clone(), PARTITIONS_OF_TWO).await?;
    let home = arena.folder().join("engine-2");
    std::fs::create_dir(&home)?;
    let mut second = Engine::start_with(&old, &home).await?;
    let mut versions = Versions { old, new };
    let rounds = versions.rounds(&mut arena, &mut second, plan.rounds).await;
    Ok(arena.judge(rounds).await)
}

struct Versions {
    old: Launch,
    new: Launch,
}

impl Versions {
    async fn rounds(&mut self, arena: &mut Arena, second: &mut Engine, rounds: u32) -> anyhow::Result<()> {
        for round in 1..=rounds {
            for (which, to) in [
                ("first", "new"),
                ("second", "new"),
                ("second", "old"),
                ("first", "old"),
                ("second", "new"),
                ("first", "new"),
            ] {
                share(arena, second).await?;
                arena.random_pause(WORKS_MS).await;
                self.change(arena, second, which, to).await?;
                let what = format!("round {round}: the {which} engine is of the {to} version");
                arena.recovered(Instant::now(), &what).await?;
            }
        }
        share(arena, second).await
    }

    /// Ends an engine in order and starts it again as another version.
    async fn change(
        &self,
        arena: &mut Arena,
        second: &mut Engine,
        which: &str,
        to: &str,
    ) -> anyhow::Result<()> {
        let launch = if to == "new" { &self.new } else { &self.old };
        let engine = if which == "first" {
            &mut arena.engine
        } else {
            second
        };
        engine.terminate().await?;
        engine.restart(launch)?;
        arena.outcome.faults += 1;
        Ok(())
    }
}
