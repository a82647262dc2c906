//! Sketches as bytes: a version, a checksum, the sketch (postcard), whose first byte is the tag of its
//! kind. The checksum makes damage an error instead of a wrong answer; it keeps no attacker out. That
//! is what each kind's `wire` does: a crate that trusts its own fields never sees others.

use crate::{Sketch, SketchError};

/// Version of this layout.
const VERSION: u8 = 1;
/// The largest sketch is far below it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

pub(crate) fn encode(sketch: &Sketch) -> Vec<u8> {
    let body = postcard::to_stdvec(sketch).expect("a sketch always serialises into memory");
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(VERSION);
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Sketch, SketchError> {
    if bytes.len() > MAX_BYTES {
        return Err(SketchError::Damaged("it is too large"));
    }
    let (version, rest) = bytes.split_first().ok_or(SketchError::Damaged("it is empty"))?;
    if *version != VERSION {
        return Err(SketchError::Damaged("it has another version"));
    }
    let (checksum, body) = rest
        .split_first_chunk::<4>()
        .ok_or(SketchError::Damaged("it is cut"))?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return Err(SketchError::Damaged("its checksum does not match"));
    }
    match postcard::take_from_bytes(body) {
        Ok((sketch, [])) => Ok(sketch),
        _ => Err(SketchError::Damaged("it does not decode")),
    }
}
