//! A distinct count as data: the crate's own serialised form, which is small, and looked through field
//! by field before the crate sees it. The crate indexes by what it reads, so a register or code out
//! of place would panic at some later update; nothing passes here that it could not have written.

use hyperloglogplus::HyperLogLog as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Distinct, PRECISION};
use crate::SketchError;

/// Registers of 6 bits, five to a word of 32.
const REGISTERS: usize = 1 << PRECISION;
const REGISTERS_PER_WORD: usize = 5;
const REGISTER_BITS: usize = 6;
/// The most leading zeros, plus one, in what the index leaves of a hash.
const MAX_REGISTER: u32 = 64 - PRECISION as u32 + 1;
/// Bytes up to which codes are kept sparse: the size of the dense form, as the crate reckons it.
const MAX_SPARSE_BYTES: usize = 4 * REGISTERS / REGISTERS_PER_WORD;
/// Index bits of a sparse code.
const SPARSE_PRECISION: u32 = 25;
/// The bits of a sparse index that the dense one does not have.
const SPARSE_ONLY_MASK: u32 = (1 << (SPARSE_PRECISION - PRECISION as u32)) - 1;
/// The most leading zeros, plus one, in what the sparse index leaves of a hash.
const MAX_SPARSE_ZEROS: u32 = 64 - SPARSE_PRECISION + 1;

/// What is encoded.
#[derive(Serialize, Deserialize)]
pub(super) struct Wire {
    pub(super) registers: Vec<u8>,
    updates: u64,
}

/// The crate's `HyperLogLogPlus`, field by field: hasher, precision, counts, codes not yet merged,
/// sparse codes (how many, the last, differences as varints), registers (words, how many, how many
/// are zero), phantom.
pub(super) type Mirror = (
    (),
    u8,
    (u64, u64, u64),
    Vec<u32>,
    (u64, u32, Vec<u8>),
    Option<(Vec<u32>, u64, u64)>,
    (),
);

impl Serialize for Distinct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Wire::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl From<Distinct> for Wire {
    fn from(Distinct { mut sketch, updates }: Distinct) -> Self {
        // Counting merges the codes that wait, into the one form that the set of items has.
        let _ = sketch.count();
        let registers = postcard::to_stdvec(&sketch).expect("plain fields serialise into memory");
        Self { registers, updates }
    }
}

impl TryFrom<Wire> for Distinct {
    type Error = SketchError;

    fn try_from(Wire { registers, updates }: Wire) -> Result<Self, SketchError> {
        let damaged = |_| SketchError::Damaged("its registers do not decode");
        let (mirror, rest) = postcard::take_from_bytes::<Mirror>(&registers).map_err(damaged)?;
        if !rest.is_empty() || !is_whole(&mirror) {
            return Err(SketchError::Damaged("its registers hold what cannot be"));
        }
        let sketch = postcard::from_bytes(&registers).map_err(damaged)?;
        Ok(Self { sketch, updates })
    }
}

fn is_whole(((), precision, counts, waiting, sparse, dense, ()): &Mirror) -> bool {
    let expected = (REGISTERS as u64, 1 << 24, MAX_SPARSE_BYTES as u64);
    if *precision != PRECISION || *counts != expected || !waiting.is_empty() {
        return false;
    }
    match dense {
        None => is_whole_sparse(sparse),
        Some(dense) => *sparse == (0, 0, Vec::new()) && is_whole_dense(dense),
    }
}

fn is_whole_dense((words, count, zeros): &(Vec<u32>, u64, u64)) -> bool {
    if words.len() != REGISTERS.div_ceil(REGISTERS_PER_WORD) || *count != REGISTERS as u64 {
        return false;
    }
    let mut zeros_found = 0;
    for (index, word) in words.iter().enumerate() {
        let here = REGISTERS_PER_WORD.min(REGISTERS - index * REGISTERS_PER_WORD);
        if u64::from(*word) >> (here * REGISTER_BITS) != 0 {
            return false;
        }
        for place in 0..here {
            let register = (word >> (place * REGISTER_BITS)) & ((1 << REGISTER_BITS) - 1);
            if register > MAX_REGISTER {
                return false;
            }
            zeros_found += u64::from(register == 0);
        }
    }
    zeros_found == *zeros
}

fn is_whole_sparse((count, last, differences): &(u64, u32, Vec<u8>)) -> bool {
    if differences.len() > MAX_SPARSE_BYTES {
        return false;
    }
    let (mut rest, mut code, mut found) = (&differences[..], 0_u32, 0_u64);
    while !rest.is_empty() {
        // Postcard's varints are the crate's: seven bits a byte, the lowest first.
        let Ok((difference, after)) = postcard::take_from_bytes::<u32>(rest) else {
            return false;
        };
        let Some(next) = code.checked_add(difference) else {
            return false;
        };
        if (found > 0 && difference == 0) || !is_code(next) {
            return false;
        }
        (rest, code, found) = (after, next, found + 1);
    }
    found == *count && code == *last
}

/// A code is an index and, where the bits that the dense index lacks are all zero, the number of
/// leading zeros after it; its lowest bit tells which.
fn is_code(code: u32) -> bool {
    if code & 1 == 0 {
        let index = code >> 1;
        return index < 1 << SPARSE_PRECISION && index & SPARSE_ONLY_MASK != 0;
    }
    let (index, zeros) = (code >> 7, (code >> 1) & 0x3f);
    index & SPARSE_ONLY_MASK == 0 && (1..=MAX_SPARSE_ZEROS).contains(&zeros)
}
