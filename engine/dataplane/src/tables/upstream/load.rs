//! The rows of the newest snapshots of a pipeline, and where its records go on behind them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tailrace_core::{
    identity::{PartitionId, PipelineId, partition_of},
    life::Life,
    manifest::MAX_PARTITIONS,
    ports::{
        broker::{BrokerError, StoredPart},
        executor,
        store::{Applied, StoreError},
    },
    record,
    world::World,
};

use crate::{
    partition::snapshot,
    tables::upstream::{kept::UpstreamPart, records::Behind},
};

/// A record of a partition: the first that the stream has.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstRecord {
    pub(super) commit: u64,
    pub(super) sequence: u64,
    /// Whether all its parts are there: what is deleted before a snapshot ends with the last but one.
    is_whole: bool,
}

impl FirstRecord {
    fn of(number: u32, part: &StoredPart) -> Result<Self, String> {
        let sequence = part.sequence;
        let (head, _) = record::decode_part(&part.payload)
            .map_err(|cause| format!("message {sequence} of its stream, of partition {number}: {cause}"))?;
        Ok(Self {
            commit: head.commit,
            sequence,
            is_whole: head.part == 0,
        })
    }

    /// Whether records were deleted before it: every partition begins with that of commit 0, or 1.
    pub(super) fn is_behind_others(&self) -> bool {
        self.commit > 1 || !self.is_whole
    }
}

/// A pipeline that is read.
pub(super) struct UpstreamSource<'a> {
    pub(super) world: &'a World,
    pub(super) pipeline: PipelineId,
    pub(super) life: Life,
}

/// Whose rows are wanted: of these partitions of the reader, of so many.
#[derive(Clone)]
pub(super) struct Owners {
    pub(super) partitions: BTreeSet<u32>,
    pub(super) of: u32,
}

/// What was loaded.
pub(super) struct Loaded {
    pub(super) rows: Vec<(String, Bytes)>,
    /// Behind which record each partition of the source goes on.
    pub(super) behind: BTreeMap<u32, Behind>,
}

impl UpstreamSource<'_> {
    fn partition(&self, number: u32) -> PartitionId {
        PartitionId {
            pipeline: self.pipeline.clone(),
            life: self.life,
            partition: number,
        }
    }

    /// The first record of each partition.
    pub(super) async fn firsts(&self) -> Result<BTreeMap<u32, FirstRecord>, String> {
        let mut firsts = BTreeMap::new();
        for number in 0..MAX_PARTITIONS {
            match self.first_after(number, 0).await? {
                Some(first) => drop(firsts.insert(number, first)),
                // Each partition of a life begins with a record; before lives, with its first commit.
                None if self.life.is_unnamed() => {}
                None => break,
            }
        }
        Ok(firsts)
    }

    /// Which commit of each partition comes next behind a sequence.
    pub(super) async fn nexts(&self, sequence: u64) -> Result<BTreeMap<u32, Behind>, String> {
        let mut nexts = BTreeMap::new();
        for number in 0..MAX_PARTITIONS {
            let next = match self.first_after(number, sequence).await? {
                Some(first) => Some(first.commit),
                None => self.last(number).await?.map(|last| last + 1),
            };
            if next.is_none() && !self.life.is_unnamed() {
                break;
            }
            let behind = Behind { next, sequence };
            nexts.insert(number, behind);
        }
        Ok(nexts)
    }

    async fn first_after(&self, number: u32, sequence: u64) -> Result<Option<FirstRecord>, String> {
        let partition = self.partition(number);
        let parts = self.world.commits.after(&partition, sequence, 1).await;
        let parts = parts.map_err(|cause: BrokerError| cause.to_string())?;
        let first = parts.into_iter().next();
        first.map(|part| FirstRecord::of(number, &part)).transpose()
    }

    async fn last(&self, number: u32) -> Result<Option<u64>, String> {
        let last = self.world.commits.last(&self.partition(number)).await;
        let last = last.map_err(|cause: BrokerError| cause.to_string())?;
        let last = last.map(|part| FirstRecord::of(number, &part)).transpose()?;
        Ok(last.map(|last| last.commit))
    }

    /// Loads the newest snapshot of each partition whose records do not say all.
    pub(super) async fn load(
        &self,
        firsts: &BTreeMap<u32, FirstRecord>,
        kept: &UpstreamPart,
        owners: Option<Owners>,
    ) -> Result<Loaded, String> {
        let mut loaded = Loaded {
            rows: Vec::new(),
            behind: BTreeMap::new(),
        };
        for (number, first) in firsts {
            let whole = Behind {
                next: Some(first.commit),
                sequence: 0,
            };
            let behind = if first.is_behind_others() {
                self.load_partition(*number, first, kept, (owners.clone(), &mut loaded.rows))
                    .await?
            } else {
                whole
            };
            loaded.behind.insert(*number, behind);
        }
        Ok(loaded)
    }

    async fn load_partition(
        &self,
        number: u32,
        first: &FirstRecord,
        kept: &UpstreamPart,
        (owners, rows): (Option<Owners>, &mut Vec<(String, Bytes)>),
    ) -> Result<Behind, String> {
        let partition = self.partition(number);
        let newest = snapshot::newest(self.world, &partition, u64::MAX).await;
        let newest = newest.map_err(|cause| cause.to_string())?;
        let gone = || {
            format!(
                "records of its partition {number} before commit {} are gone, and no snapshot has what they held; see tailrace pipeline status {}",
                first.commit, self.pipeline.pipeline
            )
        };
        let chunks = newest.ok_or_else(gone)?;
        let (store, kept) = (self.world.store.clone(), kept.clone());
        let read = move || -> Result<(Applied, Vec<(String, Bytes)>), StoreError> {
            let mut found = Vec::new();
            let applied = store.read_export(&mut chunks.into_iter(), &mut |entry| {
                let row = kept.row_of(entry);
                found.extend(row.filter(|(key, _)| owners.as_ref().is_none_or(|owners| owners.have(key))));
            })?;
            Ok((applied, found))
        };
        let read = executor::run(&*self.world.turns, &partition.pipeline.tenant, read).await;
        let read = read.map_err(|lost| lost.to_string())?;
        let (applied, mut found) =
            read.map_err(|cause| format!("a snapshot of its partition {number}: {cause}"))?;
        if applied.commit + 1 < first.commit {
            return Err(gone());
        }
        rows.append(&mut found);
        Ok(Behind {
            next: Some(applied.commit + 1),
            sequence: applied.sequence,
        })
    }
}

impl Owners {
    fn have(&self, key: &str) -> bool {
        self.partitions.contains(&partition_of(key, self.of))
    }
}
