//! A recorded batch is done again, on the state as it stood before. The worker of the partition processes it: the order
//! and the fates come from the record ([`order_log`](tailrace_core::order_log)), everything else from the code that runs
//! a live partition. So a record and its replay are the same to the byte, or one of them is wrong.
//!
//! A batch needs the state behind the record before it, the head of that record, and what was read. It needs nothing
//! that a process had in memory, so it does not matter where a replay begins.
//!
//! Not the same are batches of `at-most-once`, whose record claims events before they are processed, and those of plugins
//! that keep in memory what they should keep in state.
//!
//! Why: docs/decisions/0172-a-record-holds-its-order-and-its-fates.md

mod no_clock;
mod read;
pub mod replay_error;
pub mod sources;
mod steps;

use std::sync::Arc;

use tailrace_core::{
    delta::Delta,
    identity::PartitionId,
    order_log::OrderLog,
    ports::{
        broker::Output,
        store::{Applied, PartitionStore, StoreError},
    },
    record::{self, Head, Record},
};

use crate::{
    partition::{commit, recover},
    plan::Plan,
    replay::{no_clock::NoClock, read::Reader, replay_error::ReplayError, sources::Sources, steps::Steps},
    turn::worker::Worker,
};

/// A batch that was done again.
#[derive(Debug)]
pub struct Replayed {
    /// The head of its record. The parts and the producer epoch are those of the record that it is held against.
    pub head: Head,
    /// What it changes.
    pub delta: Arc<Delta>,
    /// In which order it came about.
    pub order: Option<OrderLog>,
    /// What it publishes.
    pub outputs: Vec<Output>,
}

impl Replayed {
    /// In what it differs from its record; none where both are the same to the byte.
    pub fn difference(&self, record: &Record) -> Option<String> {
        if self.order.as_ref() != record.order.as_ref() {
            return Some(format!(
                "its order is {:?}, recorded is {:?}",
                self.order, record.order
            ));
        }
        if *self.delta != record.delta {
            return Some(format!(
                "it changes {:?}, recorded is {:?}",
                self.delta, record.delta
            ));
        }
        // With the checksum of the body as it was stored.
        let differs = self.head != record.head;
        differs.then(|| format!("its head is {:?}, recorded is {:?}", self.head, record.head))
    }
}

/// A partition whose records are done again, one after the other.
pub struct Replay {
    partition: PartitionId,
    state_store: Arc<dyn PartitionStore>,
    /// Of the last record.
    head: Head,
    /// Of its last part, in the pipeline's stream.
    sequence: u64,
}

impl Replay {
    /// Goes on behind a record, on a state store that holds what is committed with it.
    pub fn behind(
        partition: PartitionId,
        state_store: Arc<dyn PartitionStore>,
        head: Head,
        sequence: u64,
    ) -> Self {
        Self {
            partition,
            state_store,
            head,
            sequence,
        }
    }

    /// Does the batch of the next record again, and applies what the replay came to. `sequence` is that of the record's
    /// last part.
    pub fn next(
        &mut self,
        sources: &mut dyn Sources,
        record: &Record,
        sequence: u64,
    ) -> Result<Replayed, ReplayError> {
        let (before, found) = (self.head.commit, record.head.commit);
        if found != before + 1 {
            return Err(ReplayError::Gap { before, found });
        }
        let order = record.order.as_ref().ok_or(ReplayError::NoOrder(found))?;
        let revision = record.head.revision;
        let plan = read::plan(sources, revision, read::canary(order))?;
        let mut worker = self.worker(&plan, &record.head, order.max_message_bytes as usize)?;
        worker.impose(order);
        let reader = Reader::behind(&self.partition, &self.head, plan);
        worker.reads_on(reader.reading());
        let mut steps = Steps {
            commit: found,
            worker: &mut worker,
            reader,
            sources,
        };
        order.steps.iter().try_for_each(|step| steps.take(step))?;
        let mut sealed = worker.seal()?;
        let commit = found;
        self.state_store
            .apply(&sealed.delta, Applied { commit, sequence })?;
        let cursor = sealed.cursor;
        let head = Head {
            part: record.head.part,
            parts: record.head.parts,
            ..commit::head(&mut sealed, cursor, revision, record.head.producer_epoch)
        };
        let body = record::encode_body(&sealed.delta, Some(&sealed.order));
        let body_checksum = crc32fast::hash(&body);
        (self.head, self.sequence) = (record.head.clone(), sequence);
        Ok(Replayed {
            head: Head {
                body_checksum,
                ..head
            },
            delta: sealed.delta,
            order: Some(sealed.order),
            outputs: sealed.outputs,
        })
    }

    fn worker(&self, plan: &Arc<Plan>, head: &Head, max_message_bytes: usize) -> Result<Worker, StoreError> {
        let is_another_run = head.producer_epoch != self.head.producer_epoch;
        let clock = if is_another_run {
            recover::clock_behind(&self.head)
        } else {
            self.head.clock.clone()
        };
        let cursor = recover::cursor_behind(&self.head, self.sequence);
        let store = self.state_store.clone();
        let mut worker = Worker::new(store, plan.clone(), cursor, Arc::new(NoClock), max_message_bytes)?
            .watched_through(Arc::default(), self.partition.partition)
            .on_the_clock(clock);
        if plan.candidate.is_some() {
            worker.adopt(plan, plan.no_instances())?;
        }
        Ok(worker)
    }
}
