//! Looking at dead letters and sending them again.

use serde_json::json;

use super::{Control, ControlError, Outcome};
use crate::{audit::Change, identity::PipelineId, pipeline::dead_letter::DeadLetter};

/// Most dead letters of one page.
pub const MAX_PAGE: usize = 500;

impl Control {
    /// Dead letters after an id, oldest first.
    pub async fn dead_letters(&self, id: &PipelineId, after: u64, limit: usize) -> Outcome<Vec<DeadLetter>> {
        self.pipeline(id)?;
        let letters = self.world_of(&id.tenant).await?.dead_letters;
        let stored = letters.list(id, after, limit.clamp(1, MAX_PAGE)).await?;
        Ok(stored.into_iter().filter_map(DeadLetter::from_stored).collect())
    }

    /// One dead letter.
    pub async fn dead_letter(&self, id: &PipelineId, letter: u64) -> Outcome<DeadLetter> {
        self.pipeline(id)?;
        let letters = self.world_of(&id.tenant).await?.dead_letters;
        let stored = letters.get(id, letter).await?;
        stored
            .and_then(DeadLetter::from_stored)
            .ok_or_else(|| ControlError::not_found("dead letter", &letter))
    }

    /// Sends a dead letter to the step that it failed at, once, however often it is asked.
    pub async fn redrive(&self, id: &PipelineId, letter: u64) -> Outcome<()> {
        self.pipeline(id)?;
        let missing = || ControlError::not_found("dead letter", &letter);
        let letters = self.world_of(&id.tenant).await?.dead_letters;
        let stored = letters.get(id, letter).await?.ok_or_else(missing)?;
        let known = DeadLetter::from_stored(stored.clone()).ok_or_else(missing)?;
        if let Some(bytes) = known.reason.cut_from {
            let sequence = known.reason.sequence;
            return Err(ControlError::Conflict(format!(
                "the payload of dead letter {letter} was cut from {bytes} bytes and cannot be sent again; event {sequence} of the input stream is the whole"
            )));
        }
        let change = Change::new(
            "dead-letter-redriven",
            &id.tenant,
            format!("pipeline/{}", id.pipeline),
        );
        let change = change.from(Some(json!({ "letter": letter, "step": known.reason.step })));
        self.audited(change, async {
            letters.redrive(id, &stored).await?;
            // Tells the engines that the redrive subject has something for them.
            self.change(id, |pipeline| pipeline.redriven += 1).await
        })
        .await
    }
}
