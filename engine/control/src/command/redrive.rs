//! Sending dead letters again.

use serde_json::json;
use tailrace_core::{audit::Change, dead_letter::DeadLetter, identity::PipelineId};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

impl Commands {
    /// Sends a dead letter to the step that it failed at, once, however often it is asked.
    pub async fn redrive(&self, id: &PipelineId, letter: u64) -> ControlResult<()> {
        self.context.pipeline(id)?;
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
        let change = Change::new(
            "dead-letter-redriven",
            &id.tenant,
            format!("pipeline/{}", id.pipeline),
        );
        let change = change.from(Some(json!({ "letter": letter, "step": known.reason.step })));
        self.audited(change, async {
            // Tells the engines to look at the redrive subject. First: what is cut off after it has done no harm.
            self.change(id, |pipeline| pipeline.redriven += 1).await?;
            Ok(letters.redrive(id, &stored).await?)
        })
        .await
    }
}
