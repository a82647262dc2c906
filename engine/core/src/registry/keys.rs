//! Keys of the bucket: `tenant.<t>`, `token.<hash>`, `plugin.<t>.<name>.<version>`,
//! `pipeline.<t>.<p>`, `revision.<t>.<p>.<n>`, `schema.<t>.<name>`, `schema-version.<t>.<name>.<n>`.

use std::{fmt, str::FromStr};

use crate::{
    identity::{Digest, PipelineId},
    manifest::{PluginRef, parse_version},
    name::Name,
};

/// A key of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A tenant.
    Tenant(Name),
    /// A token, by its hash.
    Token(Digest),
    /// A plugin version of a tenant.
    Plugin(Name, PluginRef),
    /// A pipeline.
    Pipeline(PipelineId),
    /// A revision of a pipeline.
    Revision(PipelineId, u64),
    /// A schema of a tenant.
    Schema(Name, Name),
    /// A version of a schema.
    SchemaVersion(Name, Name, u32),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => write!(f, "tenant.{tenant}"),
            Self::Token(hash) => write!(f, "token.{hash}"),
            Self::Plugin(tenant, plugin) => write!(f, "plugin.{tenant}.{}.{}", plugin.name, plugin.version),
            Self::Pipeline(PipelineId { tenant, pipeline }) => write!(f, "pipeline.{tenant}.{pipeline}"),
            Self::Revision(PipelineId { tenant, pipeline }, number) => {
                write!(f, "revision.{tenant}.{pipeline}.{number}")
            }
            Self::Schema(tenant, schema) => write!(f, "schema.{tenant}.{schema}"),
            Self::SchemaVersion(tenant, schema, number) => {
                write!(f, "schema-version.{tenant}.{schema}.{number}")
            }
        }
    }
}

/// A key that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("the registry holds a key that this version does not know")]
pub struct UnknownKey;

impl FromStr for Key {
    type Err = UnknownKey;
    fn from_str(text: &str) -> Result<Self, UnknownKey> {
        let name = |text: &str| Name::new(text).map_err(|_| UnknownKey);
        let pipeline = |tenant: &str, pipeline: &str| {
            Ok(PipelineId {
                tenant: name(tenant)?,
                pipeline: name(pipeline)?,
            })
        };
        match *text.splitn(4, '.').collect::<Vec<_>>() {
            ["tenant", tenant] => Ok(Self::Tenant(name(tenant)?)),
            ["token", hash] => Ok(Self::Token(hash.parse().map_err(|_| UnknownKey)?)),
            ["plugin", tenant, plugin, version] => {
                let version = parse_version(version).map_err(|_| UnknownKey)?;
                Ok(Self::Plugin(
                    name(tenant)?,
                    PluginRef {
                        name: name(plugin)?,
                        version,
                    },
                ))
            }
            ["pipeline", tenant, of] => Ok(Self::Pipeline(pipeline(tenant, of)?)),
            ["revision", tenant, of, number] => Ok(Self::Revision(
                pipeline(tenant, of)?,
                number.parse().map_err(|_| UnknownKey)?,
            )),
            ["schema", tenant, schema] => Ok(Self::Schema(name(tenant)?, name(schema)?)),
            ["schema-version", tenant, schema, number] => Ok(Self::SchemaVersion(
                name(tenant)?,
                name(schema)?,
                number.parse().map_err(|_| UnknownKey)?,
            )),
            _ => Err(UnknownKey),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_prints() {
        for text in [
            "tenant.shop",
            "plugin.shop.v.1.0.0-rc.1",
            "pipeline.shop.p",
            "revision.shop.p.12",
            "schema.shop.order",
            "schema-version.shop.order.3",
        ] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "tenant",
            "tenant.A",
            "plugin.a.b.c",
            "revision.a.b.x",
            "schema-version.a.b",
            "token.12",
            "else.a",
        ] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
