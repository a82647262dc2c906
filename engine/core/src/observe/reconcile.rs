//! Reconciliation: once a minute the engine shows that its counts agree. They are what the broker holds, what
//! was read, and what came of it.
//!
//! A *barrier* is a mark that the intake puts between two events of every partition queue. What a partition
//! has finished when it comes to the mark is exactly what it was handed before it. So the sums of one barrier
//! can be compared without stopping anything, however much is under way:
//!
//! - the messages that the broker counts between two barriers are those that were read;
//! - the events that a partition was handed are those that have an outcome, or were done before;
//! - every message of the pipeline's own stream is an output, a dead letter, or part of a record, as
//!   the records themselves sum it up since the pipeline's beginning.
//!
//! What does not add up is a bug of ours, damage at the broker, or a stranger who publishes where only
//! this pipeline may: a line in the status, a metric, an error in the log.
//!
//! Why: docs/decisions/0023-reconciliation.md

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use crate::{
    observe::barrier::{Barrier, PartitionBarrier},
    outcome::OutcomeCounters,
    ports::broker::BrokerCounts,
    record::{self, Head},
};

/// Reports that are kept: an hour at one a minute.
const KEPT_REPORTS: usize = 60;
/// Barriers that wait for a slow partition; beyond them none is made.
const MOST_OPEN: usize = 4;

/// The reconciliation at one barrier.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Balance {
    /// When the counts were compared, milliseconds since the epoch.
    pub at_ms: u64,
    /// Messages read from the input since the barrier before.
    pub read: u64,
    /// The same as the broker counts them, where it can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_input: Option<u64>,
    /// What the events came to.
    #[serde(flatten)]
    pub outcomes: OutcomeCounters,
    /// Tries after a first one.
    pub retried: u64,
    /// Messages of the pipeline's own stream, as the commits sum them up since its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed_messages: Option<u64>,
    /// The same as the broker counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_messages: Option<u64>,
    /// What does not add up; none where all counts agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imbalance: Option<String>,
}

/// Reconciles the counts of a pipeline on this engine.
#[derive(Default)]
pub struct Reconciler(Mutex<State>);

#[derive(Default)]
struct State {
    open: VecDeque<Barrier>,
    /// Of the last complete barrier, by partition: handed and finished.
    before: BTreeMap<u32, (u64, PartitionBarrier)>,
    balances: VecDeque<Balance>,
    imbalances: u64,
    last_imbalance: Option<Balance>,
    /// By how many messages the pipeline's own stream has been seen to differ from what its commits sum up to. Somebody
    /// stored or deleted them by hand: they stay, and are told once.
    told_difference: i128,
}

impl Reconciler {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The partitions start anew: what was open will not be answered.
    pub fn restart(&self) {
        self.with(|state| {
            state.open.clear();
            state.before.clear();
        });
    }

    /// Whether another barrier may be made.
    pub fn has_room(&self) -> bool {
        self.with(|state| state.open.len() < MOST_OPEN)
    }

    /// The intake has made a barrier.
    pub fn open(&self, barrier: Barrier) {
        self.with(|state| state.open.push_back(barrier));
    }

    /// A partition has come to barriers, and what lies before them is committed.
    pub fn reached(&self, partition: u32, barriers: &[PartitionBarrier]) {
        self.with(|state| {
            for reached in barriers {
                let barrier = state
                    .open
                    .iter_mut()
                    .find(|barrier| barrier.number == reached.number);
                if let Some(barrier) = barrier {
                    barrier.finished.insert(partition, *reached);
                }
            }
        });
    }

    /// The oldest barrier to which all partitions have come.
    pub fn take_complete(&self) -> Option<Barrier> {
        self.with(|state| {
            let complete = state
                .open
                .front()
                .is_some_and(|barrier| barrier.finished.len() == barrier.handed.len());
            if complete { state.open.pop_front() } else { None }
        })
    }

