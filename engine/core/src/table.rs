//! What a partition keeps of a table: its rows, and up to where it was read.
//!
//! Each row bears the tag of the table that it was read of: of its declaration, and of the stream as it was made. So
//! when either is another one, the rows of before are none of the table's any more, from one moment to the next. They
//! go bit by bit behind that.

use serde::{Deserialize, Serialize};

use crate::{manifest::TableManifest, name::Name};

/// What the steps begin with that are tables; no pipeline can name one like it.
const STEP: &str = "~table.";
/// Where the readings of all tables lie.
pub const READINGS: &str = "~tables";

/// Up to where a partition has taken in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// The tag of the rows that count.
    pub tag: u32,
    /// The last sequence of its stream.
    pub sequence: u64,
    /// Whether rows with other tags may be left.
    pub has_old_rows: bool,
    /// The load that the rows began with; none of a table that is all messages.
    #[serde(skip)]
    pub load: Option<Load>,
}

/// A load of what another pipeline keeps, of its snapshots. What comes of its commits is behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// A random number: the rows of two loads are never taken for each other.
    pub id: u64,
    /// Whether it is not complete. The sequence then counts its pieces.
    pub is_under_way: bool,
}

/// Damage of what is kept of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is kept of a table cannot be read: {0}")]
pub struct TableError(postcard::Error);

/// The step under which the rows of a table lie.
pub fn step(table: &Name) -> String {
    format!("{STEP}{table}")
}

/// Whether a step is a table's.
pub fn is_step(step: &str) -> bool {
    step.starts_with(STEP)
}

/// The tag of the rows of a table, of a stream that was made then. It is never 0.
pub fn tag(table: &TableManifest, stream: &str, created: &str) -> u32 {
    let told = serde_json::to_vec(&(table, stream, created)).unwrap_or_default();
    crc32fast::hash(&told).max(1)
}

/// The same of a table that begins with a load.
pub fn tag_of_load(table: &TableManifest, stream: &str, created: &str, load: Load) -> u32 {
    let told = serde_json::to_vec(&(table, stream, created, load.id)).unwrap_or_default();
    crc32fast::hash(&told).max(1)
}

impl Reading {
    /// As the value of an entry. A load follows what every reading has, so engines from before it read the rest.
    pub fn encode(&self) -> Vec<u8> {
        let common = postcard::to_stdvec(self).expect("it always serialises into memory");
        match &self.load {
            Some(load) => postcard::to_extend(load, common).expect("it always serialises into memory"),
            None => common,
        }
    }

    /// From the value of an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, TableError> {
        let (reading, rest): (Self, &[u8]) = postcard::take_from_bytes(bytes).map_err(TableError)?;
        let load = (!rest.is_empty()).then(|| postcard::from_bytes(rest)).transpose();
        let load = load.map_err(TableError)?;
        Ok(Self { load, ..reading })
    }

    /// Whether a load is under way: then the rows are not all there, and the sequence is none of the stream.
    pub fn is_loading(&self) -> bool {
        self.load.is_some_and(|load| load.is_under_way)
    }
}

/// A row as the value of an entry.
pub fn encode_row(tag: u32, payload: &[u8]) -> Vec<u8> {
    [&tag.to_le_bytes(), payload].concat()
}

/// The tag and the payload of a row.
pub fn decode_row(mut bytes: Vec<u8>) -> Result<(u32, Vec<u8>), TableError> {
    let Some(tag) = bytes.first_chunk().copied().map(u32::from_le_bytes) else {
        return Err(TableError(postcard::Error::DeserializeUnexpectedEnd));
    };
    bytes.drain(..size_of::<u32>());
    Ok((tag, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_with_its_tag() {
        let row = encode_row(7, b"{}");
        assert_eq!(decode_row(row).unwrap(), (7, b"{}".to_vec()));
        assert_eq!(decode_row(encode_row(7, b"")).unwrap(), (7, Vec::new()));
        assert!(decode_row(vec![1, 2]).is_err());
    }

    #[test]
    fn a_reading_reads_back() {
        let reading = Reading {
            tag: 9,
            sequence: 1 << 40,
            has_old_rows: true,
            load: None,
        };
        assert_eq!(Reading::decode(&reading.encode()).unwrap(), reading);
        let is_under_way = true;
        let loading = Reading {
            load: Some(Load {
                id: 1 << 50,
                is_under_way,
            }),
            ..reading
        };
        assert_eq!(Reading::decode(&loading.encode()).unwrap(), loading);
        // An engine from before loads reads what it knows.
        assert!(loading.encode().starts_with(&reading.encode()));
    }
}
