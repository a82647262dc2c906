//! Items by a short hash of their id.
//!
//! Rows of neighbours hold hundreds of items, and ids may be long: a hash of 48 bits takes 6 bytes.
//! Two of a million items share a hash with a probability of 0.2 %, and then share a row.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hash, Hasher},
};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use crate::packed::Record;

/// An item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item(u64);

impl Item {
    /// The item with this id.
    pub fn of(id: &str) -> Self {
        Self(SipHasher13::new().hash(id.as_bytes()) >> 16)
    }

    /// Its key in a table, also a token of a subject: twelve characters, whatever the id holds.
    pub fn key(self) -> String {
        format!("{:012x}", self.0)
    }

    /// State key of the item's row.
    pub fn row_key(self) -> String {
        format!("neighbours/{}", self.key())
    }

    /// State key of the item's id.
    pub fn id_key(self) -> String {
        format!("id/{}", self.key())
    }
}

impl Record for Item {
    const WIDTH: usize = 6;

    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.0.to_le_bytes()[..Self::WIDTH]);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let mut number = [0; 8];
        number
            .get_mut(..bytes.len())
            .filter(|_| bytes.len() == Self::WIDTH)?
            .copy_from_slice(bytes);
        Some(Self(u64::from_le_bytes(number)))
    }
}

impl Record for (Item, f32) {
    const WIDTH: usize = Item::WIDTH + 4;

    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
        bytes.extend_from_slice(&self.1.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let (item, weight) = bytes.split_at_checked(Item::WIDTH)?;
        Some((Item::take(item)?, f32::from_le_bytes(weight.try_into().ok()?)))
    }
}

impl Record for (Item, f64) {
    const WIDTH: usize = Item::WIDTH + 8;

    fn put(&self, bytes: &mut Vec<u8>) {
        self.0.put(bytes);
        bytes.extend_from_slice(&self.1.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        let (item, score) = bytes.split_at_checked(Item::WIDTH)?;
        Some((Item::take(item)?, f64::from_le_bytes(score.try_into().ok()?)))
    }
}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// A set of items. Items are hashes already, so theirs only spreads the bits: it is quick, and the
/// same in every run.
pub type ItemSet = HashSet<Item, BuildHasherDefault<SpreadHasher>>;
/// A map by item.
pub type ItemMap<T> = HashMap<Item, T, BuildHasherDefault<SpreadHasher>>;

/// Spreads the 48 bits of an item over 64.
#[derive(Default)]
pub struct SpreadHasher(u64);

impl Hasher for SpreadHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The odd number nearest to 2^64 divided by the golden ratio (Knuth, 1973).
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::Item;
    use crate::packed::Record;

    #[test]
    fn records_come_back_as_they_went() {
        let item = Item::of("21");
        let mut bytes = Vec::new();
        item.put(&mut bytes);
        (item, 0.5_f32).put(&mut bytes);
        (item, 0.25_f64).put(&mut bytes);
        assert_eq!(bytes.len(), 6 + 10 + 14);
        assert_eq!(Item::take(&bytes[..6]), Some(item));
        assert_eq!(<(Item, f32)>::take(&bytes[6..16]), Some((item, 0.5)));
        assert_eq!(<(Item, f64)>::take(&bytes[16..]), Some((item, 0.25)));
        assert_eq!(Item::take(&bytes[..5]), None);
    }

    #[test]
    fn keys_of_an_item_are_the_same_in_every_release() {
        assert_eq!(Item::of("21").row_key(), "neighbours/4da205ec8675");
    }
}
