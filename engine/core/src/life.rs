//! Lives. Everything that is created has one: a random number that is drawn when it is created and given to
//! all that belongs to it. A name that is made anew is a new life, and nothing of the old one reaches it,
//! whatever was left behind.
//!
//! Why: docs/decisions/0066-every-creation-is-a-life.md

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ports::clock::Random;

/// The life of a tenant, a pipeline or a plugin version: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Life(u128);

/// A text that is no life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a life is 32 hexadecimal digits")]
pub struct LifeError;

impl Life {
    /// What was made by an engine that knew no lives. Its entries, streams and snapshots bear none.
    pub const UNNAMED: Self = Self(0);

    /// A new one.
    pub fn new(random: &dyn Random) -> Self {
        let bits = u128::from(random.next_u64()) << 64 | u128::from(random.next_u64());
        // Zero is taken; a source that gives nothing else is a broken one, and one is as good as any other.
        Self(bits.max(1))
    }

    /// The sequence that its stream begins with. A commit of another life, which reaches the broker late, expects
    /// a record with a sequence of that life; here is none such, so the fence refuses it. 40 bits leave room for
    /// a thousand years of messages below 2^53, the most that a number in JSON holds.
    pub fn first_sequence(&self) -> u64 {
        const BITS: u32 = 40;
        ((self.0 >> (u128::BITS - BITS)) as u64).max(1)
    }

    /// Whether it is that of a thing which was made by an engine that knew no lives.
    pub fn is_unnamed(&self) -> bool {
        *self == Self::UNNAMED
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Life {
    type Err = LifeError;
    fn from_str(text: &str) -> Result<Self, LifeError> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bits = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        bits.map(Self).ok_or(LifeError)
    }
}

impl JsonSchema for Life {
    fn schema_name() -> Cow<'static, str> {
        "Life".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "Tells things of the same name apart, made one after the other.", "pattern": "^[0-9a-f]{32}$" })
    }
}

impl Serialize for Life {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Life {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Constant(u64);

    impl Random for Constant {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn a_life_reads_back_as_it_prints_and_none_is_unnamed() {
        let life = Life::new(&Constant(0x0123_4567_89ab_cdef));
        assert_eq!(life.to_string(), "0123456789abcdef0123456789abcdef");
        assert_eq!(life.to_string().parse(), Ok(life));
        assert!(!Life::new(&Constant(0)).is_unnamed());
        assert_eq!(life.first_sequence(), 0x01_2345_6789);
        assert_eq!((Life::UNNAMED.first_sequence(), Life(1).first_sequence()), (1, 1));
        for text in ["", "12", "+123456789abcdef0123456789abcdef", &"g".repeat(32)] {
            assert_eq!(text.parse::<Life>(), Err(LifeError), "{text:?}");
        }
    }
}
