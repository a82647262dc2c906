//! The disk below JetStream is full (ENOSPC): a file of ours takes all that is left of a small one.
//! The broker then does not answer publishes at all, or only those for which a file has room left. Later the file is removed. Where nats-server does
//! not come back by itself, it is restarted, and the report says so: that is the broker's own
//! limitation, and no step on the engine.

use std::{path::Path, time::Duration};

use tokio::time::Instant;

use super::fill_disk;
use crate::{
    cluster::{BrokerOptions, Cluster},
    engine::Launch,
    torture::{Form, Plan, arena::Arena, mount::Mount, report::Outcome},
};

/// The disk. The streams of a run take a few of it.
const DISK_MIB: u32 = 48;
/// More than the disk has, so that the disk is what is full and not the limit.
const LIMIT_BYTES: u64 = 1 << 30;
/// The disk stays full for so long: a broker that has a little room left stores a few seconds more, and
/// then the requests' time-out must pass.
const FULL: Duration = Duration::from_secs(15);
/// nats-server comes back by itself within this, or is restarted.
const BY_ITSELF: Duration = Duration::from_secs(30);
/// In the short form, which does not ask whether it would.
const BY_ITSELF_SHORT: Duration = Duration::from_secs(3);

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let disk = tempfile::tempdir()?;
    // Dropped after the arena, whose broker uses it.
    let mounted = Mount::small_disk(disk.path(), DISK_MIB)?;
    let cluster = Cluster::start_with(&BrokerOptions {
        store_dir: Some(disk.path().join("jetstream")),
        max_file_store_bytes: Some(LIMIT_BYTES),
        ..BrokerOptions::default()
    })
    .await?;
    let launch = Launch::on(&cluster);
    let mut arena = Arena::set_on(plan, cluster, launch).await?;
    let faults = rounds(&mut arena, disk.path(), plan).await;
    let outcome = arena.judge(faults).await;
    drop(mounted);
    Ok(outcome)
}

async fn rounds(arena: &mut Arena, disk: &Path, plan: &Plan) -> anyhow::Result<()> {
    let rounds = plan.rounds;
    let by_itself = match plan.form {
        Form::Short => BY_ITSELF_SHORT,
        Form::Long => BY_ITSELF,
    };
    let ballast = disk.join("ballast");
    for round in 1..=rounds {
        arena.random_pause(1_000).await;
        let bytes = fill_disk(&ballast)?;
        arena.outcome.faults += 1;
        let before = arena.load.published();
        arena.endure(FULL, "the broker's disk full").await?;
        let stored = arena.load.published() - before;
        arena.note(format!(
            "round {round}: {bytes} bytes of ballast; while full, {stored} events were still stored"
        ));
        std::fs::remove_file(&ballast)?;
        let mut over = Instant::now();
        if arena.moved_by(over + by_itself).await.is_err() {
            arena.note(format!(
                "round {round}: nats-server did not come back by itself in {by_itself:?} after the disk had space again; it was restarted"
            ));
            over = Instant::now();
            arena.cluster.restart().await?;
        }
        arena
            .recovered(over, &format!("round {round} of {rounds}"))
            .await?;
    }
    Ok(())
}
