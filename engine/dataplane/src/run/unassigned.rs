//! Events whose subject names no partition of the pipeline (`input.partition`). Each engine asks the broker for the
//! events of its own partitions, so nobody reads these. The engine of partition 0 counts them, and says so.
//!
//! Two counts are compared, one after the other. Messages that come meanwhile make either too small. So what came
//! meanwhile is taken off the difference, and the range is counted again until nothing came.

use tailrace_core::{
    manifest::{PipelineManifest, Start},
    ports::broker::BrokerError,
};

use crate::run::PipelineRun;

/// How far they are counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unassigned {
    /// The first sequence that is not counted for good; none before the first look.
    from: Option<u64>,
    /// How many there are before it.
    settled: u64,
}

impl Unassigned {
    /// Where partitions begin at this position. The first look may come after they have gone on.
    pub(super) fn behind(position: u64, start: &Start) -> Self {
        let from = match start {
            Start::All if position == 0 => Some(1),
            // Where the stream ends is found at the first look.
            _ if position == 0 => None,
            _ => Some(position + 1),
        };
        Self { from, settled: 0 }
    }
}

impl PipelineRun {
    /// Counts them, behind what is known. A broker that does not answer is asked again the next time.
    pub(super) async fn count_unassigned(
        &self,
        manifest: &PipelineManifest,
        known: Unassigned,
    ) -> Unassigned {
        if manifest.input.partition.is_none() {
            return known;
        }
        let counted = self.unassigned(manifest, known).await;
        counted.unwrap_or_else(|cause| {
            tracing::debug!(%cause, "events without a partition were not counted this time");
            known
        })
    }

    async fn unassigned(
        &self,
        manifest: &PipelineManifest,
        known: Unassigned,
    ) -> Result<Unassigned, BrokerError> {
        let input = &manifest.input;
        let (streams, stream) = (&self.world.streams, input.stream.as_deref().unwrap_or_default());
        let facts = streams.stream(stream).await?;
        let Unassigned { from, settled } = known;
        let from = from.unwrap_or(facts.last_sequence + 1);
        let (from, to) = (from.max(facts.first_sequence), facts.last_sequence);
        let mut counted = Unassigned {
            from: Some(from),
            settled,
        };
        if from > to {
            return Ok(counted);
        }
        let assigned = input.subjects_of(0..manifest.partitions);
        let all = streams.count(stream, &input.subjects, from, to).await?;
        let assigned = streams.count(stream, &assigned, from, to).await?;
        let came = streams.stream(stream).await?.last_sequence - to;
        if let Some((all, assigned)) = all.zip(assigned) {
            let found = all.saturating_sub(assigned).saturating_sub(came);
            self.say_unassigned(settled + found);
            if came == 0 {
                counted.from = Some(to + 1);
                counted.settled += found;
            }
        }
        Ok(counted)
    }

    fn say_unassigned(&self, events: u64) {
        if self.status.input_watch.leave_unassigned(events) {
            tracing::warn!(
                events,
                "events of the input name no partition of the pipeline; no engine reads them"
            );
        }
    }
}
