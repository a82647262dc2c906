//! Values with their checksums: a flipped bit on the disk becomes an error, never a wrong answer.
//!
//! Why: docs/decisions/0044-values-carry-a-checksum.md

use serde::{Serialize, de::DeserializeOwned};
use tailrace_core::ports::store::StoreError;

/// A value as it is stored: CRC-32, then postcard.
pub(crate) fn seal(value: &impl Serialize) -> Vec<u8> {
    seal_bytes(&postcard::to_stdvec(value).expect("values always serialise into memory"))
}

/// Bytes as they are stored: CRC-32, then themselves.
pub(crate) fn seal_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = crc32fast::hash(bytes).to_le_bytes().to_vec();
    sealed.extend_from_slice(bytes);
    sealed
}

/// The value that was stored.
pub(crate) fn open<T: DeserializeOwned>(sealed: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(open_bytes(sealed)?).map_err(|cause| damaged(&cause.to_string()))
}

/// The bytes that were stored.
pub(crate) fn open_bytes(sealed: &[u8]) -> Result<&[u8], StoreError> {
    let (checksum, bytes) = sealed
        .split_first_chunk::<4>()
        .ok_or_else(|| damaged("a value is cut"))?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*checksum) {
        return Err(damaged("a value's checksum does not match"));
    }
    Ok(bytes)
}

/// Vectors are stored as little-endian numbers.
pub(crate) fn vector_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The vector that was stored.
pub(crate) fn open_vector(sealed: &[u8]) -> Result<Vec<f32>, StoreError> {
    let bytes = open_bytes(sealed)?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(damaged("a vector is cut"));
    }
    Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

pub(crate) fn damaged(cause: &str) -> StoreError {
    StoreError::Damaged(cause.to_owned())
}

/// Whether the disk has no room.
pub(crate) fn is_full(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(cause.kind(), QuotaExceeded | StorageFull)
}

pub(crate) fn failed(cause: &sled::Error) -> StoreError {
    match cause {
        sled::Error::Corruption { .. } => StoreError::Damaged(cause.to_string()),
        sled::Error::Io(cause) if is_full(cause) => StoreError::NoRoom(cause.kind().to_string()),
        _ => StoreError::Io(cause.to_string()),
    }
}
