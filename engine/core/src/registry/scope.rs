//! What a token lets its bearer do: an operator everything, a tenant's token what its role says, and that
//! on its own tenant only. Each role may do what those before it may.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::name::Name;

/// What a token may do within its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look: status, state, vectors, sketches, dead letters, logs, the audit log.
    Read,
    /// Change plugins and pipelines too.
    Deploy,
    /// Make and revoke the tenant's tokens too.
    #[default]
    Admin,
}

impl Role {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Admin => "admin",
        }
    }
}

/// What a token lets its bearer do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything, on every tenant.
    Operator,
    /// What the role allows, on one tenant.
    Tenant {
        /// Which.
        name: Name,
        /// What.
        role: Role,
    },
}

impl Scope {
    /// Whether it is for this tenant alone.
    pub fn is_of(&self, tenant: &Name) -> bool {
        matches!(self, Self::Tenant { name, .. } if name == tenant)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str("operator"),
            Self::Tenant { name, role } => write!(f, "{name}:{}", role.as_str()),
        }
    }
}

/// As it may stand in the registry: engines before roles wrote the tenant's name alone, and meant
/// everything of the tenant.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Written {
    Operator,
    Tenant(WrittenTenant),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenTenant {
    Whole(Name),
    Role { name: Name, role: Role },
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Operator => Self::Operator,
            Written::Tenant(WrittenTenant::Whole(name)) => Self::Tenant {
                name,
                role: Role::Admin,
            },
            Written::Tenant(WrittenTenant::Role { name, role }) => Self::Tenant { name, role },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_that_an_earlier_engine_wrote_means_everything_of_the_tenant() {
        let old: Scope = serde_json::from_str(r#"{"tenant":"shop"}"#).unwrap();
        let name = Name::new("shop").unwrap();
        assert_eq!(
            old,
            Scope::Tenant {
                name,
                role: Role::Admin
            }
        );
        assert_eq!(
            serde_json::from_str::<Scope>(r#""operator""#).unwrap(),
            Scope::Operator
        );
        assert!(serde_json::from_str::<Scope>(r#"{"tenant":{"name":"shop","role":"all"}}"#).is_err());
    }

    #[test]
    fn a_scope_reads_back_as_it_is_written() {
        for role in [Role::Read, Role::Deploy, Role::Admin] {
            let name = Name::new("shop").unwrap();
            let scope = Scope::Tenant { name, role };
            let text = serde_json::to_string(&scope).unwrap();
            assert_eq!(serde_json::from_str::<Scope>(&text).unwrap(), scope, "{text}");
        }
        assert!(Role::Read < Role::Deploy && Role::Deploy < Role::Admin);
    }
}
