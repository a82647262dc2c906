//! The commit record: what stands last on a partition's commit subject and says what is committed.
//!
//! A record is split into parts where it would pass the broker's payload limit. Every part bears the whole
//! [`Head`], so the last message of the subject alone tells position and commit number. Each part carries its
//! own checksum, and the body (the delta and the order log: postcard, LZ4) one over all parts; a record that does not
//! verify is reported and never guessed at.
//!
//! Why: docs/decisions/0011-producer-epoch.md
//! Why: docs/decisions/0172-a-record-holds-its-order-and-its-fates.md

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::{delta::Delta, order_log::OrderLog, outcome::OutcomeCounters, watermark::InputClock};

/// First bytes of every part: a magic and the version of this layout.
const MAGIC: &[u8; 4] = b"TRC\x01";
/// Magic, checksum, length of the head.
const PREFIX_BYTES: usize = 4 + 4 + 2;
/// What the fields of a head that only the record knows may add to it: the number of the part, how many there are,
/// the checksum.
const HEAD_GROWTH: usize = 16;
/// More than the record takes that a partition begins with.
const BEGINNING_BYTES: usize = 4 * 1024;
/// A decoded delta beyond this is refused: a batch is bounded to far less, so it can only be damage.
const MAX_DELTA_BYTES: usize = 512 * 1024 * 1024;

/// What every part says of its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Counts the partition's commits, from 1 without a gap; 0 in the record that it begins with.
    pub commit: u64,
    /// Producer epoch: a random number of the run of the partition that wrote it. By it the run knows its own
    /// commit again when the broker's answer was lost.
    pub producer_epoch: u64,
    /// Sequence of the last input event whose effects are committed; 0 before the first.
    pub position: u64,
    /// The same for events sent again from the dead letters.
    pub redrive_position: u64,
    /// Revision of the pipeline that processed the last event.
    pub revision: u64,
    /// The watermark of the partition in milliseconds (see [`crate::watermark`]).
    pub watermark_ms: u64,
    /// The clock of the input at the position.
    #[serde(skip)]
    pub clock: InputClock,
    /// What the partition's events came to since its first commit, this one included.
    #[serde(with = "first_columns")]
    pub outcomes: OutcomeCounters,
    /// Parts of all records before this one.
    pub parts_before: u64,
    /// Which part this is, from 0.
    pub part: u32,
    /// How many parts the record has.
    pub parts: u32,
    /// CRC-32 of the whole compressed body.
    pub body_checksum: u32,
}

/// What was added to the head since its layout was first written. It follows the head, and what is
/// missing at its end counts as 0: so records from before an addition are read, and an engine from
/// before it reads those that have it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Additions {
    /// [`OutcomeCounters::shed`].
    shed: u64,
}

/// The outcome counters as the first layout of the head had them.
mod first_columns {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::outcome::OutcomeCounters;

    pub(super) fn serialize<S: Serializer>(
        outcomes: &OutcomeCounters,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        outcomes.first_columns().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<OutcomeCounters, D::Error> {
        <[u64; 10]>::deserialize(deserializer).map(OutcomeCounters::from_first_columns)
    }
}

/// A record that is whole and verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Of the last part.
    pub head: Head,
    /// What the commit changed.
    pub delta: Delta,
    /// In which order; none in the record that a partition begins with, in those of engines from before there was one,
    /// and in those of later ones that write it otherwise.
    pub order: Option<OrderLog>,
}

/// Damage of a record. It is the broker's disk or our bug, never the tenant's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a record of this version.
    #[error("the message is no commit record of this version")]
    Foreign,
    /// The bytes are not those that were written.
    #[error("the commit record's checksum does not match: it is damaged")]
    Checksum,
    /// Parts are missing or out of order.
    #[error("the commit record has parts missing: expected part {expected}, found {found}")]
    Parts {
        /// Next part due.
        expected: u32,
        /// What came instead.
        found: u32,
    },
    /// The body does not decode though its checksum is right.
    #[error("the commit record's delta cannot be read: {0}")]
    Delta(String),
    /// The same of what follows the delta.
    #[error("the commit record's order log cannot be read: {0}")]
    Order(String),
}

/// The body of a record, as it is cut into parts.
pub fn encode_body(delta: &Delta, order: Option<&OrderLog>) -> Vec<u8> {
    let plain = match order {
        Some(order) => order.append_to(delta.encode_whole()),
        None => delta.encode(),
    };
    lz4_flex::compress_prepend_size(&plain)
}