    /// Compares the sums of a complete barrier with the broker's.
    pub fn balance(
        &self,
        barrier: &Barrier,
        at_ms: u64,
        broker_input: Option<u64>,
        books: Option<&BrokerCounts>,
    ) -> Balance {
        let committed = books.and_then(committed_messages);
        let mut balance = self.with(|state| sum_up(state, barrier));
        balance.at_ms = at_ms;
        balance.broker_input = broker_input;
        balance.committed_messages = committed;
        balance.broker_messages = committed.and(books.map(|books| books.stored));
        let input = broker_input
            .filter(|counted| *counted > barrier.read)
            .map(|counted| {
                let read = barrier.read;
                format!("the broker counts {counted} messages of the input where {read} were read")
            });
        let output = committed
            .zip(balance.broker_messages)
            .filter(|(ours, theirs)| self.is_news(*ours, *theirs) && ours != theirs);
        let output = output.map(|(ours, theirs)| {
            format!("the broker has stored {theirs} messages in the pipeline's own stream where its commits sum up to {ours}")
        });
        balance.imbalance = balance.imbalance.or(input).or(output);
        self.with(|state| {
            if balance.imbalance.is_some() {
                state.imbalances += 1;
                state.last_imbalance = Some(balance.clone());
            }
            state.balances.push_back(balance.clone());
            if state.balances.len() > KEPT_REPORTS {
                state.balances.pop_front();
            }
        });
        balance
    }

    /// Whether these differ otherwise than they did before.
    fn is_news(&self, ours: u64, theirs: u64) -> bool {
        let difference = i128::from(theirs) - i128::from(ours);
        self.with(|state| std::mem::replace(&mut state.told_difference, difference) != difference)
    }

    /// The last reconciliation.
    pub fn last(&self) -> Option<Balance> {
        self.with(|state| state.balances.back().cloned())
    }

    /// The last one that did not add up.
    pub fn last_imbalance(&self) -> Option<Balance> {
        self.with(|state| state.last_imbalance.clone())
    }

    /// How often the counts did not agree.
    pub fn imbalances(&self) -> u64 {
        self.with(|state| state.imbalances)
    }
}

/// Sums of all partitions since the barrier before; says where a partition's do not add up.
fn sum_up(state: &mut State, barrier: &Barrier) -> Balance {
    let mut sums = OutcomeCounters::default();
    let mut retried = 0;
    let mut imbalance = None;
    for (partition, handed) in &barrier.handed {
        let finished = barrier.finished.get(partition).copied().unwrap_or_default();
        let (handed_before, before) = state.before.get(partition).copied().unwrap_or_default();
        let outcomes = finished.outcomes.since(&before.outcomes);
        let done = outcomes.events + (finished.skipped - before.skipped);
        let handed_now = handed - handed_before;
        if done != handed_now {
            imbalance = Some(format!(
                "partition {partition} was handed {handed_now} events and finished {done}"
            ));
        }
        if outcomes.outcomes() != outcomes.events {
            let (events, outcomes) = (outcomes.events, outcomes.outcomes());
            imbalance = Some(format!(
                "partition {partition} finished {events} events and knows what became of {outcomes}"
            ));
        }
        sums.add(&outcomes);
        retried += finished.retried - before.retried;
        state.before.insert(*partition, (*handed, finished));
    }
    Balance {
        at_ms: 0,
        read: barrier.read,
        broker_input: None,
        outcomes: sums,
        retried,
        committed_messages: None,
        broker_messages: None,
        imbalance,
    }
}

