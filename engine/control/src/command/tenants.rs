//! Tenants: what they may read, write and have.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tailrace_core::{
    audit::Change,
    grant::MOST_MEMORY_BYTES,
    life::Life,
    name::Name,
    ports::accounts::AccountError,
    registry::{Key, Lost, PipelinePhase, Quotas, Registry, Tenant},
    subject,
    units::Bytes,
};
use tailrace_sketch::TenantSeed;

use crate::{
    command::{Commands, condition::Condition},
    context::unreadable,
    error::{ControlError, ControlResult},
    lives::Intent,
};

/// Longest wait for a tenant that is being deleted, before it is made anew.
const GONE_WITHIN: Duration = Duration::from_secs(40);

/// What an operator says of a tenant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TenantRequest {
    /// Subject patterns that its pipelines may read.
    pub read: Vec<String>,
    /// Subject patterns that its pipelines may publish on.
    pub write: Vec<String>,
    /// The NATS account that its streams lie in, one of those that the operator's configuration names. Empty stands
    /// for the engine's own. Where it is not said, it stays as it was. It cannot change while there are pipelines.
    #[serde(default)]
    pub nats_account: Option<String>,
    /// How much it may have; as it was, where it is not said.
    #[serde(default)]
    #[schemars(skip)]
    pub quotas: Option<Quotas>,
}

impl Commands {
    /// Makes a tenant, or changes its grants and quotas.
    pub async fn put_tenant(
        &self,
        name: &Name,
        request: TenantRequest,
        condition: Condition,
    ) -> ControlResult<Arc<Tenant>> {
        check_patterns("read", &request.read)?;
        check_patterns("write", &request.write)?;
        if let Some(quotas) = &request.quotas {
            quotas.rates.check().map_err(ControlError::Invalid)?;
            quotas.weight.check().map_err(ControlError::Invalid)?;
            check_memory(quotas)?;
        }
        let key = Key::Tenant(name.clone());
        let known = self.settled_tenant(name).await?;
        let expected = known.as_ref().map(|(_, revision)| *revision);
        condition.check(&format!("tenant {name}"), expected)?;
        if known.is_none()
            && let Some(lost) = self.context.registry_now().await?.lost.in_words(name)
        {
            let out = Lost::way_out(name);
            return Err(ControlError::Conflict(format!("tenant {name}: {lost}; {out}")));
        }
        let fresh = || {
            (
                Life::new(&*self.context.world.random),
                TenantSeed::new(
                    self.context.world.random.next_u64(),
                    self.context.world.random.next_u64(),
                ),
                self.context.now_ms(),
            )
        };
        let (life, seed, created_ms) = known
            .as_ref()
            .map_or_else(fresh, |(tenant, _)| (tenant.life, tenant.seed, tenant.created_ms));
        let schema_rules = known.as_ref().map(|(tenant, _)| tenant.schema_rules.clone());
        let before = known.as_ref().map(|(tenant, _)| tenant);
        let account = self.account_wanted(name, before, request.nats_account.as_deref())?;
        let TenantRequest {
            read, write, quotas, ..
        } = request;
        let before = known.as_ref().map(|(tenant, _)| tenant.quotas.clone());
        let quotas = quotas.or(before).unwrap_or_default();
        let tenant = Tenant {
            name: name.clone(),
            life,
            deleting: false,
            read,
            write,
            nats_account: account,
            quotas,
            schema_rules: schema_rules.unwrap_or_default(),
            seed,
            created_ms,
        };
        let before = known.map(|(tenant, _)| tenant);
        if before.as_ref() == Some(&tenant) {
            return Ok(Arc::new(tenant));
        }
        let change = Change::new("tenant-put", name, format!("tenant/{name}")).in_life(life);
        let change = change.from(before.as_ref().map(told)).to(told(&tenant));
        let made = self.audited(change, async {
            let written = self.context.write(&key, &tenant, expected.unwrap_or(0)).await?;
            match before {
                Some(before) if before.nats_account != tenant.nats_account => {
                    self.undo_move(&before, written).await
                }
                _ => Ok(()),
            }
        });
        condition.settle(made.await)?;
        Ok(Arc::new(tenant))
    }

    /// A pipeline may have been made while the tenant moved to another account: then it stays where it was.
    async fn undo_move(&self, before: &Tenant, written: u64) -> ControlResult<()> {
        let name = &before.name;
        let registry = self.context.registry()?;
        let Some((id, _)) = registry.pipelines_of(name).next() else {
            return Ok(());
        };
        let key = Key::Tenant(name.clone());
        self.context.write(&key, before, written).await?;
        Err(ControlError::Conflict(format!(
            "pipeline {} was made while tenant {name} was to move to another NATS account; the tenant stays where it was",
            id.pipeline
        )))
    }

    /// Looks, after something was written for a tenant, whether the tenant is still there. Its deletion marks it
    /// first and then looks for what is its, so one of the two finds the other.
    pub(crate) async fn still_there(&self, tenant: &Name, life: Life, made: &Key) -> ControlResult<()> {
        let known = self.context.read::<Tenant>(&Key::Tenant(tenant.clone())).await?;
        if known.is_some_and(|(known, _)| known.life == life && !known.deleting) {
            return Ok(());
        }
        self.context.remove(made).await?;
        Err(ControlError::Conflict(format!(
            "tenant {tenant} was deleted meanwhile"
        )))
    }