/// Encodes a record into messages of at most `max_part_bytes`.
pub fn encode(head: &Head, delta: &Delta, order: Option<&OrderLog>, max_part_bytes: usize) -> Vec<Bytes> {
    let body = encode_body(delta, order);
    let head_bytes = encode_part(head, &[]).len() + HEAD_GROWTH;
    let room = max_part_bytes.saturating_sub(head_bytes).max(1024);
    let parts = body.len().div_ceil(room).max(1) as u32;
    let body_checksum = crc32fast::hash(&body);
    (0..parts)
        .map(|part| {
            let start = part as usize * room;
            let chunk = &body[start..body.len().min(start + room)];
            encode_part(
                &Head {
                    part,
                    parts,
                    body_checksum,
                    ..head.clone()
                },
                chunk,
            )
        })
        .collect()
}

/// The record that a partition begins with: of commit 0, before any event, and without an effect.
pub fn beginning() -> Bytes {
    let head = Head {
        commit: 0,
        producer_epoch: 0,
        position: 0,
        redrive_position: 0,
        revision: 0,
        watermark_ms: 0,
        clock: InputClock::default(),
        outcomes: OutcomeCounters::default(),
        parts_before: 0,
        part: 0,
        parts: 0,
        body_checksum: 0,
    };
    let mut parts = encode(&head, &Delta::default(), None, BEGINNING_BYTES);
    parts.pop().unwrap_or_default()
}

fn encode_part(head: &Head, chunk: &[u8]) -> Bytes {
    let additions = Additions {
        shed: head.outcomes.shed,
    };
    let read = head.clock.witness().map_or(0, |witness| witness.sequence);
    let head = postcard::to_stdvec(&(head, additions, &head.clock, read))
        .expect("a head always serialises into memory");
    let mut part = BytesMut::with_capacity(PREFIX_BYTES + head.len() + chunk.len());
    part.put_slice(MAGIC);
    part.put_u32_le(0);
    part.put_u16_le(head.len() as u16);
    part.put_slice(&head);
    part.put_slice(chunk);
    let checksum = crc32fast::hash(&part[8..]);
    part[4..8].copy_from_slice(&checksum.to_le_bytes());
    part.freeze()
}

/// Reads the head of one part, and its share of the body.
pub fn decode_part(part: &Bytes) -> Result<(Head, Bytes), RecordError> {
    if part.len() < PREFIX_BYTES || &part[..4] != MAGIC {
        return Err(RecordError::Foreign);
    }
    let stored = u32::from_le_bytes([part[4], part[5], part[6], part[7]]);
    if crc32fast::hash(&part[8..]) != stored {
        return Err(RecordError::Checksum);
    }
    let head_end = PREFIX_BYTES + usize::from(u16::from_le_bytes([part[8], part[9]]));
    let head_bytes = part.get(PREFIX_BYTES..head_end).ok_or(RecordError::Foreign)?;
    let (mut head, added): (Head, &[u8]) =
        postcard::take_from_bytes(head_bytes).map_err(|_| RecordError::Foreign)?;
    if !added.is_empty() {
        let foreign = |_| RecordError::Foreign;
        let (additions, added): (Additions, &[u8]) = postcard::take_from_bytes(added).map_err(foreign)?;
        head.outcomes.shed = additions.shed;
        if !added.is_empty() {
            let (clock, added): (InputClock, &[u8]) = postcard::take_from_bytes(added).map_err(foreign)?;
            head.clock = clock;
            if !added.is_empty() {
                head.clock
                    .set_read_sequence(postcard::from_bytes(added).map_err(foreign)?);
            }
        }
    }
    Ok((head, part.slice(head_end..)))
}

/// Puts records together from parts as they are read off the commit subject, in order.
#[derive(Debug, Default)]
pub struct Assembler {
    body: Vec<u8>,
    next_part: u32,
}

impl Assembler {
    /// Takes the next message; gives the record when it is complete.
    pub fn push(&mut self, part: &Bytes) -> Result<Option<Record>, RecordError> {
        let (head, chunk) = decode_part(part)?;
        if head.part != self.next_part {
            return Err(RecordError::Parts {
                expected: self.next_part,
                found: head.part,
            });
        }
        self.body.extend_from_slice(&chunk);
        self.next_part += 1;
        if self.next_part < head.parts {
            return Ok(None);
        }
        let body = std::mem::take(&mut self.body);
        self.next_part = 0;
        let (delta, order) = decode_body(&head, &body)?;
        Ok(Some(Record { head, delta, order }))
    }
}

