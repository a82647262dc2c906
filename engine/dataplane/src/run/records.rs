//! Whether the pipeline's own stream still has the records that its partitions need to be rebuilt. Who loses the local
//! state finds out too late, so it is looked at while that is there: where records are gone, the state is written away as
//! a snapshot at once. A newest record that is gone is no use to write away: it alone says what is committed.
//!
//! Why: docs/decisions/0183-a-newest-record-that-is-gone-is-noticed.md

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    identity::PartitionId,
    ports::broker::{BrokerError, StoredPart, StreamFacts},
    record::{self, Head},
    registry,
    unrecorded::unrecorded,
    world::World,
};
use tokio::sync::Notify;

use crate::run::{Ended, PipelineRun};

/// What is known of the records of the partitions here.
#[derive(Default)]
pub(super) struct Records {
    /// Commit of the first record that is there, where it is known to lead on from a snapshot.
    first: BTreeMap<u32, u64>,
    /// How many messages were gone from the stream at the last look.
    gone: Option<u64>,
}

/// The newest record of a partition.
enum Newest {
    /// It is there, with this head.
    There(Box<Head>),
    /// It is there, and cannot be read. That is found, and said, when it is needed.
    Unreadable,
    /// There is none, and there was one.
    Gone,
    /// There was never one.
    NotYet,
}

/// What is missing of a partition's records.
enum Missing {
    /// All before this commit, and no snapshot has what they held.
    Before(u64),
    /// Some between these two commits.
    Between(u64, u64),
    /// The newest: the partition is at this commit.
    Newest(u64),
}

impl PipelineRun {
    /// Before it starts: whether there are outputs whose record is gone.
    pub(super) async fn check_recorded(
        &self,
        pipeline: &registry::Pipeline,
        partitions: &[u32],
    ) -> Result<(), Ended> {
        let partitions: Vec<_> = partitions.iter().map(|number| self.partition(*number)).collect();
        let accepted = pipeline.accepted_repeats.unwrap_or(0);
        let Some(found) = unrecorded(&self.world, &partitions, accepted).await? else {
            return Ok(());
        };
        let of = found
            .partition
            .map_or_else(String::new, |number| format!(" of partition {number}"));
        let (name, tenant) = (&self.pipeline.pipeline, &self.pipeline.tenant);
        let output = found.output;
        Err(Ended::LacksRecords(format!(
            "the newest commit record{of} is gone from the pipeline's own stream: it holds the output of sequence {output}, which was committed, and no record of that; to go on from the last record that is there, with the outputs since then published again: tailrace pipeline resume {name} --accept-repeats; or restore the stream from a backup, then: tailrace pipeline resume {name}; to begin again with an empty state: tailrace pipeline resume {name} --new-stream (tenant {tenant})"
        )))
    }

    fn partition(&self, number: u32) -> PartitionId {
        PartitionId {
            pipeline: self.pipeline.clone(),
            life: self.status.life,
            partition: number,
        }
    }

    /// Where messages have gone from the stream since the last look: whether the newest record of each partition here is
    /// still there. A pipeline that has nothing to commit would not find out.
    pub(super) async fn look_at_newest(
        &self,
        records: &mut Records,
        partitions: &[u32],
        facts: &StreamFacts,
    ) -> Result<(), Ended> {
        if records.gone == Some(facts.gone()) {
            return Ok(());
        }
        let commits = self.commits();
        for number in partitions {
            let commit = commits.get(number).copied().unwrap_or(0);
            match newest(&self.world, &self.partition(*number), commit).await {
                Ok(Newest::There(last)) if last.commit < commit => return Err(newest_gone(*number, commit)),
                Ok(Newest::Gone) => return Err(newest_gone(*number, commit)),
                Ok(_) => {}
                // It is looked again.
                Err(_) => return Ok(()),
            }
        }
        records.gone = Some(facts.gone());
        Ok(())
    }

    /// The last commit of each partition here.
    fn commits(&self) -> BTreeMap<u32, u64> {
        let shown = self.status.report().partitions.into_iter();
        shown.map(|shown| (shown.partition, shown.commit)).collect()
    }

