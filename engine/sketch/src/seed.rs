//! Keyed hashing of items. The key is the tenant's own and random, so nobody outside can craft items
//! that collide, and two tenants' sketches say nothing of each other.

use std::{borrow::Cow, fmt, hash::Hasher as _};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// Longest item kept as it is, in bytes: it bounds the list of `top`.
const MAX_ITEM_BYTES: usize = 256;
/// What stands for the rest of a longer one: an ellipsis and 16 hexadecimal digits.
const SHORTENED_TAIL_BYTES: usize = 3 + 16;

/// A tenant's key for hashing: 128 random bits. A secret; it is not printed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSeed(u64, u64);

impl TenantSeed {
    /// From two random numbers.
    pub fn new(first: u64, second: u64) -> Self {
        Self(first, second)
    }
}

impl fmt::Debug for TenantSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantSeed(secret)")
    }
}

/// The hash of an item under a tenant's seed (SipHash-1-3).
pub fn hash_item(seed: TenantSeed, item: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed.0, seed.1);
    hasher.write(item.as_bytes());
    hasher.finish()
}

/// The rank of an item in samples, by a number that is its own: the sequence of its event.
pub fn rank(seed: TenantSeed, number: u64) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed.0, seed.1);
    // Behind a word that no hash of an item of eight bytes begins with.
    hasher.write(b"sample");
    hasher.write(&number.to_le_bytes());
    hasher.finish()
}

/// The item itself, or a short form of one that sketches do not keep whole.
pub(crate) fn shorten_item(seed: TenantSeed, item: &str) -> Cow<'_, str> {
    shorten(seed, item, MAX_ITEM_BYTES)
}

/// A text itself, or a short form of one longer than `most_bytes`, which is more than 19: long texts
/// that differ stay different.
pub fn shorten(seed: TenantSeed, item: &str, most_bytes: usize) -> Cow<'_, str> {
    if item.len() <= most_bytes {
        return Cow::Borrowed(item);
    }
    let kept = item.floor_char_boundary(most_bytes.saturating_sub(SHORTENED_TAIL_BYTES));
    Cow::Owned(format!("{}…{:016x}", &item[..kept], hash_item(seed, item)))
}

/// Whether an item may stand in a sketch as it is.
pub(crate) fn is_short(item: &str) -> bool {
    item.len() <= MAX_ITEM_BYTES
}

/// Another hash from a hash (SplitMix64's finaliser: Steele, Lea and Flood, 2014).
pub(crate) fn mix(hash: u64) -> u64 {
    let mut z = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_not_printed() {
        assert_eq!(
            format!("{:?}", TenantSeed::new(4_711, 4_712)),
            "TenantSeed(secret)"
        );
    }

    #[test]
    fn long_items_are_cut_at_a_character_and_stay_different() {
        let seed = TenantSeed::new(1, 1);
        let (one, other) = ("é".repeat(1_000), "é".repeat(1_001));
        assert!(shorten_item(seed, &one).len() <= MAX_ITEM_BYTES);
        assert_ne!(shorten_item(seed, &one), shorten_item(seed, &other));
        assert_eq!(shorten_item(seed, "short"), "short");
    }
}