fn decode_body(head: &Head, body: &[u8]) -> Result<(Delta, Option<OrderLog>), RecordError> {
    if crc32fast::hash(body) != head.body_checksum {
        return Err(RecordError::Checksum);
    }
    let damaged = |cause: String| RecordError::Delta(cause);
    let (size, packed) =
        lz4_flex::block::uncompressed_size(body).map_err(|cause| damaged(cause.to_string()))?;
    if size > MAX_DELTA_BYTES {
        return Err(damaged(format!("it claims {size} bytes")));
    }
    let plain = lz4_flex::decompress(packed, size).map_err(|cause| damaged(cause.to_string()))?;
    let (delta, rest) = Delta::decode(&plain).map_err(|cause| damaged(cause.to_string()))?;
    let order = if rest.is_empty() {
        None
    } else {
        OrderLog::decode(rest).map_err(RecordError::Order)?
    };
    Ok((delta, order))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::delta::{StateValue, StateWrites, VectorWrites};

    /// What every record has.
    type Delta3 = (
        BTreeMap<String, StateWrites>,
        BTreeMap<String, VectorWrites>,
        BTreeMap<String, Vec<tailrace_sketch::Update>>,
    );

    fn head() -> Head {
        Head {
            commit: 7,
            producer_epoch: 9,
            position: 1200,
            redrive_position: 3,
            revision: 2,
            watermark_ms: 5,
            clock: InputClock::default(),
            outcomes: OutcomeCounters {
                events: 3,
                emitted: 3,
                ..OutcomeCounters::default()
            },
            parts_before: 6,
            part: 0,
            parts: 0,
            body_checksum: 0,
        }
    }

    /// Values that do not compress, so that the record needs several parts.
    fn delta(values: u64) -> Delta {
        let mut delta = Delta::default();
        let writes = delta.state.entry("count".to_owned()).or_default();
        for index in 0..values {
            let value = (0..32)
                .flat_map(|n| crc32fast::hash(&[index as u8, n]).to_le_bytes())
                .collect();
            writes.insert(
                format!("key-{index}"),
                Some(StateValue {
                    value,
                    expires_ms: None,
                }),
            );
        }
        delta
    }

    fn assemble(parts: &[Bytes]) -> Result<Option<Record>, RecordError> {
        let mut assembler = Assembler::default();
        let mut last = Ok(None);
        for part in parts {
            last = Ok(assembler.push(part)?);
        }
        last
    }

    #[test]
    fn a_record_reads_back_whole_from_one_part_or_many() {
        for (values, limit) in [(0, 1 << 20), (3, 1 << 20), (200, 4096)] {
            let parts = encode(&head(), &delta(values), None, limit);
            assert!(parts.iter().all(|part| part.len() <= limit));
            let record = assemble(&parts).unwrap().expect("complete");
            assert_eq!((record.head.commit, record.head.position), (7, 1200));
            assert_eq!(record.delta, delta(values));
        }
        assert!(encode(&head(), &delta(200), None, 4096).len() > 1);
    }

    #[test]
    fn heads_from_before_an_addition_and_after_it_are_read() {
        let shed = OutcomeCounters {
            shed: 5,
            ..head().outcomes
        };
        let head = Head {
            outcomes: shed,
            ..head()
        };
        let part = encode(&head, &delta(1), None, 1 << 20).remove(0);
        assert_eq!(decode_part(&part).unwrap().0.outcomes, shed);
        // As it was written before: the struct's own fields, one after the other, and nothing behind.
        let outcomes = (
            3_u64, 0_u64, 3_u64, 0_u64, 0_u64, 0_u64, 0_u64, 0_u64, 0_u64, 0_u64,
        );
        let fields = (
            7_u64, 9_u64, 1200_u64, 3_u64, 2_u64, 5_u64, outcomes, 6_u64, 0_u32, 1_u32, 0_u32,
        );
        let before = postcard::to_stdvec(&fields).unwrap();
        let mut old = MAGIC.to_vec();
        old.extend([0; 4]);
        old.extend((before.len() as u16).to_le_bytes());
        old.extend(&before);
        let checksum = crc32fast::hash(&old[8..]);
        old[4..8].copy_from_slice(&checksum.to_le_bytes());
        let read = decode_part(&Bytes::from(old)).unwrap().0;
        assert_eq!(
            (read.position, read.outcomes.events, read.outcomes.shed),
            (1200, 3, 0)
        );
    }

    #[test]
    fn the_message_that_was_read_last_stands_behind_the_clock() {
        let mut read = head();
        read.clock.read(1_200, 5_000);
        let part = encode(&read, &delta(1), None, 1 << 20).remove(0);
        let clock = decode_part(&part).unwrap().0.clock;
        let witness = clock.witness().expect("it is written");
        assert_eq!((witness.sequence, witness.received_ms), (1_200, 5_000));
        // An engine from before it ends with the clock; what it wrote is read without.
        let before = postcard::to_stdvec(&clock).unwrap();
        let behind = postcard::to_stdvec(&(&clock, 1_200_u64)).unwrap();
        assert_eq!(
            postcard::from_bytes::<InputClock>(&behind),
            postcard::from_bytes(&before)
        );
        assert!(
            postcard::from_bytes::<InputClock>(&before)
                .unwrap()
                .witness()
                .is_none()
        );
    }

    #[test]
    fn divided_sketches_travel_behind_what_every_record_has() {
        use crate::{delta::*, series::*};
        let mut divided = delta(1);
        let placed = |group| Placed {
            window_start_ms: Some(60_000),
            is_late: false,
            group: Some(group),
            update: tailrace_sketch::Update::Observe(1.5),
        };
        let measured = Measured {
            window: Some(WindowRule {
                length_ms: 60_000,
                keep_ms: 1,
            }),
            most_groups: 3,
            clock_ms: 61_000,
            updates: vec![placed(Group::Missing), placed(Group::Value("en".to_owned()))],
        };
        divided.measured.insert("amounts".to_owned(), measured);
        let record = assemble(&encode(&head(), &divided, None, 1 << 20)).unwrap();
        assert_eq!(record.expect("complete").delta, divided);
        assert!(divided.encode().starts_with(&delta(1).encode()));
    }

    #[test]
    fn an_order_log_travels_behind_the_delta_and_an_engine_from_before_leaves_it() {
        let mut order = OrderLog::default();
        order.push(crate::order_log::Step::Events(3));
        let parts = encode(&head(), &delta(200), Some(&order), 4096);
        let record = assemble(&parts).unwrap().expect("complete");
        assert_eq!((record.delta, record.order), (delta(200), Some(order.clone())));
        let body = lz4_flex::decompress_size_prepended(&encode_body(&delta(2), Some(&order))).unwrap();
        // As it was read before: what every record has, then what is measured, and what follows was not looked at.
        let (common, rest): (Delta3, &[u8]) = postcard::take_from_bytes(&body).unwrap();
        let measured: BTreeMap<String, crate::delta::Measured> = postcard::from_bytes(rest).unwrap();
        assert_eq!((common.0, measured), (delta(2).state, BTreeMap::new()));
        let none = assemble(&encode(&head(), &delta(2), None, 4096)).unwrap();
        assert_eq!(none.expect("complete").order, None);
    }

    #[test]
    fn an_order_log_that_cannot_be_read_is_an_error() {
        let mut plain = delta(1).encode_whole();
        for follows in [&[0][..], &[1], &[1, 0, 200], &[1, 0, 1, 99, 0]] {
            plain.truncate(delta(1).encode_whole().len());
            plain.extend(follows);
            let body = lz4_flex::compress_prepend_size(&plain);
            let head = Head {
                body_checksum: crc32fast::hash(&body),
                parts: 1,
                ..head()
            };
            let read = assemble(&[encode_part(&head, &body)]);
            assert!(
                matches!(read, Err(RecordError::Order(_))),
                "{follows:?}: {read:?}"
            );
        }
    }

    #[test]
    fn the_last_part_alone_tells_position_and_commit() {
        let parts = encode(&head(), &delta(200), None, 4096);
        let (last, _) = decode_part(parts.last().unwrap()).unwrap();
        assert_eq!((last.commit, last.position, last.redrive_position), (7, 1200, 3));
    }

    #[test]
    fn every_flipped_bit_and_every_missing_part_is_noticed() {
        let parts = encode(&head(), &delta(1), None, 1 << 20);
        for byte in 0..parts[0].len() {
            let mut damaged = parts[0].to_vec();
            damaged[byte] ^= 0x10;
            assert!(assemble(&[damaged.into()]).is_err(), "byte {byte}");
        }
        let parts = encode(&head(), &delta(200), None, 4096);
        assert!(matches!(
            assemble(&parts[1..]),
            Err(RecordError::Parts {
                expected: 0,
                found: 1
            })
        ));
        assert!(decode_part(&Bytes::from_static(b"hello")).is_err());
    }
}
