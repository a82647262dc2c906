//! Rules that bind subjects of a tenant to schemas: bind, unbind. They are part of the tenant's entry, so they end with
//! it, and one write changes them.
//!
//! A rule changes no pipeline. It holds when a manifest is applied, so what a pipeline runs is what somebody has applied.
//!
//! Why: docs/decisions/0157-a-rule-fills-in-a-schema.md

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tailrace_core::{
    audit::Change,
    manifest::{Framing, PayloadSchemaManifest},
    name::Name,
    registry::{Key, SchemaRule, Tenant, readers_without},
    subject,
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

/// Longest pattern of a rule.
const MAX_SUBJECT_BYTES: usize = 256;

/// The schema of the payloads on some subjects.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SchemaRuleRequest {
    /// The schema.
    pub name: Name,
    /// Its version. Without it, it is the latest one when a pipeline is applied.
    pub version: Option<u32>,
    /// The message that payloads are, for Protobuf.
    pub message: Option<String>,
    /// The bytes before a payload.
    #[serde(default)]
    pub framing: Framing,
}

/// A rule that was bound.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct BoundSchema {
    /// The rule.
    #[serde(flatten)]
    pub rule: SchemaRule,
    /// Pipelines that read such subjects in another way, since they were applied before. Applied again, they follow the
    /// rule.
    pub otherwise: Vec<Name>,
}

impl From<SchemaRuleRequest> for PayloadSchemaManifest {
    fn from(request: SchemaRuleRequest) -> Self {
        Self {
            name: request.name,
            version: request.version,
            message: request.message,
            framing: request.framing,
        }
    }
}

impl Commands {
    /// Binds subjects to a schema, and says whether the rule is new. A rule of the same subjects is replaced.
    pub async fn bind_schema(
        &self,
        tenant: &Name,
        pattern: &str,
        request: SchemaRuleRequest,
    ) -> ControlResult<(BoundSchema, bool)> {
        check_pattern(pattern)?;
        let rule = SchemaRule {
            subject: pattern.to_owned(),
            schema: request.into(),
        };
        let (mut owner, revision) = self.tenant_entry(tenant).await?;
        self.check_schema_of(tenant, &rule).await?;
        check_others(&owner, &rule)?;
        let known = owner
            .schema_rules
            .iter()
            .position(|known| known.subject == pattern);
        let before = known.map(|known| std::mem::replace(&mut owner.schema_rules[known], rule.clone()));
        if before.is_none() {
            owner.schema_rules.push(rule.clone());
            owner
                .schema_rules
                .sort_by(|one, other| one.subject.cmp(&other.subject));
        }
        if before.as_ref() != Some(&rule) {
            let told = |rule: &SchemaRule| json!(rule.schema);
            let change = Change::new("schema-bound", tenant, format!("schema-rule/{pattern}"));
            let change = change
                .in_life(owner.life)
                .from(before.as_ref().map(told))
                .to(told(&rule));
            self.audited(change, self.write_rules(&owner, revision)).await?;
        }
        let registry = self.context.registry()?;
        let manifests = registry
            .pipelines_of(tenant)
            .map(|(_, pipeline)| &pipeline.active.manifest);
        let otherwise = readers_without(&rule, manifests).cloned().collect();
        Ok((BoundSchema { rule, otherwise }, before.is_none()))
    }

    /// Takes a rule away. Pipelines keep what it has filled in.
    pub async fn unbind_schema(&self, tenant: &Name, pattern: &str) -> ControlResult<()> {
        let (mut owner, revision) = self.tenant_entry(tenant).await?;
        let known = owner
            .schema_rules
            .iter()
            .position(|known| known.subject == pattern);
        let known = known.ok_or_else(|| ControlError::not_found("schema rule", &pattern))?;
        let rule = owner.schema_rules.remove(known);
        let change = Change::new("schema-unbound", tenant, format!("schema-rule/{pattern}"));
        let change = change.in_life(owner.life).from(Some(json!(rule.schema)));
        self.audited(change, self.write_rules(&owner, revision)).await
    }

    /// The rules of a tenant, by subject.
    pub fn schema_rules(&self, tenant: &Name) -> ControlResult<Vec<SchemaRule>> {
        Ok(self.context.tenant(tenant)?.schema_rules.clone())
    }

    async fn write_rules(&self, owner: &Tenant, revision: u64) -> ControlResult<()> {
        let key = Key::Tenant(owner.name.clone());
        self.context.write(&key, owner, revision).await.map(drop)
    }

    /// A tenant as it stands on the broker, at work.
    async fn tenant_entry(&self, tenant: &Name) -> ControlResult<(Tenant, u64)> {
        let seen: Arc<Tenant> = self.context.tenant_at_work(tenant)?;
        let known = self.context.read::<Tenant>(&Key::Tenant(tenant.clone())).await?;
        let known = known.filter(|(known, _)| known.life == seen.life && !known.deleting);
        known.ok_or_else(|| ControlError::Conflict(format!("tenant {tenant} was deleted meanwhile")))
    }

    /// The schema is there, and is ready to be used as the rule says.
    async fn check_schema_of(&self, tenant: &Name, rule: &SchemaRule) -> ControlResult<()> {
        let mut schema = rule.schema.clone();
        let registry = self.context.registry_now().await?;
        let latest = registry.schema_versions_of(tenant, &schema.name).last();
        schema.version = schema.version.or(latest.map(|latest| latest.version));
        self.try_schemas(tenant, registry, vec![("schema".to_owned(), schema)])
            .await
    }
}

fn check_pattern(pattern: &str) -> ControlResult<()> {
    let invalid = |why: String| Err(ControlError::Invalid(format!("subject: {why}")));
    if pattern.len() > MAX_SUBJECT_BYTES {
        return invalid(format!("at most {MAX_SUBJECT_BYTES} bytes"));
    }
    if let Err(cause) = subject::check_pattern(pattern) {
        return invalid(cause.to_string());
    }
    if subject::is_reserved(pattern) {
        return invalid(format!(
            "{pattern:?} reaches subjects of the engine or the broker; narrow it to your own"
        ));
    }
    Ok(())
}

/// Another rule says nothing of the same subjects, and there is room for one more.
fn check_others(owner: &Tenant, rule: &SchemaRule) -> ControlResult<()> {
    let mut others = owner
        .schema_rules
        .iter()
        .filter(|other| other.subject != rule.subject);
    let overlapping = others
        .clone()
        .find(|other| subject::overlap(&other.subject, &rule.subject));
    if let Some(other) = overlapping {
        let (pattern, name) = (&other.subject, &other.schema.name);
        return Err(ControlError::Conflict(format!(
            "{:?} overlaps {pattern:?}, which is bound to schema {name}; a subject has one schema, so unbind that first",
            rule.subject
        )));
    }
    let most = owner.quotas.schema_rules;
    if others.by_ref().count() >= most as usize {
        return Err(ControlError::Quota(format!(
            "the tenant's quota of {most} schema rules is used up; unbind some, or ask an operator to raise it"
        )));
    }
    Ok(())
}
