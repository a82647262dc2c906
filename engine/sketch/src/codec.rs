//! Sketches as bytes: a version, a checksum, the sketch (postcard), whose first byte is the tag of its
//! kind. The checksum makes damage an error instead of a wrong answer; it keeps no attacker out. That
//! is what each kind's `wire` does: a crate that trusts its own fields never sees others.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{Distinct, Quantiles, Sample, Seen, Sketch, SketchError, Top, sample::Reservoir};

/// A sketch of the first version.
#[derive(Deserialize)]
enum First {
    Quantiles(Quantiles),
    Distinct(Box<Distinct>),
    Top(Top),
    Seen(Seen),
    Sample(Reservoir),
}

impl TryFrom<First> for Sketch {
    type Error = SketchError;
    fn try_from(first: First) -> Result<Self, SketchError> {
        Ok(match first {
            First::Quantiles(sketch) => Self::Quantiles(sketch),
            First::Distinct(sketch) => Self::Distinct(sketch),
            First::Top(sketch) => Self::Top(sketch),
            First::Seen(sketch) => Self::Seen(sketch),
            First::Sample(reservoir) => Self::Sample(Sample::try_from(reservoir)?),
        })
    }
}

/// Version of this layout. The first had reservoirs for samples, and reads still.
const VERSION: u8 = 2;
const WITH_RESERVOIRS: u8 = 1;
/// The largest sketch is far below it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

impl Sketch {
    /// As bytes: equal for sketches that took in the same updates in the same order.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From bytes of [`Sketch::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SketchError> {
        decode(bytes)
    }
}

fn encode(sketch: &Sketch) -> Vec<u8> {
    let body = postcard::to_stdvec(sketch).expect("a sketch always serialises into memory");
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(VERSION);
    bytes.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn decode(bytes: &[u8]) -> Result<Sketch, SketchError> {
    if bytes.len() > MAX_BYTES {
        return Err(SketchError::Damaged("it is too large"));
    }
    let (version, rest) = bytes.split_first().ok_or(SketchError::Damaged("it is empty"))?;
    if !matches!(*version, VERSION | WITH_RESERVOIRS) {
        return Err(SketchError::Damaged("it has another version"));
    }
    let (checksum, body) = rest
        .split_first_chunk::<4>()
        .ok_or(SketchError::Damaged("it is cut"))?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return Err(SketchError::Damaged("its checksum does not match"));
    }
    if *version == WITH_RESERVOIRS {
        return Sketch::try_from(read::<First>(body)?);
    }
    read(body)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SketchError> {
    match postcard::take_from_bytes(body) {
        Ok((sketch, [])) => Ok(sketch),
        _ => Err(SketchError::Damaged("it does not decode")),
    }
}
