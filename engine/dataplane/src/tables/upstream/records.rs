//! The commit records of a pipeline, as they come off its stream: those of all its partitions, one amid the other.

use std::collections::BTreeMap;

use bytes::Bytes;
use tailrace_core::{
    ports::broker::Incoming,
    record::{Assembler, RecordError},
};

use crate::tables::upstream::kept::UpstreamPart;

/// What a commit has changed: keys, and the row that each has now.
pub(super) type Changes = Vec<(String, Option<Bytes>)>;

/// The records of a pipeline, put together.
pub(crate) struct UpstreamRecords {
    kept: UpstreamPart,
    partitions: BTreeMap<u32, Partition>,
}

/// Behind which record those of a partition are new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Behind {
    /// The commit that comes next; none where any may.
    pub(super) next: Option<u64>,
    /// The sequence of its last part.
    pub(super) sequence: u64,
}

#[derive(Default)]
struct Partition {
    behind: Behind,
    assembler: Assembler,
    /// Whether a record has begun and not ended.
    is_open: bool,
}

/// Why what comes is not what follows.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(
        "commit {found} of its partition {partition} comes where commit {expected} was to come, so records are gone"
    )]
    Gap {
        partition: u32,
        expected: u64,
        found: u64,
    },
    #[error("message {sequence} of its stream, of partition {partition}: {cause}")]
    Damaged {
        partition: u32,
        sequence: u64,
        cause: String,
    },
}

impl UpstreamRecords {
    /// Those behind these, by partition.
    pub(super) fn new(kept: UpstreamPart, behind: BTreeMap<u32, Behind>) -> Self {
        let partitions = behind.into_iter().map(|(number, behind)| {
            let partition = Partition {
                behind,
                ..Partition::default()
            };
            (number, partition)
        });
        Self {
            kept,
            partitions: partitions.collect(),
        }
    }

    /// Whether all records that have begun have ended: there it may be gone on from.
    pub(crate) fn is_whole(&self) -> bool {
        !self.partitions.values().any(|partition| partition.is_open)
    }

    /// Takes the next message; gives what the commit has changed when its record is complete. A message that came
    /// before changes nothing.
    pub(super) fn push(&mut self, message: &Incoming) -> Result<Option<Changes>, Broken> {
        let number = message
            .subject
            .rsplit('.')
            .next()
            .and_then(|last| last.parse().ok());
        let Some(number) = number else {
            return Ok(None);
        };
        let sequence = message.sequence;
        let damaged = |cause: String| Broken::Damaged {
            partition: number,
            sequence,
            cause,
        };
        let partition = self.partitions.entry(number).or_default();
        if sequence <= partition.behind.sequence {
            return Ok(None);
        }
        if let Some(why) = &message.unreadable {
            return Err(damaged(why.clone()));
        }
        partition.behind.sequence = sequence;
        let record = partition.assembler.push(&message.payload);
        let record = record.map_err(|cause: RecordError| damaged(cause.to_string()))?;
        partition.is_open = record.is_none();
        let Some(record) = record else {
            return Ok(None);
        };
        let found = record.head.commit;
        let expected = partition.behind.next.replace(found + 1);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(Broken::Gap {
                partition: number,
                expected,
                found,
            });
        }
        Ok(Some(self.kept.changes(&record.delta)))
    }
}
