//! The order log of a batch: in which order a partition took what its record commits, and the fates that neither the
//! events nor the state decide. With it, processing is a pure function of what is recorded, and a replay gives the same
//! record to the byte.
//!
//! It holds only what a replay cannot know. Events and rows are counted, for their streams hold them. A *fate* is what
//! wall time, a quota, a try that was taken back or another instance of a plugin has decided. An item is an event, a
//! wake-up, a row or a page of a deletion; fates are of items by their number in the batch, from 0.
//!
//! It follows the delta in the record. An engine from before it reads the delta and leaves the rest.
//!
//! Why: docs/decisions/0172-a-record-holds-its-order-and-its-fates.md

use serde::{Deserialize, Serialize};

use crate::{
    observe::throttle::By, ports::plugins::TrapCode, trace::sampling::Sampling, watermark::InputClock,
};

/// First byte: the layout. Fields are added at the end of [`OrderLog`] in another one.
const LAYOUT: u8 = 1;
/// What a fate takes beside its text, at most.
const FATE_BYTES: usize = 32;

/// What a partition did in one batch, beside what events and state decide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLog {
    /// Largest message of the broker: what is larger is a dead letter.
    pub max_message_bytes: u64,
    /// In their order.
    pub steps: Vec<Step>,
    /// By the number of the item, ascending.
    pub fates: Vec<(u64, Fate)>,
    /// Sketches whose windows the batch said to be gone, though it measured nothing for them: it is said once in the
    /// life of a process.
    pub told: Vec<String>,
    /// The table whose old rows were looked through, and behind which key: a process remembers how far it is.
    pub swept: Option<(String, Option<String>)>,
}

/// One thing after the other, or so many of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The next so many events of the input that are the partition's.
    Events(u64),
    /// The next so many dead letters that were sent again.
    Redriven(u64),
    /// The first so many of what was due: timers, windows, joins.
    Wakes(u64),
    /// Rows of a table, one behind the other.
    Rows {
        /// The table.
        table: String,
        /// The tag of the rows that were read then.
        tag: u32,
        /// Sequence of the first.
        first: u64,
        /// How many.
        count: u64,
    },
    /// So many pages of the next order to delete state.
    Deletions(u64),
    /// A mark of the input: a tick, or how far it was read.
    Mark {
        /// The position.
        sequence: u64,
        /// The clock of the input there.
        #[serde(with = "whole_clock")]
        clock: InputClock,
    },
    /// The clock of the input did not go on from where it was: it ticked, or reading began anew.
    Clock {
        /// The event that comes next.
        sequence: u64,
        /// The clock with it.
        #[serde(with = "whole_clock")]
        clock: InputClock,
    },
    /// Only events of these partitions were read from here on, and moved the clock; all before any such step.
    Share(Vec<u32>),
    /// Events whose traces are followed were picked so from here on, and messages bear our spans; none before any such
    /// step.
    Traced(Option<Sampling>),
    /// Events were read by this revision; by that of the record before any such step.
    ReadBy(u64),
    /// A canary had its share of the keys from here on, or has none; none before any such step.
    Canary(Option<u64>),
    /// The tenant had too much of this from here on; of nothing before any such step.
    Full {
        /// State.
        state: bool,
        /// Vectors.
        vectors: bool,
    },
}

/// What became of an item, and would not have to in a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// There was no room under this limit for it and those behind it: for so many.
    Shed(By, u64),
    /// So many tries of it were taken back.
    Tries(u32),
    /// How a call of a plugin for it failed.
    Call {
        /// Which call, from 0.
        number: u32,
        /// Fuel that it used: an instance that has worked before may need another amount.
        fuel: u64,
        /// How it ended, where the same call might end otherwise.
        end: Option<CallEnd>,
    },
}

/// How a call ended that might have ended otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallEnd {
    /// The plugin asked for another try.
    Transient(String),
    /// It was stopped: by its deadline, or for want of room under a quota.
    Trap {
        /// By what.
        code: TrapCode,
        /// For a person to read.
        message: String,
        /// The guest's frames.
        backtrace: Vec<String>,
    },
}

impl Fate {
    /// Bytes that it takes in a record, about: a batch has room for so many.
    pub fn bytes(&self) -> usize {
        let text = match self {
            Self::Call { end: Some(end), .. } => match end {
                CallEnd::Transient(reason) => reason.len(),
                CallEnd::Trap {
                    message, backtrace, ..
                } => message.len() + backtrace.iter().map(String::len).sum::<usize>(),
            },
            _ => 0,
        };
        text + FATE_BYTES
    }
}

impl OrderLog {
    /// Behind these bytes.
    pub fn append_to(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(LAYOUT);
        postcard::to_extend(self, bytes).expect("an order log always serialises into memory")
    }