    /// A tenant as it stands on the broker, once it is not being deleted.
    async fn settled_tenant(&self, name: &Name) -> ControlResult<Option<(Tenant, u64)>> {
        let is_settled =
            |registry: &Registry| registry.tenants.get(name).is_none_or(|tenant| !tenant.deleting);
        let _ = self.context.wait_within(GONE_WITHIN, is_settled).await;
        let known = self.context.read::<Tenant>(&Key::Tenant(name.clone())).await?;
        if known.as_ref().is_some_and(|(tenant, _)| tenant.deleting) {
            return Err(ControlError::Conflict(format!(
                "tenant {name} is being deleted; repeat this when it is gone"
            )));
        }
        Ok(known)
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

    /// Deletes a tenant that has no pipelines, with its tokens and its plugins.
    pub async fn delete_tenant(&self, name: &Name, condition: Condition) -> ControlResult<()> {
        let key = Key::Tenant(name.clone());
        let Some((mut tenant, revision)) = self.context.read::<Tenant>(&key).await? else {
            return self.give_up(name, condition).await;
        };
        condition.check(&format!("tenant {name}"), Some(revision))?;
        let intent = Intent::DeleteTenant(name.clone(), tenant.life);
        if tenant.deleting {
            return self.lives.finish(intent).await;
        }
        let registry = self.context.registry_now().await?;
        let pipelines: Vec<_> = registry
            .pipelines_of(name)
            .filter(|(_, pipeline)| pipeline.phase != PipelinePhase::Deleting)
            .map(|(id, _)| id.pipeline.to_string())
            .collect();
        if !pipelines.is_empty() {
            let listed = pipelines.join(", ");
            return Err(ControlError::Conflict(format!(
                "tenant {name} still has pipelines: {listed}; delete them first"
            )));
        }
        if let Some(key) = registry.unreadable_of(name).next() {
            let cause = registry.unreadable.get(key).map_or("", String::as_str);
            return Err(ControlError::Conflict(format!(
                "tenant {name} still has more than this engine can see: {}",
                unreadable(key, cause)
            )));
        }
        let change = Change::new("tenant-deleted", name, format!("tenant/{name}")).in_life(tenant.life);
        let change = change.from(Some(told(&tenant)));
        let life = tenant.life;
        tenant.deleting = true;
        let (key, tenant) = (&key, &tenant);
        let begin = || async move { self.context.write(key, tenant, revision).await.map(drop) };
        let finish = || self.lives.finish(intent.clone());
        let free = async {
            let world = self.context.world_of(name).await?;
            self.lives.delete_streams_in(&world, name, life).await
        };
        let deleted = self.audited_deletion(name, change, free, begin, finish);
        condition.settle(deleted.await)
    }

    /// Deletes what is there of a tenant whose entry is gone without an order.
    async fn give_up(&self, name: &Name, condition: Condition) -> ControlResult<()> {
        let registry = self.context.registry_now().await?;
        let lives: Vec<Life> = registry.lost.lives_of(name).map(|(life, _)| life).collect();
        if lives.is_empty() {
            return Err(ControlError::not_found("tenant", name));
        }
        condition.check(&format!("tenant {name}"), None)?;
        let of_it = registry
            .lost
            .pipelines
            .iter()
            .filter(|(id, _)| id.tenant == *name);
        let accounts: BTreeSet<Option<Name>> = of_it
            .map(|(_, pipeline)| pipeline.nats_account.clone())
            .chain([None])
            .collect();
        let change = Change::new("tenant-deleted", name, format!("tenant/{name}"));
        let make = async {
            for life in lives {
                for account in &accounts {
                    let world = self.context.world.of(account.as_ref()).await?;
                    self.lives.delete_streams_in(&world, name, life).await?;
                }
                self.lives.mark_end(name, life).await?;
            }
            // An engine clears it away, as it does what a request leaves that was cut off.
            let is_gone = |registry: &Registry| {
                let is_its = |key: &Key| Intent::Orphan(key.clone()).tenant() == Some(name);
                registry.lost.lives_of(name).next().is_none() && !registry.orphans.iter().any(is_its)
            };
            self.context.wait_within(GONE_WITHIN, is_gone).await
        };
        self.audited(change, make).await
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

/// A sandbox has a largest memory.
fn check_memory(quotas: &Quotas) -> ControlResult<()> {
    let asked = quotas.memory_bytes;
    if asked > MOST_MEMORY_BYTES {
        let [asked, most] = [Bytes(asked), Bytes(MOST_MEMORY_BYTES)];
        let why =
            format!("memory-bytes: {asked} is more than {most}, which is the most that an instance can have");
        return Err(ControlError::Invalid(why));
    }
    Ok(())
}

fn check_patterns(field: &str, patterns: &[String]) -> ControlResult<()> {
    for pattern in patterns {
        subject::check_pattern(pattern)
            .map_err(|cause| ControlError::Invalid(format!("{field}: {cause}")))?;
        let is_table = field == "read" && subject::is_in_a_bucket(pattern);
        if subject::is_reserved(pattern) && !is_table {
            let why = "it reaches subjects of the engine or the broker";
            return Err(ControlError::Invalid(format!(
                "{field}: {pattern:?} cannot be granted: {why}; grant a narrower one, such as shop.>"
            )));
        }
    }
    Ok(())
}
