//! From what is committed back to a running partition. The position comes from the last record of the commit
//! subject, and the records that the local state store lacks bring it up to that. A state store that cannot
//! be brought up to it is wiped and rebuilt from the newest snapshot, or from the first record. A damaged
//! record is reported and never guessed at.
//!
//! Why: docs/decisions/0042-sled-as-a-rebuildable-store.md

use std::sync::Arc;

use tailrace_core::{
    identity::PartitionId,
    manifest::PipelineManifest,
    observe::progress::Cursor,
    ports::{
        broker::StoredPart,
        store::{Applied, PartitionStore, StoreError},
    },
    record::{self, Assembler, Head, Record, RecordError},
    registry::Rebase,
    watermark::InputClock,
    world::World,
};
use tailrace_sketch::TenantSeed;

use crate::partition::recover_error::RecoverError;

/// Records read from the broker at a time.
const PAGE: usize = 256;

/// A partition as it is committed.
pub struct Recovered {
    /// Its state store, up to the cursor.
    pub state_store: Arc<dyn PartitionStore>,
    /// What is committed.
    pub cursor: Cursor,
    /// The clock of the input at its position.
    pub clock: InputClock,
}

/// Recovers a partition.
pub async fn recover(
    world: &World,
    partition: &PartitionId,
    manifest: &PipelineManifest,
    seed: TenantSeed,
    rebase: Option<Rebase>,
) -> Result<Recovered, RecoverError> {
    let recovery = Recovery {
        world,
        partition,
        manifest,
        seed,
        rebase,
    };
    let last = world.commits.last(partition).await?;
    let Some((head, last)) = last.map(|last| recovery.head(last)).transpose()? else {
        return recovery.anew();
    };
    if head.commit == 0 {
        // The record that it began with, and nothing since.
        let begun = recovery.empty()?;
        return Ok(Recovered {
            cursor: recovery.cursor(&head, last.sequence),
            clock: recovery.clock(&head),
            ..begun
        });
    }
    let state_store = recovery.image_before(&head, last.sequence)?;
    match recovery.catch_up(&*state_store, &head, last.sequence).await {
        Err(RecoverError::Damaged { cause, .. }) if state_store.applied()?.commit > 0 => {
            // What the state store holds does not lead to the last record; what the broker holds may.
            tracing::warn!(%partition, cause, "the local image does not fit the commits; rebuilding it");
        }
        Err(RecoverError::Store(StoreError::Damaged(cause))) => {
            tracing::error!(%partition, cause, "the local image is damaged; rebuilding it");
        }
        done => {
            return done.map(|()| Recovered {
                cursor: recovery.cursor(&head, last.sequence),
                clock: recovery.clock(&head),
                state_store,
            });
        }
    }
    drop(state_store);
    let state_store = recovery.wiped()?;
    recovery.catch_up(&*state_store, &head, last.sequence).await?;
    Ok(Recovered {
        cursor: recovery.cursor(&head, last.sequence),
        clock: recovery.clock(&head),
        state_store,
    })
}

/// What is committed with this record, whose last part has this sequence.
pub(crate) fn cursor_behind(head: &Head, sequence: u64) -> Cursor {
    Cursor {
        commit: head.commit,
        commit_sequence: sequence,
        position: head.position,
        redrive_position: head.redrive_position,
        watermark_ms: head.watermark_ms,
        outcomes: head.outcomes,
        parts: head.parts_before + u64::from(head.parts),
    }
}

/// The clock of the input where a run of a partition goes on. A record from before there was one says only how late it
/// was.
pub(crate) fn clock_behind(head: &Head) -> InputClock {
    let mut clock = head.clock.clone();
    clock.not_before(head.watermark_ms);
    clock
}

struct Recovery<'a> {
    world: &'a World,
    partition: &'a PartitionId,
    manifest: &'a PipelineManifest,
    seed: TenantSeed,
    rebase: Option<Rebase>,
}

