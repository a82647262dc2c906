//! Makes a batch durable: one atomic publish to the pipeline's own stream, fenced by the sequence of
//! the partition's commit before.
//!
//! An answer that does not come is never guessed at. The commit subject is asked: if its last record bears
//! our producer epoch and our commit's number, the batch is stored; if it is still the one before, the same
//! batch is sent again; anything else means that another engine owns the partition. A late first try can only
//! be stored before the second, which is then refused and finds its own record.
//!
//! Why: docs/decisions/0008-one-fenced-atomic-batch.md

use std::{sync::Arc, time::Duration};

use tailrace_core::{
    identity::PartitionId,
    manifest::Delivery,
    observe::{progress::Cursor, stats::Stats, status::PartitionStatus},
    ports::{
        broker::{BrokerError, CommitBatch, CommitError, CommitLog},
        clock::Random,
    },
    record::{self, Head},
    subject,
};

use crate::turn::batch::Sealed;

/// First pause between tries; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between tries, so that an engine goes on soon after the broker does.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Trouble that so many tries have met is more than a moment's.
const LASTING_TRIES: u32 = 5;

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is stored; this is the sequence of its record's last part.
    Stored(u64),
    /// Another engine owns the partition; nothing of it is stored.
    Fenced,
    /// The broker takes only smaller messages by now; nothing of it is stored.
    TooLarge,
    /// There is no stream any more that would take it; nothing of it is stored.
    NoStream,
}

/// Commits the batches of one partition.
#[derive(Clone)]
pub struct Committer {
    /// The partition.
    pub partition: PartitionId,
    /// Where commits go.
    pub log: Arc<dyn CommitLog>,
    /// For jitter.
    pub random: Arc<dyn Random>,
    /// Random number of this run of the partition: two runs in one process must not take each
    /// other's records for their own.
    pub producer_epoch: u64,
    /// Largest part of a record.
    pub max_part_bytes: usize,
    /// Where trouble is shown.
    pub status: Arc<PartitionStatus>,
    /// Where tries are counted.
    pub stats: Arc<Stats>,
}

impl Committer {
    /// Writes down what a sealed batch commits, and takes its outputs. `position` and
    /// `redrive_position` are those that the record claims.
    pub fn batch(
        &self,
        sealed: &mut Sealed,
        claim: Cursor,
        revision: u64,
        delivery: Delivery,
    ) -> CommitBatch {
        let head = head(sealed, claim, revision, self.producer_epoch);
        CommitBatch {
            partition: self.partition.clone(),
            delivery,
            outputs: std::mem::take(&mut sealed.outputs),
            record: record::encode(&head, &sealed.delta, Some(&sealed.order), self.max_part_bytes),
            expected: sealed.cursor.commit_sequence,
        }
    }

    /// Stores a batch; tries until it is known what became of it.
    pub async fn store(&self, batch: CommitBatch, commit: u64) -> CommitOutcome {
        let mut pause = FIRST_PAUSE;
        for tries in 1_u32.. {
            let outcome = match self.log.commit(&batch).await {
                Ok(sequence) => Some(CommitOutcome::Stored(sequence)),
                Err(error) => self.judge(&error, &batch, commit).await,
            };
            if let Some(outcome) = outcome {
                self.status.trouble_over();
                return outcome;
            }
            if tries >= LASTING_TRIES {
                self.status.trouble_lasts();
            }
            tokio::time::sleep(self.jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("it is tried for ever")
    }

    /// What an error means; `None`: send it again.
    async fn judge(&self, error: &CommitError, batch: &CommitBatch, commit: u64) -> Option<CommitOutcome> {
        self.stats.commit_failed();
        tracing::warn!(commit, cause = %error, "a commit failed");
        match error {
            CommitError::Refused { .. } => {
                let stream = subject::stream_name(&self.partition.pipeline);
                self.status.trouble(format!(
                    "{error}; it is tried again; what the stream allows: nats stream info {stream}"
                ));
                self.status.trouble_lasts();
                None
            }
            CommitError::TooLarge { .. } => Some(CommitOutcome::TooLarge),
            CommitError::NoRoom { .. } => {
                self.status.broker_stores_nothing(error.to_string());
                None
            }
            CommitError::Unknown(_) | CommitError::Untaken => {
                // A stream of the pipeline's own that is gone is its own trouble, and none of the broker's.
                if let CommitError::Unknown(_) = error {
                    self.status.broker_stores_nothing(error.to_string());
                }
                match self.ask(commit).await {
                    Found::Ours(sequence) => Some(CommitOutcome::Stored(sequence)),
                    Found::At(sequence) if sequence == batch.expected => None,
                    Found::At(_) => Some(CommitOutcome::Fenced),
                    Found::NoStream => Some(CommitOutcome::NoStream),
                }
            }
            CommitError::Fenced { .. } => match self.ask(commit).await {
                Found::Ours(sequence) => Some(CommitOutcome::Stored(sequence)),
                Found::At(_) => Some(CommitOutcome::Fenced),
                Found::NoStream => Some(CommitOutcome::NoStream),
            },
        }
    }

    /// Asks the commit subject until it answers.
    async fn ask(&self, commit: u64) -> Found {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.log.last(&self.partition).await {
                Ok(None) => return Found::At(0),
                Ok(Some(part)) => {
                    let ours = record::decode_part(&part.payload).is_ok_and(|(head, _)| {
                        head.producer_epoch == self.producer_epoch && head.commit == commit
                    });
                    return if ours {
                        Found::Ours(part.sequence)
                    } else {
                        Found::At(part.sequence)
                    };
                }
                Err(BrokerError::NoStream(_)) => return Found::NoStream,
                Err(cause) => self.status.trouble(cause.to_string()),
            }
            tokio::time::sleep(self.jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn jittered(&self, pause: Duration) -> Duration {
        jittered(pause, &*self.random)
    }
}

/// What the record of a sealed batch says of it, but for its parts.
pub fn head(sealed: &mut Sealed, claim: Cursor, revision: u64, producer_epoch: u64) -> Head {
    Head {
        commit: sealed.cursor.commit,
        producer_epoch,
        position: claim.position,
        redrive_position: claim.redrive_position,
        revision,
        watermark_ms: claim.watermark_ms,
        clock: std::mem::take(&mut sealed.clock),
        outcomes: sealed.cursor.outcomes,
        parts_before: sealed.cursor.parts,
        part: 0,
        parts: 0,
        body_checksum: 0,
    }
}

/// What the commit subject says.
enum Found {
    /// Its last record is the one that was to be stored.
    Ours(u64),
    /// Its last message is another, of this sequence.
    At(u64),
    /// There is no stream that has it.
    NoStream,
}

/// Between half of a pause and one and a half, so that those who wait together do not return together.
pub fn jittered(pause: Duration, random: &dyn Random) -> Duration {
    pause.mul_f64(0.5 + (random.next_u64() % 1_000) as f64 / 1_000.0)
}
