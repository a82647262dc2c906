//! Outputs whose commit record is gone from the pipeline's own stream. An atomic batch stores its outputs and, last,
//! its record. So an output that lies behind the last record of its partition says that somebody has deleted the newest
//! one. Whoever went on from the record before would publish those outputs again.
//!
//! Why: docs/decisions/0183-a-newest-record-that-is-gone-is-noticed.md

use std::collections::BTreeMap;

use crate::{
    identity::PartitionId,
    observe::reconcile::committed_messages,
    ports::broker::{BatchOutput, BrokerError},
    world::World,
};

/// Messages that are asked for at a time.
const PAGE: usize = 256;
/// Most messages that are looked at. Only where the counts do not agree is there anything to look for.
const MOST: usize = 4_096;

/// An output without its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrecorded {
    /// Its sequence in the pipeline's own stream.
    pub output: u64,
    /// Its partition, where it says so.
    pub partition: Option<u32>,
}

/// The first output behind `accepted` whose record is gone, of these partitions.
pub async fn unrecorded(
    world: &World,
    partitions: &[PartitionId],
    accepted: u64,
) -> Result<Option<Unrecorded>, BrokerError> {
    let Some(pipeline) = partitions.first().map(|partition| &partition.pipeline) else {
        return Ok(None);
    };
    let books = world.commits.books(pipeline).await?;
    let committed = committed_messages(&books);
    if committed == Some(books.stored) {
        return Ok(None);
    }
    let records = Records::read(world, partitions).await?;
    if records.last.is_empty() {
        return Ok(None);
    }
    // Where messages may have been stored twice, counts say nothing; then only the end of the stream is looked at.
    let begin = committed.map_or(records.newest, |_| records.oldest());
    let mut after = begin.max(accepted);
    for _ in 0..MOST / PAGE {
        let page = world.commits.batch_outputs(pipeline, after, PAGE).await?;
        let mut outputs = page.outputs.into_iter();
        if let Some(output) = outputs.find(|output| records.lack(output)) {
            // The partition's engine may have committed since the records were read.
            let now = Records::read(world, partitions).await?;
            return Ok(now.lack(&output).then_some(Unrecorded {
                output: output.sequence,
                partition: output.partition,
            }));
        }
        let Some(read_to) = page.read_to else { break };
        after = read_to;
    }
    Ok(None)
}

/// Where the last records are.
struct Records {
    last: BTreeMap<u32, u64>,
    /// Of all partitions of the pipeline.
    newest: u64,
}

impl Records {
    async fn read(world: &World, partitions: &[PartitionId]) -> Result<Self, BrokerError> {
        let mut last = BTreeMap::new();
        for partition in partitions {
            // A partition without any record is told elsewhere.
            if let Some(record) = world.commits.last(partition).await? {
                last.insert(partition.partition, record.sequence);
            }
        }
        let mut newest = last.values().copied().max().unwrap_or(u64::MAX);
        if let Some(partition) = partitions.first() {
            let books = world.commits.books(&partition.pipeline).await?;
            let all = books.records.iter().map(|record| record.sequence);
            newest = newest.max(all.max().unwrap_or(0));
        }
        Ok(Self { last, newest })
    }

    fn oldest(&self) -> u64 {
        self.last.values().copied().min().unwrap_or(u64::MAX)
    }

    fn lack(&self, output: &BatchOutput) -> bool {
        match output.partition {
            Some(partition) => self
                .last
                .get(&partition)
                .is_some_and(|last| output.sequence > *last),
            None => output.sequence > self.newest,
        }
    }
}