impl Recovery<'_> {
    /// What is committed; the position is another one where somebody said so since.
    fn cursor(&self, head: &Head, sequence: u64) -> Cursor {
        let rebase = self.rebase_since(head);
        let cursor = cursor_behind(head, sequence);
        let position = rebase.map_or(cursor.position, |rebase| rebase.from.saturating_sub(1));
        Cursor { position, ..cursor }
    }

    fn rebase_since(&self, head: &Head) -> Option<Rebase> {
        self.rebase.filter(|rebase| head.revision < rebase.revision)
    }

    /// The clock of the input there.
    fn clock(&self, head: &Head) -> InputClock {
        let mut clock = clock_behind(head);
        if self.rebase_since(head).is_some() {
            // The stream may be another one, and need not have what was read of the one before.
            clock.set_read_sequence(0);
        }
        clock
    }

    #[allow(clippy::needless_pass_by_value, reason = "made for map_err")]
    fn damaged(&self, cause: impl ToString) -> RecoverError {
        RecoverError::Damaged {
            partition: self.partition.clone(),
            cause: cause.to_string(),
        }
    }

    fn head(&self, last: StoredPart) -> Result<(Head, StoredPart), RecoverError> {
        let (head, _) = record::decode_part(&last.payload).map_err(|cause| self.damaged(cause))?;
        if head.part + 1 != head.parts {
            let found = head.part;
            return Err(self.damaged(RecordError::Parts {
                expected: head.parts - 1,
                found,
            }));
        }
        Ok((head, last))
    }

    /// There is no record. Every life begins with one, so there records were lost. A pipeline from before lives
    /// may not have committed yet.
    fn anew(&self) -> Result<Recovered, RecoverError> {
        let state_store = self.world.store.open(self.partition, self.manifest, self.seed)?;
        let applied = state_store.applied()?;
        if !self.partition.life.is_unnamed() || applied.commit > 0 {
            return Err(RecoverError::Lost {
                partition: self.partition.clone(),
                commit: applied.commit,
            });
        }
        drop(state_store);
        self.empty()
    }

    /// Nothing was ever committed: whatever state store lies here is of no use.
    fn empty(&self) -> Result<Recovered, RecoverError> {
        let state_store = self.world.store.open(self.partition, self.manifest, self.seed)?;
        let state_store = if state_store.applied()? == Applied::default() && state_store.begun().is_none() {
            state_store
        } else {
            self.wiped()?
        };
        Ok(Recovered {
            state_store,
            cursor: Cursor::default(),
            clock: InputClock::default(),
        })
    }

    /// The state store, unless it is ahead of the stream or of another history.
    fn image_before(&self, head: &Head, sequence: u64) -> Result<Arc<dyn PartitionStore>, RecoverError> {
        let state_store = self.world.store.open(self.partition, self.manifest, self.seed)?;
        let (applied, begun) = (state_store.applied()?, state_store.begun());
        let last = Applied {
            commit: head.commit,
            sequence,
        };
        let is_behind =
            |place: Applied| place.commit < last.commit && place.sequence < last.sequence || place == last;
        // What was cut off is applied again, so the stream must have it.
        if is_behind(applied) && begun.is_none_or(is_behind) {
            return Ok(state_store);
        }
        let partition = self.partition;
        tracing::error!(%partition, ?applied, ?begun, commit = head.commit, sequence, "the local image is not behind the stream; rebuilding it");
        self.wiped()
    }

    fn wiped(&self) -> Result<Arc<dyn PartitionStore>, RecoverError> {
        self.world.store.wipe(self.partition)?;
        Ok(self.world.store.open(self.partition, self.manifest, self.seed)?)
    }

    /// Applies what lies between the state store and the last record.
    async fn catch_up(
        &self,
        state_store: &dyn PartitionStore,
        head: &Head,
        last_sequence: u64,
    ) -> Result<(), RecoverError> {
        if state_store.applied()?.commit == 0 && head.commit > 1 {
            crate::partition::snapshot::restore_newest(self.world, self.partition, state_store).await?;
        }
        let mut assembler = Assembler::default();
        let mut sequence = state_store.applied()?.sequence;
        while sequence < last_sequence {
            let mut page = self.world.commits.after(self.partition, sequence, PAGE).await?;
            // What another engine commits meanwhile is behind the record that this recovery leads to.
            page.retain(|part| part.sequence <= last_sequence);
            if page.is_empty() {
                return Err(self.damaged(format!("records after sequence {sequence} are missing")));
            }
            for part in page {
                sequence = part.sequence;
                let record = assembler
                    .push(&part.payload)
                    .map_err(|cause| self.damaged(format!("message {sequence} of its stream: {cause}")))?;
                if let Some(record) = record.filter(|record| record.head.commit > 0) {
                    self.apply(state_store, &record, sequence)?;
                }
            }
        }
        let applied = state_store.applied()?.commit;
        if applied == head.commit {
            return Ok(());
        }
        Err(self.damaged(format!(
            "its records end at commit {applied}, not at {}",
            head.commit
        )))
    }

    fn apply(
        &self,
        state_store: &dyn PartitionStore,
        record: &Record,
        sequence: u64,
    ) -> Result<(), RecoverError> {
        let applied = state_store.applied()?.commit;
        let commit = record.head.commit;
        if commit != applied + 1 {
            return Err(self.damaged(format!("commit {commit} follows commit {applied}")));
        }
        Ok(state_store.apply(&record.delta, Applied { commit, sequence })?)
    }
}
