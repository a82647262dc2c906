//! Tenants: what they may read, write and have.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tailrace_core::{
    audit::Change,
    name::Name,
    ports::accounts::AccountError,
    registry::{Key, Quotas, Tenant},
    subject,
};
use tailrace_sketch::TenantSeed;

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

/// What an operator says of a tenant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantRequest {
    /// Subject patterns that its pipelines may read.
    pub read: Vec<String>,
    /// Subject patterns that its pipelines may publish on.
    pub write: Vec<String>,
    /// The NATS account that its streams lie in, one of those that the operator's configuration names; empty
    /// for the engine's own, and as it was, where it is not said. It cannot change while there are pipelines.
    #[serde(default)]
    pub nats_account: Option<String>,
    /// How much it may have; as it was, where it is not said.
    #[serde(default)]
    #[schemars(skip)]
    pub quotas: Option<Quotas>,
}

impl Commands {
    /// Makes a tenant, or changes its grants and quotas.
    pub async fn put_tenant(&self, name: &Name, request: TenantRequest) -> ControlResult<Arc<Tenant>> {
        check_patterns("read", &request.read)?;
        check_patterns("write", &request.write)?;
        if let Some(quotas) = &request.quotas {
            quotas.rates.check().map_err(ControlError::Invalid)?;
            quotas.weight.check().map_err(ControlError::Invalid)?;
        }
        let key = Key::Tenant(name.clone());
        let known = self.context.read::<Tenant>(&key).await?;
        let fresh = || {
            (
                TenantSeed::new(
                    self.context.world.random.next_u64(),
                    self.context.world.random.next_u64(),
                ),
                self.context.now_ms(),
            )
        };
        let (seed, created_ms) = known
            .as_ref()
            .map_or_else(fresh, |(tenant, _)| (tenant.seed, tenant.created_ms));
        let before = known.as_ref().map(|(tenant, _)| tenant);
        let account = self.account_wanted(name, before, request.nats_account.as_deref())?;
        let TenantRequest {
            read, write, quotas, ..
        } = request;
        let before = known.as_ref().map(|(tenant, _)| tenant.quotas.clone());
        let quotas = quotas.or(before).unwrap_or_default();
        let tenant = Tenant {
            name: name.clone(),
            read,
            write,
            nats_account: account,
            quotas,
            seed,
            created_ms,
        };
        let before = known.map(|(tenant, _)| tenant);
        if before.as_ref() == Some(&tenant) {
            return Ok(Arc::new(tenant));
        }
        let change = Change::new("tenant-put", name, format!("tenant/{name}"));
        let change = change.from(before.as_ref().map(told)).to(told(&tenant));
        self.audited(change, async {
            let revision = self.revision_of(&key).await?;
            self.write(&key, &tenant, revision).await
        })
        .await?;
        Ok(Arc::new(tenant))
    }

    /// The account that a tenant is to live in. Streams cannot be taken along, so it stays while there are
    /// pipelines.
    fn account_wanted(
        &self,
        tenant: &Name,
        before: Option<&Tenant>,
        asked: Option<&str>,
    ) -> ControlResult<Option<Name>> {
        let before = before.and_then(|tenant| tenant.nats_account.clone());
        let wanted = match asked {
            None => return Ok(before),
            Some("") => None,
            Some(name) => Some(
                Name::new(name).map_err(|cause| ControlError::Invalid(format!("nats-account: {cause}")))?,
            ),
        };
        if wanted == before {
            return Ok(before);
        }
        if let Some(account) = wanted
            .as_ref()
            .filter(|account| !self.context.world.accounts.knows(account))
        {
            let account = account.to_string();
            let unknown = AccountError::Unknown { account };
            return Err(ControlError::Invalid(format!("nats-account: {unknown}")));
        }
        let registry = self.context.registry()?;
        let mut pipelines = registry.pipelines_of(tenant).map(|(id, _)| id.pipeline.as_str());
        if let Some(first) = pipelines.next() {
            let others = pipelines.count();
            let others = if others == 0 {
                String::new()
            } else {
                format!(" and {others} more")
            };
            return Err(ControlError::Conflict(format!(
                "tenant {tenant} cannot move to another NATS account while it has pipelines ({first}{others}), for their streams would stay behind; make a tenant of another name in that account and apply them there, or delete them first"
            )));
        }
        Ok(wanted)
    }

    /// Deletes a tenant that has no pipelines, with its tokens and its plugins' entries.
    pub async fn delete_tenant(&self, name: &Name) -> ControlResult<()> {
        let tenant = self.context.tenant(name)?;
        let registry = self.context.registry()?;
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
        let change = Change::new("tenant-deleted", name, format!("tenant/{name}"));
        self.audited(change.from(Some(told(&tenant))), self.remove_tenant(name))
            .await
    }

    async fn remove_tenant(&self, name: &Name) -> ControlResult<()> {
        for token in self.context.tokens_of(Some(name))? {
            self.remove(&Key::Token(token.hash)).await?;
        }
        for version in self.context.registry()?.plugins_of(name) {
            self.remove(&Key::Plugin(name.clone(), version.plugin.clone()))
                .await?;
        }
        self.remove(&Key::Tenant(name.clone())).await?;
        self.wait_until(|registry| !registry.tenants.contains_key(name))
            .await
    }
}

/// What the audit log tells of a tenant: all but its seed.
fn told(tenant: &Tenant) -> Value {
    json!({
        "read": tenant.read,
        "write": tenant.write,
        "nats_account": tenant.nats_account,
        "quotas": tenant.quotas,
    })
}

fn check_patterns(field: &str, patterns: &[String]) -> ControlResult<()> {
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
