//! Durations and sizes as people write them (`100ms`, `7d`, `16MiB`): the one parser of each.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use bytesize::ByteSize;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Error as _, Visitor},
};

/// A duration written as `100ms`, `30s`, `5m`, `24h` or `7d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span(pub Duration);

impl Span {
    /// A span of so many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
    /// Its largest unit alone, for people: `3d` of `3d4h`.
    pub fn roughly(self) -> String {
        let largest = self.parts().next();
        largest.map_or_else(|| "0s".to_owned(), |(count, unit)| format!("{count}{unit}"))
    }
    /// Count and unit, the largest first; without those that are zero. No unit is longer than a day: months and years
    /// have no length of their own.
    fn parts(self) -> impl Iterator<Item = (u64, &'static str)> {
        let (seconds, nanos) = (self.0.as_secs(), u64::from(self.0.subsec_nanos()));
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3_600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (nanos / 1_000_000, "ms"),
            (nanos / 1_000 % 1_000, "us"),
            (nanos % 1_000, "ns"),
        ];
        parts.into_iter().filter(|(count, _)| *count > 0)
    }
    /// In whole milliseconds, saturating.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.parts().peekable();
        if parts.peek().is_none() {
            return f.write_str("0s");
        }
        parts.try_for_each(|(count, unit)| write!(f, "{count}{unit}"))
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map(Self)
            .map_err(|_| format!("{text:?} is not a duration: write 100ms, 30s, 5m, 24h or 7d"))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// What a number is told: a text that parses needs no more than this.
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with its unit, such as 100ms, 30s, 5m, 24h or 7d")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Written)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["100ms", "30s", "7d"] })
    }
}

/// A number of bytes, written as `4096`, `64KiB`, `16MiB` or `1GiB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Bytes(pub u64);

impl Bytes {
    /// So many mebibytes.
    pub const fn mib(count: u64) -> Self {
        Self(count * 1024 * 1024)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Exact where it is round, else in plain bytes: what is printed must read back the same.
        for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 != 0 && self.0.is_multiple_of(size) {
                return write!(f, "{}{unit}", self.0 / size);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<ByteSize>()
            .map(|size| Self(size.as_u64()))
            .map_err(|_| format!("{text:?} is not a size: write 4096, 64KiB, 16MiB or 1GiB"))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<'a> {
            Number(u64),
            Text(Cow<'a, str>),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Number(count)) => Ok(Self(count)),
            Ok(Written::Text(text)) => text.parse().map_err(D::Error::custom),
            Err(_) => Err(D::Error::custom(
                "a size is a number of bytes, or a text such as 16MiB",
            )),
        }
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "examples": ["16MiB", 4096] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_the_same() {
        for bytes in [0, 1, 1023, 1024, 3 << 20, 5 << 30, u64::from(u32::MAX)] {
            assert_eq!(Bytes(bytes).to_string().parse::<Bytes>(), Ok(Bytes(bytes)));
        }
        for (millis, text) in [
            (0, "0s"),
            (1_500, "1s500ms"),
            (5_400_000, "1h30m"),
            (86_400_000, "1d"),
            (366 * 86_400_000, "366d"),
        ] {
            assert_eq!(Span::from_millis(millis).to_string(), text);
        }
        assert_eq!(Span::from_millis(90_061_001).roughly(), "1d");
        let short = Span(Duration::from_nanos(1_002_003));
        assert_eq!(short.to_string().parse::<Span>(), Ok(short));
        for millis in [0, 1, 999, 1000, 90_000, 604_800_000] {
            let span = Span::from_millis(millis);
            assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        assert!("soon".parse::<Span>().unwrap_err().contains("100ms"));
        assert!("much".parse::<Bytes>().unwrap_err().contains("16MiB"));
    }
}
