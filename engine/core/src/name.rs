//! The one validator of names. Tenants, pipelines, steps, plugins, collections and sketches all use
//! it, so no name can leave its folder, its subject or its key space, whatever a client sends.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name. Broker resources are named `TR_<tenant>_<pipeline>` and stay well below NATS' limit.
pub const MAX_LENGTH: usize = 32;

/// `[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?`: lower-case letters, digits and inner hyphens, 1 to 32 of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not a name: use 1 to 32 of a-z, 0-9 and inner hyphens, such as \"clicks-2\"")]
pub struct NameError {
    /// The beginning of what was given; hostile names can be long.
    shown: String,
}

impl Name {
    /// Checks `text` against the rule.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let bytes = text.as_bytes();
        let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
        let edge = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
        let valid =
            bytes.len() <= MAX_LENGTH && bytes.iter().all(inner) && edge(bytes.first()) && edge(bytes.last());
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(NameError {
                shown: text.chars().take(64).collect(),
            })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_names() {
        for good in ["a", "0", "shop", "clicks-2", &"x".repeat(32)] {
            assert_eq!(Name::new(good).map(|n| n.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn whatever_could_leave_its_place_is_refused() {
        let long = "x".repeat(10_000);
        let bad = [
            "", "-", "a-", "-a", "A", "a.b", "a b", "../x", "%2e%2e", "a\0", "ａ", "ß", "a/b", "a*", ">",
            "x_y", &long,
        ];
        for bad in bad {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert!(
            Name::new(&long).unwrap_err().to_string().len() < 250,
            "an error must not echo a bomb"
        );
    }
}