    /// Looks at the records of each partition here. The first is moved by snapshots, and by nobody else.
    pub(super) async fn look_at_records(
        &self,
        records: &mut Records,
        snapshots: &BTreeMap<u32, Arc<Notify>>,
    ) -> Result<(), Ended> {
        let commits = self.commits();
        let mut lost = None;
        for (&number, snapshot) in snapshots {
            let partition = self.partition(number);
            let commit = commits.get(&number).copied().unwrap_or(0);
            match records.missing(&self.world, &partition, commit).await {
                Ok(Some(Missing::Newest(commit))) => return Err(newest_gone(number, commit)),
                Ok(Some(missing)) => {
                    let what = missing.in_words();
                    tracing::error!(%partition, what, "records were deleted from the pipeline's own stream");
                    lost = lost.or(Some((number, what)));
                    snapshot.notify_one();
                }
                Ok(None) => {}
                // A broker that does not answer now says nothing of them.
                Err(cause) => tracing::debug!(%partition, %cause, "its records are not known now"),
            }
        }
        let told = lost.map(|(number, what)| {
            format!(
                "commit records of partition {number} {what} are gone from the pipeline's own stream, and no snapshot has what they held; the local state of this engine is the only copy, and is written away as a snapshot now; see who deletes messages there, or what its limits are (tailrace doctor)"
            )
        });
        self.status.set_records_trouble(told);
        Ok(())
    }
}

/// What it comes to, and the way out, is found where it recovers.
fn newest_gone(partition: u32, commit: u64) -> Ended {
    Ended::Again(format!(
        "the record of commit {commit} of partition {partition} is gone from the pipeline's own stream"
    ))
}

impl Missing {
    fn in_words(&self) -> String {
        match self {
            Self::Before(first) => format!("before commit {first}"),
            Self::Between(first, last) => format!("between commits {first} and {last}"),
            Self::Newest(commit) => format!("from commit {commit} on"),
        }
    }
}

impl Records {
    /// What is missing of a partition that is at this commit.
    async fn missing(
        &mut self,
        world: &World,
        partition: &PartitionId,
        commit: u64,
    ) -> Result<Option<Missing>, BrokerError> {
        let last = match newest(world, partition, commit).await? {
            Newest::There(last) => last,
            Newest::Gone => return Ok(Some(Missing::Newest(commit))),
            Newest::Unreadable | Newest::NotYet => return Ok(None),
        };
        if last.commit < commit {
            return Ok(Some(Missing::Newest(commit)));
        }
        let Some((first, sequence)) = first(world, partition).await? else {
            return Ok(None);
        };
        if self.is_cut_off(world, partition, first.commit).await? {
            return Ok(Some(Missing::Before(first.commit)));
        }
        // Since the last was asked for, there can only be more.
        let held = world.commits.count_records(partition).await?;
        let wanted = (place(&last) + 1).saturating_sub(place(&first));
        if held >= wanted {
            return Ok(None);
        }
        // Unless a snapshot has moved the first.
        let is_still_first = first_sequence(world, partition).await? == Some(sequence);
        Ok(is_still_first.then_some(Missing::Between(first.commit, last.commit)))
    }

    /// Whether no snapshot leads to the first record.
    async fn is_cut_off(
        &mut self,
        world: &World,
        partition: &PartitionId,
        first: u64,
    ) -> Result<bool, BrokerError> {
        let is_known = self.first.get(&partition.partition) == Some(&first);
        // Every partition begins with the record of commit 0, or before lives with that of commit 1.
        if is_known || first <= 1 {
            return Ok(false);
        }
        let newest = world.snapshots.list(partition).await?.first().copied();
        if newest.is_none_or(|newest| newest + 1 < first) {
            return Ok(true);
        }
        self.first.insert(partition.partition, first);
        Ok(false)
    }
}

/// The first record that is there, and its sequence.
async fn first(world: &World, partition: &PartitionId) -> Result<Option<(Head, u64)>, BrokerError> {
    let parts = world.commits.after(partition, 0, 1).await?;
    Ok(parts.first().and_then(|part| Some((head(part)?, part.sequence))))
}

async fn first_sequence(world: &World, partition: &PartitionId) -> Result<Option<u64>, BrokerError> {
    Ok(first(world, partition).await?.map(|(_, sequence)| sequence))
}

fn head(part: &StoredPart) -> Option<Head> {
    record::decode_part(&part.payload).ok().map(|(head, _)| head)
}

/// The number of a part among all parts that the partition has ever stored.
fn place(head: &Head) -> u64 {
    head.parts_before + u64::from(head.part)
}

/// The newest record of a partition that is at this commit.
async fn newest(world: &World, partition: &PartitionId, commit: u64) -> Result<Newest, BrokerError> {
    Ok(match world.commits.last(partition).await? {
        Some(last) => head(&last).map_or(Newest::Unreadable, |head| Newest::There(Box::new(head))),
        // Every life begins with a record. Before lives the first commit wrote it.
        None if !partition.life.is_unnamed() || commit > 0 => Newest::Gone,
        None => Newest::NotYet,
    })
}
