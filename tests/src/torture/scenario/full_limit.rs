//! JetStream's storage is filled up to its limit by a stream that has nothing to do with us: the broker
//! refuses everything that is to be stored (10023), ours and the load's. Then that stream is deleted.
//! Nobody touches the engine.

use std::time::Duration;

use tailrace_nats::async_nats::jetstream::{self, context::Context, stream};
use tokio::time::Instant;

use crate::{
    cluster::{BrokerOptions, Cluster},
    engine::Launch,
    torture::{Plan, arena::Arena, report::Outcome},
};

/// All that JetStream may store.
const LIMIT_BYTES: u64 = 96 << 20;
/// Ballast comes in pieces of these sizes, so that at last not even a small message fits.
const PIECES_BYTES: [usize; 3] = [512 << 10, 16 << 10, 256];
/// The broker stays full for so long: beyond the requests' time-out.
const FULL: Duration = Duration::from_secs(8);
const BALLAST: &str = "BALLAST";
const ACK_WITHIN: Duration = Duration::from_secs(2);

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let cluster = Cluster::start_with(&BrokerOptions {
        max_file_store_bytes: Some(LIMIT_BYTES),
        ..BrokerOptions::default()
    })
    .await?;
    let launch = Launch::on(&cluster);
    let mut arena = Arena::set_on(plan, cluster, launch).await?;
    let faults = rounds(&mut arena, plan.rounds).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, rounds: u32) -> anyhow::Result<()> {
    for round in 1..=rounds {
        arena.random_pause(1_000).await;
        let mut jetstream = jetstream::new(arena.cluster.client.clone());
        jetstream.set_timeout(ACK_WITHIN);
        let pieces = fill(&jetstream).await?;
        arena.outcome.faults += 1;
        let before = arena.load.published();
        arena.endure(FULL, "the broker full").await?;
        let stored = arena.load.published() - before;
        arena.note(format!(
            "round {round}: {pieces} pieces of ballast; while full, {stored} events were still stored"
        ));
        jetstream.delete_stream(BALLAST).await?;
        let what = format!("round {round} of {rounds}: full for {} s", FULL.as_secs());
        arena.recovered(Instant::now(), &what).await?;
    }
    Ok(())
}

/// Publishes ballast until the broker refuses it; gives how many pieces it took.
async fn fill(jetstream: &Context) -> anyhow::Result<u64> {
    jetstream
        .create_stream(stream::Config {
            name: BALLAST.to_owned(),
            subjects: vec!["ballast".to_owned()],
            ..stream::Config::default()
        })
        .await?;
    let mut pieces = 0;
    for bytes in PIECES_BYTES {
        while jetstream
            .publish("ballast", vec![0; bytes].into())
            .await?
            .await
            .is_ok()
        {
            pieces += 1;
        }
    }
    Ok(pieces)
}
