//! A filter as data: one with few items as the distances between its bits, a full one as the bits,
//! whichever is shorter. An empty one takes 4 bytes instead of 16 KB, which every commit would write.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{BITS, Seen};
use crate::SketchError;

/// Where no more than one of so many bits is set, distances are shorter: they take one or two bytes.
const SPARSE_SHARE: u64 = 16;

/// What is encoded.
#[derive(Serialize, Deserialize)]
struct Wire {
    bits: Bits,
    updates: u64,
}

#[derive(Serialize, Deserialize)]
enum Bits {
    /// Distances between the bits that are set.
    Few(Vec<u32>),
    /// All of them, as little-endian words.
    All(Vec<u8>),
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Wire::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl From<Seen> for Wire {
    fn from(Seen { words, updates }: Seen) -> Self {
        let set: u64 = words.iter().map(|word| u64::from(word.count_ones())).sum();
        let bits = if set <= BITS / SPARSE_SHARE {
            Bits::Few(distances(&words))
        } else {
            Bits::All(words.iter().flat_map(|word| word.to_le_bytes()).collect())
        };
        Self { bits, updates }
    }
}

impl TryFrom<Wire> for Seen {
    type Error = SketchError;

    fn try_from(Wire { bits, updates }: Wire) -> Result<Self, SketchError> {
        let mut words = Self::default().words;
        match bits {
            Bits::Few(distances) => {
                let mut bit = 0;
                for distance in distances {
                    bit += distance as usize;
                    let word = words.get_mut(bit / 64);
                    *word.ok_or(SketchError::Damaged("it has a bit too many"))? |= 1 << (bit % 64);
                }
            }
            Bits::All(bytes) => {
                let (chunks, rest) = bytes.as_chunks::<8>();
                if chunks.len() != words.len() || !rest.is_empty() {
                    return Err(SketchError::Damaged("it has another number of bits"));
                }
                words = chunks.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
            }
        }
        Ok(Self { words, updates })
    }
}

fn distances(words: &[u64]) -> Vec<u32> {
    let mut distances = Vec::new();
    let mut before = 0;
    for (index, word) in words.iter().enumerate() {
        let mut rest = *word;
        while rest != 0 {
            let bit = index as u32 * 64 + rest.trailing_zeros();
            distances.push(bit - before);
            before = bit;
            rest &= rest - 1;
        }
    }
    distances
}
