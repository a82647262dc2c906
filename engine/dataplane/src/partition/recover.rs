//! From what is committed back to a running partition. The position comes from the last record of the commit
//! subject, and the records that the local state store lacks bring it up to that. A state store that cannot
//! be brought up to it is wiped and rebuilt from the newest snapshot, or from the first record. A damaged
//! record is reported and never guessed at. So is a newest record that is gone, where the state store or a snapshot
//! has seen it: to go on from the one before would publish again what it committed. A copy of an older record that
//! somebody has stored behind it would do the same.
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

/// What somebody has said of a pipeline since its records were written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Since {
    /// Where its input is read from.
    pub rebase: Option<Rebase>,
    /// Up to this sequence of its own stream it is accepted that records are gone.
    pub accepted_repeats: u64,
}

/// Recovers a partition.
pub async fn recover(
    world: &World,
    partition: &PartitionId,
    manifest: &PipelineManifest,
    seed: TenantSeed,
    since: Since,
) -> Result<Recovered, RecoverError> {
    let recovery = Recovery {
        world,
        partition,
        manifest,
        seed,
        since,
    };
    let last = world.commits.last(partition).await?;
    let Some((head, last)) = last.map(|last| recovery.head(last)).transpose()? else {
        return recovery.anew();
    };
    recovery.check_newest(&head, last.sequence).await?;
    if head.commit == 0 {
        recovery.check_first(last.sequence).await?;
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
        Err(
            cause
            @ (RecoverError::Damaged { .. } | RecoverError::Foreign { .. } | RecoverError::Stray { .. }),
        ) if state_store.applied()?.commit > 0 => {
            // What the state store holds does not lead to the last record; what the broker holds may.
            tracing::warn!(%partition, %cause, "the local image does not fit the commits; rebuilding it");
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

/// What a record is applied behind.
#[derive(Clone, Copy)]
enum Follows {
    /// What this engine has kept.
    LocalState,
    /// A snapshot, or nothing.
    Snapshot,
    /// The record before it.
    Record,
}

struct Recovery<'a> {
    world: &'a World,
    partition: &'a PartitionId,
    manifest: &'a PipelineManifest,
    seed: TenantSeed,
    since: Since,
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
        self.since.rebase.filter(|rebase| head.revision < rebase.revision)
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

    fn unreadable(&self, sequence: u64, cause: &RecordError) -> RecoverError {
        if *cause == RecordError::Foreign {
            return RecoverError::Foreign {
                partition: self.partition.clone(),
                sequence,
            };
        }
        self.damaged(format!("message {sequence} of its stream: {cause}"))
    }

    fn head(&self, last: StoredPart) -> Result<(Head, StoredPart), RecoverError> {
        let (head, _) =
            record::decode_part(&last.payload).map_err(|cause| self.unreadable(last.sequence, &cause))?;
        if head.part + 1 != head.parts {
            let found = head.part;
            return Err(self.damaged(RecordError::Parts {
                expected: head.parts - 1,
                found,
            }));
        }
        Ok((head, last))
    }

    /// Whether the last record that is there is the last one that was stored, as far as the state store and the newest
    /// snapshot know. A stream that ends before what they know was restored from a copy, and is what is true now.
    async fn check_newest(&self, head: &Head, sequence: u64) -> Result<(), RecoverError> {
        let state_store = self.world.store.open(self.partition, self.manifest, self.seed)?;
        let mut seen: Vec<Applied> = state_store.begun().into_iter().collect();
        let applied = state_store.applied()?;
        seen.push(applied);
        drop(state_store);
        let mut newer = Vec::new();
        // The names of all snapshots are read at once, so not where the state store is right where the record is.
        if applied.commit != head.commit {
            let snapshots = self.world.snapshots.list(self.partition).await?;
            newer.extend(snapshots.into_iter().filter(|commit| *commit > head.commit));
        }
        if let Some(newest) = newer.first() {
            seen.extend(crate::partition::snapshot::applied(self.world, self.partition, *newest).await?);
        }
        for place in &seen {
            self.check_stray(head, sequence, *place).await?;
        }
        let ahead = |place: &&Applied| place.commit > head.commit && place.sequence > sequence;
        for place in seen.iter().filter(ahead) {
            if !self
                .world
                .commits
                .is_gone(&self.partition.pipeline, place.sequence)
                .await?
            {
                continue;
            }
            if place.sequence > self.since.accepted_repeats {
                return Err(RecoverError::NewestLost {
                    partition: self.partition.clone(),
                    commit: place.commit,
                    last: head.commit,
                });
            }
            // They are of commits that are made anew, with other effects.
            for commit in &newer {
                self.world.snapshots.delete(self.partition, *commit).await?;
            }
        }
        Ok(())
    }

    /// Whether the last record lies behind one of a later commit, or of the same, where that is known to have been stored.
    async fn check_stray(&self, head: &Head, sequence: u64, place: Applied) -> Result<(), RecoverError> {
        if place.commit < head.commit || place.sequence >= sequence || place.commit == 0 {
            return Ok(());
        }
        let found = self
            .world
            .commits
            .after(self.partition, place.sequence - 1, 1)
            .await?;
        let Some(found) = found.into_iter().next().filter(|found| found.sequence < sequence) else {
            return Ok(());
        };
        // A stream that was restored from before, and has grown since, has other records there.
        match record::decode_part(&found.payload) {
            Ok((known, _)) if known.commit > head.commit || found.sequence == place.sequence => {
                self.stray(sequence, head.commit, known.commit)
            }
            _ => Ok(()),
        }
    }

    /// The record that a partition begins with is its first.
    async fn check_first(&self, sequence: u64) -> Result<(), RecoverError> {
        let first = self.world.commits.after(self.partition, 0, 1).await?;
        let Some(first) = first.into_iter().next().filter(|first| first.sequence < sequence) else {
            return Ok(());
        };
        let before = record::decode_part(&first.payload).map_or(0, |(head, _)| head.commit);
        self.stray(sequence, 0, before)
    }

    fn stray(&self, sequence: u64, commit: u64, before: u64) -> Result<(), RecoverError> {
        Err(RecoverError::Stray {
            partition: self.partition.clone(),
            sequence,
            commit,
            before,
        })
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
        let mut follows = if state_store.applied()?.commit == 0 {
            Follows::Snapshot
        } else {
            Follows::LocalState
        };
        if state_store.applied()?.commit == 0 && head.commit > 1 {
            crate::partition::snapshot::restore_newest(self.world, self.partition, state_store, head.commit)
                .await?;
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
                    .map_err(|cause| self.unreadable(sequence, &cause))?;
                if let Some(record) = record.filter(|record| record.head.commit > 0) {
                    let is_last = sequence == last_sequence;
                    self.apply(state_store, &record, sequence, follows, is_last)
                        .await?;
                    follows = Follows::Record;
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

    async fn apply(
        &self,
        state_store: &dyn PartitionStore,
        record: &Record,
        sequence: u64,
        follows: Follows,
        is_last: bool,
    ) -> Result<(), RecoverError> {
        let applied = state_store.applied()?.commit;
        let commit = record.head.commit;
        if commit == applied + 1 {
            return Ok(state_store.apply(&record.delta, Applied { commit, sequence })?);
        }
        match follows {
            Follows::Record if is_last && commit <= applied => self.stray(sequence, commit, applied),
            Follows::Snapshot if commit > applied => Err(RecoverError::NoSnapshot {
                partition: self.partition.clone(),
                first: commit,
                held: self.world.snapshots.list(self.partition).await?.len(),
            }),
            _ => Err(self.damaged(format!("commit {commit} follows commit {applied}"))),
        }
    }
}
