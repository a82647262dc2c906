//! Sending dead letters again.

use serde_json::json;
use tailrace_core::{dead_letter::DeadLetter, identity::PipelineId};

use crate::{
    command::{Commands, audit::of_pipeline},
    error::{ControlError, ControlResult},
};

impl Commands {
    /// Sends a dead letter to the step that it failed at, once, however often it is asked. Says whether this request has
    /// sent it, and not another one before.
    pub async fn redrive(&self, id: &PipelineId, letter: u64) -> ControlResult<bool> {
        let pipeline = self.context.pipeline(id)?;
        let missing = || ControlError::not_found("dead letter", &letter);
        let letters = self.context.world_of(&id.tenant).await?.dead_letters;
        let stored = letters.get(id, letter).await?.ok_or_else(missing)?;
        let known = DeadLetter::from_stored(stored.clone()).ok_or_else(missing)?;
        if let Some(bytes) = known.reason.cut_from {
            let sequence = known.reason.sequence;
            return Err(ControlError::Conflict(format!(
                "the payload of dead letter {letter} was cut from {bytes} bytes and cannot be sent again; event {sequence} of the input stream is the whole: publish that again, smaller"
            )));
        }
        self.check_not_late(id, &pipeline, (letter, &known.reason))
            .await?;
        let change = of_pipeline("dead-letter-redriven", id, &pipeline);
        let change = change.from(Some(json!({ "letter": letter, "step": known.reason.step })));
        self.audited(change, async {
            // Tells the engines to look at the redrive subject. First: what is cut off after it has done no harm.
            self.count_redrive(id).await?;
            Ok(letters.redrive(id, &stored).await?)
        })
        .await
    }

    /// Several may be at it at once, and each of them counts.
    pub(super) async fn count_redrive(&self, id: &PipelineId) -> ControlResult<()> {
        loop {
            match self.change(id, |pipeline| pipeline.redriven += 1).await {
                Err(ControlError::Raced(_)) => {}
                changed => return changed,
            }
        }
    }
}
