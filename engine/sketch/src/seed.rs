//! Keyed hashing of items. The key is the tenant's own and random, so nobody outside can craft items
//! that collide, and two tenants' sketches say nothing of each other.

use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

/// A tenant's key for hashing: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSeed(u64, u64);

impl TenantSeed {
    /// From two random numbers.
    pub fn new(first: u64, second: u64) -> Self {
        Self(first, second)
    }
}

/// The hash of an item under a tenant's seed (SipHash-1-3).
pub fn hash_item(seed: TenantSeed, item: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed.0, seed.1);
    hasher.write(item.as_bytes());
    hasher.finish()
}

/// Another hash from a hash (SplitMix64's finaliser: Steele, Lea and Flood, 2014).
pub(crate) fn mix(hash: u64) -> u64 {
    let mut z = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