/// What the records say that the stream has stored; none where a record cannot be read, which recovery
/// reports, or where a commit of another delivery than exactly-once may have published twice.
pub fn committed_messages(books: &BrokerCounts) -> Option<u64> {
    let mut sum = books.redriven;
    for part in &books.records {
        let (head, _): (Head, _) = record::decode_part(&part.payload).ok()?;
        if head.outcomes.loose > 0 {
            return None;
        }
        sum += head.outcomes.outputs + head.outcomes.letters + head.parts_before + u64::from(head.parts);
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{delta::Delta, outcome::Outcome, ports::broker::StoredPart};

    fn finished(number: u64, events: u64, skipped: u64) -> PartitionBarrier {
        let mut outcomes = OutcomeCounters::default();
        (0..events).for_each(|_| outcomes.enter(Outcome::Emitted));
        PartitionBarrier {
            number,
            outcomes,
            skipped,
            retried: 0,
        }
    }

    fn barrier(number: u64, read: u64, handed: u64) -> Barrier {
        Barrier {
            number,
            from: 1,
            to: 100,
            read,
            handed: BTreeMap::from([(0, handed)]),
            finished: BTreeMap::new(),
        }
    }

    fn run(
        reconciler: &Reconciler,
        barrier: Barrier,
        reached: PartitionBarrier,
        broker: Option<u64>,
    ) -> Balance {
        reconciler.open(barrier);
        assert!(
            reconciler.take_complete().is_none(),
            "a partition has not answered"
        );
        reconciler.reached(0, &[reached]);
        let complete = reconciler.take_complete().expect("all have answered");
        reconciler.balance(&complete, 1, broker, None)
    }

    #[test]
    fn sound_books_balance_from_cut_to_cut() {
        let reconciler = Reconciler::default();
        let first = run(&reconciler, barrier(1, 12, 10), finished(1, 7, 3), Some(12));
        assert_eq!((first.imbalance, first.outcomes.events), (None, 7));
        let second = run(&reconciler, barrier(2, 5, 15), finished(2, 12, 3), Some(4));
        // The broker may have let messages go since they were read.
        assert_eq!((second.imbalance, second.outcomes.events), (None, 5));
    }

    #[test]
    fn an_event_that_vanishes_is_noticed_wherever_it_does() {
        let reconciler = Reconciler::default();
        let lost_inside = run(&reconciler, barrier(1, 10, 10), finished(1, 9, 0), Some(10));
        assert!(lost_inside.imbalance.is_some_and(|why| why.contains("handed 10")));
        let never_read = run(&reconciler, barrier(2, 10, 20), finished(2, 19, 0), Some(11));
        assert!(
            never_read
                .imbalance
                .is_some_and(|why| why.contains("11 messages"))
        );
        assert_eq!(reconciler.imbalances(), 2);
    }

    #[test]
    fn a_message_that_no_commit_wrote_is_noticed() {
        let head = Head {
            commit: 1,
            producer_epoch: 1,
            position: 1,
            redrive_position: 0,
            revision: 1,
            watermark_ms: 0,
            clock: crate::watermark::InputClock::default(),
            outcomes: OutcomeCounters {
                events: 3,
                emitted: 3,
                outputs: 3,
                ..OutcomeCounters::default()
            },
            parts_before: 0,
            part: 0,
            parts: 0,
            body_checksum: 0,
        };
        let payload = record::encode(&head, &Delta::default(), None, 1 << 20).remove(0);
        let books = |stored| BrokerCounts {
            stored,
            redriven: 0,
            records: vec![StoredPart {
                sequence: 4,
                payload: payload.clone(),
            }],
        };
        let reconciler = Reconciler::default();
        let balance = |books: &BrokerCounts| reconciler.balance(&barrier(1, 0, 0), 1, None, Some(books));
        assert!(balance(&books(4)).imbalance.is_none());
        assert!(
            balance(&books(5))
                .imbalance
                .is_some_and(|why| why.contains("sum up to 4"))
        );
        assert!(balance(&books(5)).imbalance.is_none(), "told once");
        assert!(balance(&books(6)).imbalance.is_some(), "another one");
        assert!(balance(&books(4)).imbalance.is_none(), "all is well again");
        assert_eq!(reconciler.imbalances(), 2);
    }
}
