//! What identifies things across the engine: a pipeline of a tenant, a partition of a pipeline, the
//! digest of a plugin.

use std::{borrow::Cow, fmt, hash::Hasher as _, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use siphasher::sip::SipHasher13;

use crate::{life::Life, name::Name};

/// A pipeline, by its tenant and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PipelineId {
    /// Whose it is.
    pub tenant: Name,
    /// Its name, unique within the tenant.
    pub pipeline: Name,
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.pipeline)
    }
}

/// The partition of a key: SipHash-1-3 with a fixed key, so that it is the same on every engine.
pub fn partition_of(key: &str, partitions: u32) -> u32 {
    let mut hasher = SipHasher13::new_with_keys(0x7461_696c, 0x7261_6365);
    hasher.write(key.as_bytes());
    (hasher.finish() % u64::from(partitions)) as u32
}

/// One partition of a pipeline: the unit of order, state and commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// The pipeline.
    pub pipeline: PipelineId,
    /// Which life of that name it is: state and snapshots of another are never read as its own.
    pub life: Life,
    /// From 0 to the pipeline's `partitions` less one.
    pub partition: u32,
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pipeline, self.partition)
    }
}

impl PartitionId {
    /// Where something of the partition is kept: its name, and its life where it has one.
    pub fn place(&self) -> String {
        if self.life.is_unnamed() {
            self.to_string()
        } else {
            format!("{self}/{}", self.life)
        }
    }

    /// The partition that a place is of.
    pub fn of_place(place: &str) -> Option<Self> {
        let (tenant, pipeline, partition, life) = match *place.split('/').collect::<Vec<_>>() {
            [tenant, pipeline, partition] => (tenant, pipeline, partition, Life::UNNAMED),
            [tenant, pipeline, partition, life] => (tenant, pipeline, partition, life.parse().ok()?),
            _ => return None,
        };
        Some(Self {
            pipeline: PipelineId {
                tenant: Name::new(tenant).ok()?,
                pipeline: Name::new(pipeline).ok()?,
            },
            life,
            partition: partition.parse().ok()?,
        })
    }
}

/// SHA-256 of a plugin's component; what makes a plugin version immutable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Debug, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits")]
pub struct DigestError;

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(pair, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl JsonSchema for Digest {
    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "SHA-256, in hexadecimal digits.", "pattern": "^[0-9a-f]{64}$" })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Names an engine; kept in its data folder, so that it takes its own partitions up again.
pub type EngineId = Name;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_as_it_prints() {
        let digest = Digest::of(b"tailrace");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("zz".repeat(32).parse::<Digest>().is_err());
        assert!("é".repeat(32).parse::<Digest>().is_err());
    }

    #[test]
    fn a_place_reads_back_as_it_prints() {
        for text in ["shop/p/0", "shop/p/12/0123456789abcdef0123456789abcdef"] {
            let read = PartitionId::of_place(text).unwrap();
            assert_eq!(read.place(), text);
        }
        for text in ["", "shop/p", "shop/p/x", "shop/p/1/2", "shop/P/1", "shop/p/1/2/3"] {
            assert_eq!(PartitionId::of_place(text), None, "{text}");
        }
    }

    #[test]
    fn keys_spread_and_stay() {
        let mut counts = [0_u32; 4];
        for key in 0..4_000 {
            counts[partition_of(&key.to_string(), 4) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (900..1100).contains(count)),
            "{counts:?}"
        );
        // Written down, because a change would move every key of every pipeline to another partition.
        assert_eq!(["", "383", "Фёдор"].map(|key| partition_of(key, 7)), [4, 0, 3]);
    }
}
