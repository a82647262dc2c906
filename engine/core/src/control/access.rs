//! Tenants and tokens. A token is 256 random bits, shown once and kept as its hash.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tailrace_sketch::TenantSeed;

use super::{Control, ControlError, Outcome};
use crate::{
    identity::Digest,
    name::Name,
    registry::{Key, Quotas, Scope, Tenant, Token},
    subject,
};

/// Begins every token, so that one that leaks is found by those who search for it.
const TOKEN_PREFIX: &str = "tr_";

/// What an operator says of a tenant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantRequest {
    /// Subject patterns that its pipelines may read.
    pub read: Vec<String>,
    /// Subject patterns that its pipelines may publish on.
    pub write: Vec<String>,
    /// How much it may have.
    #[serde(default)]
    #[schemars(skip)]
    pub quotas: Quotas,
}

/// A new token: the only time that it is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewToken {
    /// The token itself.
    pub token: String,
    /// The tenant it is for; none for an operator's.
    pub tenant: Option<Name>,
}

impl Control {
    /// What the bearer of a token may do; none for a token that is unknown or has ended.
    pub fn authenticate(&self, token: &str) -> Outcome<Option<Scope>> {
        let hash = Digest::of(token.as_bytes());
        let registry = self.registry()?;
        let found = registry.tokens.get(&hash);
        let live = found.filter(|token| token.expires_ms.is_none_or(|end| self.now_ms() < end));
        Ok(live.map(|token| token.scope.clone()))
    }

    /// Makes a token known that was chosen outside: the operator's first.
    pub async fn admit_token(&self, token: &str, scope: Scope) -> Outcome<()> {
        let hash = Digest::of(token.as_bytes());
        let key = Key::Token(hash);
        let known = self.read::<Token>(&key).await?;
        if known.is_some_and(|(known, _)| known.scope == scope) {
            return self
                .wait_until(|registry| registry.tokens.contains_key(&hash))
                .await;
        }
        let revision = self.revision_of(&key).await?;
        let token = Token {
            hash,
            scope,
            created_ms: self.now_ms(),
            expires_ms: None,
        };
        self.write(&key, &token, revision).await
    }

    /// Makes a new token for a tenant.
    pub async fn create_token(&self, tenant: &Name) -> Outcome<NewToken> {
        self.tenant(tenant)?;
        let token = self.random_token();
        self.admit_token(&token, Scope::Tenant(tenant.clone())).await?;
        Ok(NewToken {
            token,
            tenant: Some(tenant.clone()),
        })
    }

    /// A new random token, not yet admitted.
    pub fn random_token(&self) -> String {
        let bits = (0..4).map(|_| format!("{:016x}", self.world.random.next_u64()));
        bits.fold(TOKEN_PREFIX.to_owned(), |token, word| token + &word)
    }

    /// Makes a tenant, or changes its grants and quotas.
    pub async fn put_tenant(&self, name: &Name, request: TenantRequest) -> Outcome<Arc<Tenant>> {
        check_patterns("read", &request.read)?;
        check_patterns("write", &request.write)?;
        let key = Key::Tenant(name.clone());
        let known = self.read::<Tenant>(&key).await?;
        let fresh = || {
            (
                TenantSeed::new(self.world.random.next_u64(), self.world.random.next_u64()),
                self.now_ms(),
            )
        };
        let (seed, created_ms) = known
            .as_ref()
            .map_or_else(fresh, |(tenant, _)| (tenant.seed, tenant.created_ms));
        let TenantRequest { read, write, quotas } = request;
        let tenant = Tenant {
            name: name.clone(),
            read,
            write,
            quotas,
            seed,
            created_ms,
        };
        let revision = self.revision_of(&key).await?;
        self.write(&key, &tenant, revision).await?;
        Ok(Arc::new(tenant))
    }

    /// A tenant.
    pub fn get_tenant(&self, name: &Name) -> Outcome<Arc<Tenant>> {
        self.tenant(name)
    }

    /// All tenants.
    pub fn list_tenants(&self) -> Outcome<Vec<Arc<Tenant>>> {
        Ok(self.registry()?.tenants.values().cloned().collect())
    }

    /// Deletes a tenant that has no pipelines, with its tokens and its plugins' entries.
    pub async fn delete_tenant(&self, name: &Name) -> Outcome<()> {
        self.tenant(name)?;
        let registry = self.registry()?;
        let pipelines: Vec<_> = registry
            .pipelines_of(name)
            .map(|(id, _)| id.pipeline.to_string())
            .collect();
        if !pipelines.is_empty() {
            let listed = pipelines.join(", ");
            return Err(ControlError::Conflict(format!(
                "tenant {name} still has pipelines: {listed}; delete them first"
            )));
        }
        for token in registry
            .tokens
            .values()
            .filter(|token| token.scope == Scope::Tenant(name.clone()))
        {
            self.remove(&Key::Token(token.hash)).await?;
        }
        for version in registry.plugins_of(name) {
            self.remove(&Key::Plugin(name.clone(), version.plugin.clone()))
                .await?;
        }
        self.remove(&Key::Tenant(name.clone())).await?;
        self.wait_until(|registry| !registry.tenants.contains_key(name))
            .await
    }
}

fn check_patterns(field: &str, patterns: &[String]) -> Outcome<()> {
    for pattern in patterns {
        subject::check_pattern(pattern)
            .map_err(|cause| ControlError::Invalid(format!("{field}: {cause}")))?;
        if subject::is_reserved(pattern) {
            let why = "it reaches subjects of the engine or the broker";
            return Err(ControlError::Invalid(format!(
                "{field}: {pattern:?} cannot be granted: {why}; grant a narrower one, such as shop.>"
            )));
        }
    }
    Ok(())
}
