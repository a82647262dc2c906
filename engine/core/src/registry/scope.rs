//! What a token lets its bearer do: what its role says, an operator's on every tenant, a tenant's on its own
//! only. Each role may do what those before it may.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::name::Name;

/// What a token may do within its tenant; an operator's, on all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look: status, state, vectors, sketches, dead letters, logs, the audit log.
    Read,
    /// Change plugins and pipelines too.
    Deploy,
    /// Make and revoke the tenant's tokens too; an operator's: tenants, and operators' tokens.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// What the role allows, on every tenant.
    Operator(Role),
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
            Self::Operator(Role::Admin) => f.write_str("operator"),
            // Not as a tenant's is written, for a tenant may be called so.
            Self::Operator(role) => write!(f, "operator ({})", role.as_str()),
            Self::Tenant { name, role } => write!(f, "{name}:{}", role.as_str()),
        }
    }
}

/// As it may stand in the registry: engines before roles wrote `operator`, and the tenant's name alone, and
/// meant everything.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(Whole),
    Parted(Parted),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Whole {
    Operator,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Parted {
    Operator(Role),
    Tenant(WrittenTenant),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenTenant {
    Whole(Name),
    Role { name: Name, role: Role },
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self.clone() {
            // As those engines read it, too.
            Self::Operator(Role::Admin) => Written::Whole(Whole::Operator),
            Self::Operator(role) => Written::Parted(Parted::Operator(role)),
            Self::Tenant { name, role } => {
                Written::Parted(Parted::Tenant(WrittenTenant::Role { name, role }))
            }
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Whole(Whole::Operator) => Self::Operator(Role::Admin),
            Written::Parted(Parted::Operator(role)) => Self::Operator(role),
            Written::Parted(Parted::Tenant(WrittenTenant::Whole(name))) => Self::Tenant {
                name,
                role: Role::Admin,
            },
            Written::Parted(Parted::Tenant(WrittenTenant::Role { name, role })) => {
                Self::Tenant { name, role }
            }
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
            Scope::Operator(Role::Admin)
        );
        assert!(serde_json::from_str::<Scope>(r#"{"tenant":{"name":"shop","role":"all"}}"#).is_err());
    }

    #[test]
    fn a_scope_reads_back_as_it_is_written() {
        for role in [Role::Read, Role::Deploy, Role::Admin] {
            let name = Name::new("shop").unwrap();
            let scope = Scope::Tenant { name, role };
            for scope in [scope, Scope::Operator(role)] {
                let text = serde_json::to_string(&scope).unwrap();
                assert_eq!(serde_json::from_str::<Scope>(&text).unwrap(), scope, "{text}");
            }
        }
        let whole = serde_json::to_string(&Scope::Operator(Role::Admin)).unwrap();
        assert_eq!(whole, r#""operator""#, "as engines before roles read it");
        assert!(Role::Read < Role::Deploy && Role::Deploy < Role::Admin);
    }
}