    /// From bytes of [`OrderLog::append_to`]; none where a later engine has laid it out otherwise, for what the record
    /// changes can be read all the same.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, String> {
        match bytes.split_first() {
            Some((&LAYOUT, log)) => postcard::from_bytes(log)
                .map(Some)
                .map_err(|cause| cause.to_string()),
            Some((later, _)) if *later > LAYOUT => Ok(None),
            _ => Err("what follows the delta is no order log".to_owned()),
        }
    }

    /// What became of an item: with the items before it, where they were shed like it.
    pub fn push_fate(&mut self, item: u64, fate: Fate) {
        if let (Some((first, Fate::Shed(by, count))), Fate::Shed(next, more)) = (self.fates.last_mut(), &fate)
            && by == next
            && first.saturating_add(*count) == item
        {
            *count += more;
            return;
        }
        self.fates.push((item, fate));
    }

    /// The limit by which an item was shed, if it was.
    pub fn shed(&self, item: u64) -> Option<By> {
        let behind = self.fates.partition_point(|(first, _)| *first <= item);
        self.fates[..behind]
            .iter()
            .rev()
            .find_map(|(first, fate)| match fate {
                Fate::Shed(by, count) => Some((item - first < *count).then_some(*by)),
                _ => None,
            })?
    }

    /// The other fates of an item.
    pub fn fates_of(&self, item: u64) -> impl Iterator<Item = &Fate> {
        let first = self.fates.partition_point(|(number, _)| *number < item);
        let own = self.fates[first..].iter();
        own.take_while(move |(number, _)| *number == item)
            .map(|(_, fate)| fate)
    }

    /// Another step: one more of the last, where it is of the same kind.
    pub fn push(&mut self, step: Step) {
        match (self.steps.last_mut(), &step) {
            (Some(Step::Events(count)), Step::Events(more))
            | (Some(Step::Redriven(count)), Step::Redriven(more))
            | (Some(Step::Wakes(count)), Step::Wakes(more))
            | (Some(Step::Deletions(count)), Step::Deletions(more)) => *count += more,
            (
                Some(Step::Rows {
                    table, tag, count, ..
                }),
                Step::Rows {
                    table: next,
                    tag: next_tag,
                    count: more,
                    ..
                },
            ) if table == next && tag == next_tag => *count += more,
            _ => self.steps.push(step),
        }
    }
}

/// A clock with the event that was read last: a record of a commit has that behind the clock.
mod whole_clock {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::watermark::InputClock;

    pub(super) fn serialize<S: Serializer>(clock: &InputClock, serializer: S) -> Result<S::Ok, S::Error> {
        let read = clock.witness().map_or(0, |witness| witness.sequence);
        (clock, read).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<InputClock, D::Error> {
        let (mut clock, read) = <(InputClock, u64)>::deserialize(deserializer)?;
        clock.set_read_sequence(read);
        Ok(clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> OrderLog {
        let mut log = OrderLog {
            max_message_bytes: 1 << 20,
            told: vec!["amounts".to_owned()],
            swept: Some(("customers".to_owned(), Some("k".to_owned()))),
            ..OrderLog::default()
        };
        for _ in 0..10_000 {
            log.push(Step::Events(1));
        }
        log.push(Step::ReadBy(4));
        log.push(Step::Full {
            state: true,
            vectors: false,
        });
        log.push(Step::Redriven(1));
        for first in 1..4 {
            log.push(Step::Rows {
                table: "customers".to_owned(),
                tag: 1,
                first,
                count: 1,
            });
        }
        let end = Some(CallEnd::Trap {
            code: TrapCode::Deadline,
            message: "it took too long".to_owned(),
            backtrace: vec!["process".to_owned()],
        });
        log.fates = vec![
            (3, Fate::Shed(By::TenantFuel, 2)),
            (9, Fate::Tries(3)),
            (
                9,
                Fate::Call {
                    number: 0,
                    fuel: 7,
                    end,
                },
            ),
        ];
        log
    }

    #[test]
    fn what_follows_one_another_is_counted() {
        assert_eq!(log().steps.len(), 5);
        assert_eq!(log().steps[0], Step::Events(10_000));
        assert!(matches!(
            log().steps[4],
            Step::Rows {
                first: 1,
                count: 3,
                ..
            }
        ));
    }

    #[test]
    fn items_that_are_shed_one_behind_the_other_are_one_fate() {
        let mut log = OrderLog::default();
        for item in [2, 3, 4] {
            log.push_fate(item, Fate::Shed(By::Events, 1));
        }
        log.push_fate(5, Fate::Tries(1));
        log.push_fate(6, Fate::Shed(By::Events, 1));
        log.push_fate(7, Fate::Shed(By::Outputs, 1));
        assert_eq!(log.fates.len(), 4);
        let shed: Vec<_> = (0..9).map(|item| log.shed(item)).collect();
        let (events, outputs) = (Some(By::Events), Some(By::Outputs));
        assert_eq!(
            shed,
            [None, None, events, events, events, None, events, outputs, None]
        );
        assert_eq!(log.fates_of(5).collect::<Vec<_>>(), [&Fate::Tries(1)]);
    }

    #[test]
    fn ten_thousand_events_take_a_few_bytes() {
        let log = OrderLog {
            max_message_bytes: 1 << 20,
            steps: vec![Step::Events(10_000)],
            ..OrderLog::default()
        };
        assert_eq!(log.append_to(Vec::new()).len(), 11);
    }

    #[test]
    fn a_log_reads_back_and_a_damaged_one_is_an_error() {
        let bytes = log().append_to(Vec::new());
        assert_eq!(OrderLog::decode(&bytes), Ok(Some(log())));
        for length in 0..bytes.len() {
            assert!(OrderLog::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        for byte in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[byte] ^= 1 << bit;
                // Another log or an error, and never a panic.
                let _ = OrderLog::decode(&damaged);
            }
        }
        assert_eq!(OrderLog::decode(&[2, 0]), Ok(None), "of a later engine");
        assert!(OrderLog::decode(&[0, 0]).is_err(), "of nobody");
        let lengths = [&[1, 0][..], &[0xff; 9], &[1; 64]].concat();
        assert!(
            OrderLog::decode(&lengths).is_err(),
            "more steps than there are bytes"
        );
    }
}
