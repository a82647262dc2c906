//! Looking at dead letters and sending them again.

use tailrace_core::{dead_letter::DeadLetter, identity::PipelineId};

use crate::{
    error::{ControlError, ControlResult},
    query::{Queries, outputs::own_stream_error},
};

/// Most dead letters of one page.
pub const MAX_PAGE: usize = 500;

impl Queries {
    /// Dead letters after an id, oldest first.
    pub async fn dead_letters(
        &self,
        id: &PipelineId,
        after: u64,
        limit: usize,
    ) -> ControlResult<Vec<DeadLetter>> {
        let pipeline = self.context.pipeline(id)?;
        let world = self.context.world_of(&id.tenant).await?;
        let stored = world.dead_letters.list(id, after, limit.clamp(1, MAX_PAGE)).await;
        let stored = match stored {
            Err(cause) => return Err(own_stream_error(&world, id, &pipeline, cause).await),
            Ok(stored) => stored,
        };
        Ok(stored.into_iter().filter_map(DeadLetter::from_stored).collect())
    }

    /// One dead letter.
    pub async fn dead_letter(&self, id: &PipelineId, letter: u64) -> ControlResult<DeadLetter> {
        let pipeline = self.context.pipeline(id)?;
        let world = self.context.world_of(&id.tenant).await?;
        let stored = match world.dead_letters.get(id, letter).await {
            Err(cause) => return Err(own_stream_error(&world, id, &pipeline, cause).await),
            Ok(stored) => stored,
        };
        stored
            .and_then(DeadLetter::from_stored)
            .ok_or_else(|| ControlError::not_found("dead letter", &letter))
    }
}
