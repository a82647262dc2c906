//! Pipelines of the demonstration: applied, and waited for.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tailrace_control::{Commands, Queries, command::apply::Apply};
use tailrace_core::{identity::PipelineId, manifest::parse, name::Name};

/// The tenant of the demonstration.
pub const TENANT: &str = "shop";
/// Longest that the pipeline may stand still before the demonstration gives up.
const STALLED: Duration = Duration::from_mins(1);

/// Applies a manifest.
pub async fn apply_text(commands: &Commands, manifest: &str) -> anyhow::Result<PipelineId> {
    let written = parse::read(manifest.as_bytes())?;
    let id = PipelineId {
        tenant: Name::new(TENANT)?,
        pipeline: written.manifest.name.clone(),
    };
    let applied = commands
        .apply_pipeline(&id.tenant, written, Apply::default())
        .await?;
    crate::out(&format!("  applied {id}, revision {}", applied.revision));
    Ok(id)
}

/// Waits until so many events are committed, with progress on a terminal, and returns how many are.
pub async fn wait(queries: &Queries, id: &PipelineId, events: u64) -> anyhow::Result<u64> {
    let style =
        ProgressStyle::with_template("  processing {bar:40} {pos}/{len} events, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(events).with_style(style);
    let mut done = 0;
    let mut idle = Duration::ZERO;
    let step = Duration::from_millis(100);
    while done < events {
        tokio::time::sleep(step).await;
        let status = queries.pipeline_status(id).await?;
        let now = status.engine.stats.counts.outcomes.events;
        idle = if now == done { idle + step } else { Duration::ZERO };
        anyhow::ensure!(
            idle < STALLED,
            "the pipeline stands still at {done} of {events} events: {:?}",
            status.engine.state
        );
        done = now;
        bar.set_position(done);
    }
    bar.finish_and_clear();
    Ok(done)
}
