//! What a join keeps of an event, and the row that two events make.
//!
//! An entry's key is the value that both have, as JSON, then side, time and number. So the partners that an event can
//! have lie side by side. In front of what is kept stands a checksum of the declaration.

use serde::{Deserialize, Serialize};

use crate::{
    manifest::{JoinManifest, JoinSide},
    name::Name,
    window::Members,
};

/// What the steps begin with that are joins; no pipeline can name one like it.
const STEP: &str = "~join.";
/// Between the value and the rest of a key. The value is JSON, which holds none.
const SEPARATOR: char = '\0';

/// An event that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its payload.
    pub payload: Vec<u8>,
    /// Whether it has had a partner.
    pub partner: Partner,
}

/// What is known of the partners that a kept event has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Partner {
    /// It has had none, as far as that is noted: an event that is not told alone meets its partners unnoted.
    None,
    /// It has had one.
    Had,
    /// It was kept while nothing was noted, and may have had one. It is not told alone, and that is counted.
    Unknown,
}

impl From<bool> for Partner {
    fn from(is_paired: bool) -> Self {
        if is_paired { Self::Had } else { Self::None }
    }
}

/// Which event of a side it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId {
    /// Its side.
    pub side: JoinSide,
    /// Its time, in milliseconds.
    pub time_ms: u64,
    /// Its sequence.
    pub sequence: u64,
    /// Which of the messages it is that came of that event.
    pub number: u32,
}

impl RowId {
    /// The length of [`RowId::encode`] in bytes: a letter and three numbers.
    pub const ENCODED_LENGTH: usize = 1 + 16 + 16 + 8;

    /// As a part of keys, in their order.
    pub fn encode(&self) -> String {
        let Self {
            side,
            time_ms,
            sequence,
            number,
        } = self;
        format!("{}{time_ms:016x}{sequence:016x}{number:08x}", letter(*side))
    }

    /// From a part of a key.
    pub fn decode(text: &str) -> Option<Self> {
        let (side, numbers) = text.split_at_checked(1)?;
        let side = [JoinSide::Left, JoinSide::Right]
            .into_iter()
            .find(|of| letter(*of) == side)?;
        let (time, rest) = numbers.split_at_checked(16)?;
        let (sequence, number) = rest.split_at_checked(16)?;
        Some(Self {
            side,
            time_ms: u64::from_str_radix(time, 16).ok()?,
            sequence: u64::from_str_radix(sequence, 16).ok()?,
            number: u32::from_str_radix(number, 16).ok()?,
        })
    }
}

fn letter(side: JoinSide) -> &'static str {
    match side {
        JoinSide::Left => "l",
        JoinSide::Right => "r",
    }
}

/// The step under which a join keeps events.
pub fn step(join: &Name) -> String {
    format!("{STEP}{join}")
}

/// Whether a step is a join's.
pub fn is_step(step: &str) -> bool {
    step.starts_with(STEP)
}

/// What makes kept events partners.
pub fn shape(join: &JoinManifest, begun: u64) -> u32 {
    let mut shape = serde_json::to_vec(&(&join.left, &join.right, &join.on)).unwrap_or_default();
    if begun > 0 {
        shape.extend(begun.to_le_bytes());
    }
    crc32fast::hash(&shape)
}

/// The key of a kept event with this value.
pub fn key(value: &str, id: RowId) -> String {
    format!("{}{}", value_prefix(value), id.encode())
}

/// What the keys begin with of the events of this value and side.
pub fn side_prefix(value: &str, side: JoinSide) -> String {
    format!("{}{}", value_prefix(value), letter(side))
}

/// What the keys begin with of the events of this value, side and time.
pub fn time_prefix(value: &str, side: JoinSide, time_ms: u64) -> String {
    format!("{}{}{time_ms:016x}", value_prefix(value), letter(side))
}

/// What the keys begin with of the events of this value, of either side.
pub fn value_prefix(value: &str) -> String {
    format!("{value}{SEPARATOR}")
}

/// The value and the event of a key.
pub fn read_key(key: &str) -> Option<(&str, RowId)> {
    let (value, id) = key.rsplit_once(SEPARATOR)?;
    Some((value, RowId::decode(id)?))
}

/// What is kept, as bytes.
pub fn encode(shape: u32, kept: &Kept) -> Vec<u8> {
    postcard::to_stdvec(&(shape, kept)).expect("it always serialises into memory")
}

/// What bytes keep; none for an event of another declaration.
pub fn decode(shape: u32, bytes: &[u8]) -> Result<Option<Kept>, postcard::Error> {
    let (of, kept): (u32, &[u8]) = postcard::take_from_bytes(bytes)?;
    if of != shape {
        return Ok(None);
    }
    postcard::from_bytes(kept).map(Some)
}

/// The row of two events, or of one without a partner, as a JSON object. Both payloads are JSON.
pub fn row(name: &Name, value: &str, left: Option<&str>, right: Option<&str>) -> String {
    let mut members = Members::default();
    members.text("join", name.as_str());
    members.raw("key", value);
    for (side, payload) in [("left", left), ("right", right)] {
        let payload = payload.map(|payload| payload.trim_start_matches('\u{feff}').trim());
        members.raw(side, payload.unwrap_or("null"));
    }
    members.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RowId = RowId {
        side: JoinSide::Right,
        time_ms: 17,
        sequence: 3,
        number: 1,
    };

    #[test]
    fn a_key_reads_back_whatever_the_value() {
        for value in ["\"ann\"", "\"\\u0000l\"", "\"\"", "7"] {
            let key = key(value, ID);
            assert_eq!(read_key(&key), Some((value, ID)));
            assert_eq!(ID.encode().len(), RowId::ENCODED_LENGTH);
            assert!(key.starts_with(&side_prefix(value, JoinSide::Right)));
            assert!(key.starts_with(&time_prefix(value, JoinSide::Right, 17)));
            assert!(time_prefix(value, JoinSide::Right, 18) > key);
        }
    }

    #[test]
    fn what_is_kept_reads_back_under_its_own_declaration_only() {
        let kept = Kept {
            payload: b"{}".to_vec(),
            partner: Partner::Had,
        };
        let bytes = encode(7, &kept);
        // As it was when there were but two of them.
        let before = postcard::to_stdvec(&(7_u32, b"{}".to_vec(), true)).unwrap();
        assert_eq!(bytes, before);
        assert_eq!(decode(7, &bytes).unwrap(), Some(kept));
        assert_eq!(decode(8, &bytes).unwrap(), None);
        assert!(decode(7, &bytes[..3]).is_err());
    }

    #[test]
    fn a_row_holds_the_payloads_as_they_came() {
        let name = Name::new("j").unwrap();
        let row = row(&name, "\"a\"", Some("\u{feff}{\"n\": 1.10}\n"), None);
        assert_eq!(row, r#"{"join":"j","key":"a","left":{"n": 1.10},"right":null}"#);
    }
}
