//! Another revision again and again, as fast as the engine answers: another label of the step, every
//! third time a rollback to any revision that was, now and then one that must be taken up from a settled
//! image. The load goes on, and every change must be at work when it is answered.

use anyhow::Context as _;
use rand::Rng as _;
use serde_json::json;
use tokio::time::Instant;

use crate::torture::{
    Plan,
    arena::{self, Arena, PIPELINE},
    report::Outcome,
};

/// Every so many changes it is one of the collections, for which the engine has to settle first.
const SETTLES_EVERY: u32 = 10;

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    let faults = rounds(&mut arena, plan.rounds).await;
    Ok(arena.judge(faults).await)
}

async fn rounds(arena: &mut Arena, rounds: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut revision = 1_u64;
    for round in 1..=rounds {
        let changed = if round.is_multiple_of(3) {
            // Of the last hundred, which are those that are kept.
            let to = arena
                .random
                .random_range(revision.saturating_sub(99).max(1)..=revision);
            roll_back(arena, to).await?
        } else {
            arena.engine.apply(PIPELINE, &spec(round)).await?
        };
        revision += 1;
        anyhow::ensure!(changed == revision, "change {round} made revision {changed}");
        let status = arena.engine.status(PIPELINE).await?;
        anyhow::ensure!(
            status["revision"] == revision,
            "revision {revision} is answered and not at work: {status}"
        );
        arena.outcome.faults += 1;
    }
    let took = began.elapsed().as_secs_f64();
    arena.note(format!("{rounds} changes of the revision in {took:.1} s"));
    arena.recovered(Instant::now(), "after the last").await
}

async fn roll_back(arena: &Arena, to: u64) -> anyhow::Result<u64> {
    let path = format!("pipelines/{PIPELINE}/rollback");
    let answer = arena
        .engine
        .own("POST", &path, json!({ "to": to }).to_string())
        .await?;
    answer.body["revision"]
        .as_u64()
        .with_context(|| format!("rollback to {to}: {answer:?}"))
}

fn spec(round: u32) -> String {
    let labelled = arena::spec(arena::PARTITIONS).replace(
        "    grants:",
        &format!("    config: {{ label: \"r{round}\" }}\n    grants:"),
    );
    if round.is_multiple_of(SETTLES_EVERY) {
        format!("{labelled}vectors:\n  more: {{ dimensions: 2 }}\n")
    } else {
        labelled
    }
}
