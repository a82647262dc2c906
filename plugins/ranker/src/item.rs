//! Items by a short hash of their id.
//!
//! Rows of neighbours hold hundreds of items, and ids may be long: a hash of 48 bits takes 7 bytes
//! packed. Two of a million items share a hash with a probability of 0.2 %, and then share a row.

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// An item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Item(u64);

impl Item {
    pub(crate) fn of(id: &str) -> Self {
        Self(SipHasher13::new().hash(id.as_bytes()) >> 16)
    }

    /// State key of the item's row.
    pub(crate) fn row_key(self) -> String {
        format!("row/{:012x}", self.0)
    }

    /// State key of the item's id.
    pub(crate) fn id_key(self) -> String {
        format!("id/{:012x}", self.0)
    }
}
