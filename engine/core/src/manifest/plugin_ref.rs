//! How a step names its plugin.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Name;

/// A plugin version: `validator@1.0.0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginRef {
    /// The plugin.
    pub name: Name,
    /// Its version.
    pub version: semver::Version,
}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl FromStr for PluginRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown: String = text.chars().take(80).collect();
            format!("{shown:?} does not name a plugin: write name@version, such as validator@1.0.0")
        };
        let (name, version) = text.split_once('@').ok_or_else(wrong)?;
        let name = Name::new(name).map_err(|_| wrong())?;
        let version = parse_version(version).map_err(|_| wrong())?;
        Ok(Self { name, version })
    }
}

/// Reads a plugin's version: semantic, at most 64 bytes, without build metadata (which does not
/// take part in precedence, so two versions could be equal and not the same).
pub fn parse_version(text: &str) -> Result<semver::Version, String> {
    let wrong = || {
        let shown: String = text.chars().take(80).collect();
        format!("{shown:?} is no plugin version: write major.minor.patch, such as 1.0.0 or 1.1.0-rc.1")
    };
    if text.len() > 64 {
        return Err(wrong());
    }
    let version = semver::Version::parse(text).map_err(|_| wrong())?;
    if version.build.is_empty() {
        Ok(version)
    } else {
        Err(wrong())
    }
}

impl Serialize for PluginRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PluginRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for PluginRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PluginRef".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "examples": ["validator@1.0.0"] })
    }
}
