//! Deleting state: an order to the partitions, which each takes as it takes an event. So the deletion is part of a
//! commit, and neither a crash nor another owner does it twice.
//!
//! Why: docs/decisions/0151-state-is-deleted-by-an-order-to-the-partitions.md

use bytes::Bytes;
use serde_json::json;
use tailrace_core::{
    identity::PipelineId,
    name::Name,
    state_deletion::{self, Keys, MAX_KEY_BYTES, StateDeletion},
};

use crate::{
    command::{Commands, audit::of_pipeline},
    error::{ControlError, ControlResult},
};

impl Commands {
    /// Orders the deletion of entries of a step; gives the number by which its outcome is asked for. The step may be one
    /// that the pipeline has no more: what it has left is deleted like this.
    pub async fn delete_state(&self, id: &PipelineId, step: &str, keys: Keys) -> ControlResult<u64> {
        let pipeline = self.context.pipeline(id)?;
        let life = pipeline.life;
        let step = check_step(step)?;
        check_keys(&keys)?;
        let change = of_pipeline("state-deleted", id, &pipeline);
        let change = change.to(json!({ "step": step, "keys": keys }));
        let order = StateDeletion { step, keys, life };
        let order = serde_json::to_vec(&order).map_err(|cause| ControlError::Internal(cause.to_string()))?;
        let letters = self.context.world_of(&id.tenant).await?.dead_letters;
        let token = state_deletion::subject_token(self.context.world.random.next_u64());
        self.audited(change, async {
            // Tells the engines to look at the redrive subject. First: what is cut off after it has done no harm.
            self.count_redrive(id).await?;
            Ok(letters.order(id, &token, Bytes::from(order)).await?)
        })
        .await
    }
}

fn check_step(step: &str) -> ControlResult<String> {
    if step.starts_with('~') {
        return Err(ControlError::Invalid(
            "state under a name that begins with `~` is the engine's own (timers, windows, joins, duplicates) and goes as the pipeline goes on; name a step".to_owned(),
        ));
    }
    let step = Name::new(step).map_err(|cause| ControlError::Invalid(format!("the step: {cause}")))?;
    Ok(step.to_string())
}

fn check_keys(keys: &Keys) -> ControlResult<()> {
    let (Keys::Key(text) | Keys::Prefix(text)) = keys;
    if text.len() > MAX_KEY_BYTES {
        return Err(ControlError::Invalid(format!(
            "a key of state has at most {MAX_KEY_BYTES} bytes, and this one {}",
            text.len()
        )));
    }
    Ok(())
}
