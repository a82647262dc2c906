//! Schemas of a tenant: push a version, choose what new ones are compared with, delete what nothing uses.
//!
//! A push writes twice: the schema's entry, which gives the number, and the version. A number that was given to
//! nothing is a gap and no harm. A version whose schema is gone is nobody's, and is cleared away as such.
//!
//! Why: docs/decisions/0124-a-schemas-number-and-id.md

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    audit::Change,
    codec::Codec,
    identity::Digest,
    life::Life,
    manifest::{PayloadSchemaManifest, PipelineManifest, error::ManifestError},
    name::Name,
    registry::{Key, Registry, Schema, SchemaReference, SchemaVersion, Tenant},
    tasks,
};
use tailrace_schema::{Compatibility, Format};
use tokio::sync::watch;

use crate::{
    command::{
        Commands,
        schema_users::{unbound, unnamed},
    },
    error::{ControlError, ControlResult},
    query::schemas::{Report, judge, parsed},
};

/// Bytes of a schema's text: with its escapes it fits into one entry of the registry.
const MAX_TEXT_BYTES: usize = 256 * 1024;
/// The same with its escapes: an entry is one message of the broker, of at most one mebibyte.
const MAX_ESCAPED_BYTES: usize = 800 * 1024;

/// A version to be pushed, or to be checked.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SchemaRequest {
    /// What it is written in.
    pub format: Format,
    /// The schema itself.
    pub schema: String,
    /// The versions that it refers to.
    #[serde(default)]
    pub references: Vec<SchemaReference>,
    /// JSON Schema: whether `format` is judged.
    #[serde(default)]
    pub assert_formats: bool,
}

/// What a schema's new versions are compared with.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompatibilityRequest {
    /// The mode.
    pub compatibility: Compatibility,
}

impl Commands {
    /// Pushes a version, and says whether it is new. The same content again is the version that there is.
    pub async fn push_schema(
        &self,
        tenant: &Name,
        name: &Name,
        request: SchemaRequest,
    ) -> ControlResult<(Arc<SchemaVersion>, bool)> {
        let owner = self.context.tenant_at_work(tenant)?;
        let registry = self.context.registry_now().await?;
        let digest = digest(&request, &registry, tenant)?;
        if let Some(known) = registry
            .schema_versions_of(tenant, name)
            .find(|known| known.digest == digest)
        {
            return Ok((known.clone(), false));
        }
        within_quota(&owner, &registry, 1)?;
        let schema = self.context.read::<Schema>(&schema_key(tenant, name)).await?;
        let schema = schema.filter(|(schema, _)| schema.tenant_life == owner.life);
        let mode = schema
            .as_ref()
            .map(|(schema, _)| schema.compatibility)
            .unwrap_or_default();
        let report = self
            .judge_beside(registry.clone(), tenant, name, request.clone(), mode)
            .await?;
        if !report.compatible {
            return Err(ControlError::Conflict(report.in_words(name)));
        }
        let before = schema.as_ref().map_or(0, |(_, revision)| *revision);
        let mut schema = schema.map_or_else(|| self.new_schema(&owner, name), |(schema, _)| schema);
        schema.last += 1;
        let version = SchemaVersion {
            schema: name.clone(),
            version: schema.last,
            id: free_id(&registry, tenant, digest),
            life: schema.life,
            tenant_life: owner.life,
            deleting: false,
            format: request.format,
            assert_formats: request.assert_formats,
            text: request.schema,
            references: request.references,
            digest,
            created_ms: self.context.now_ms(),
        };
        let change = Change::new(
            "schema-pushed",
            tenant,
            format!("schema/{name}/{}", version.version),
        );
        let change = change.in_life(owner.life).to(told(&version));
        let version = self
            .audited(change, self.keep_schema(tenant, (schema, before), version))
            .await?;
        Ok((Arc::new(version), true))
    }

    /// Says whether a version could be pushed, and changes nothing.
    pub async fn check_schema(
        &self,
        tenant: &Name,
        name: &Name,
        request: SchemaRequest,
    ) -> ControlResult<Report> {
        self.context.tenant(tenant)?;
        let registry = self.context.registry_now().await?;
        digest(&request, &registry, tenant)?;
        let schema = registry.schemas.get(&(tenant.clone(), name.clone()));
        let mode = schema.map(|schema| schema.compatibility).unwrap_or_default();
        self.judge_beside(registry, tenant, name, request, mode).await
    }

    /// Chooses what new versions of a schema are compared with.
    pub async fn set_compatibility(
        &self,
        tenant: &Name,
        name: &Name,
        compatibility: Compatibility,
    ) -> ControlResult<Schema> {
        let owner = self.context.tenant_at_work(tenant)?;
        let key = schema_key(tenant, name);
        let known = self.context.read::<Schema>(&key).await?;
        let known = known.filter(|(schema, _)| schema.tenant_life == owner.life);
        let (mut schema, revision) = known.ok_or_else(|| ControlError::not_found("schema", name))?;
        if schema.compatibility == compatibility {
            return Ok(schema);
        }
        let told = |mode: Compatibility| json!({ "compatibility": mode });
        let change = Change::new("schema-compatibility-set", tenant, format!("schema/{name}"));
        let change = change
            .in_life(owner.life)
            .from(Some(told(schema.compatibility)))
            .to(told(compatibility));
        schema.compatibility = compatibility;
        self.audited(change, async {
            self.context.write(&key, &schema, revision).await?;
            self.still_there(tenant, owner.life, &key).await
        })
        .await?;
        Ok(schema)
    }

    /// Deletes a version that no other one refers to.
    pub async fn delete_schema_version(&self, tenant: &Name, name: &Name, number: u32) -> ControlResult<()> {
        self.context.tenant(tenant)?;
        let key = Key::SchemaVersion(tenant.clone(), name.clone(), number);
        let missing = || ControlError::not_found("schema version", &format!("{name}/{number}"));
        let known = self.context.read::<SchemaVersion>(&key).await?;
        let (version, _) = known.ok_or_else(missing)?;
        self.unused(tenant, name, Some(number)).await?;
        let change = Change::new(
            "schema-version-deleted",
            tenant,
            format!("schema/{name}/{number}"),
        );
        let change = change.in_life(version.tenant_life).from(Some(told(&version)));
        self.audited(change, self.remove_version(tenant, name, number))
            .await
    }

    /// Deletes a schema with all its versions: its name may then be that of another one. Cut off in the middle, it is
    /// a schema with fewer versions, and asking again goes on.
    pub async fn delete_schema(&self, tenant: &Name, name: &Name) -> ControlResult<()> {
        self.context.tenant(tenant)?;
        let key = schema_key(tenant, name);
        let missing = || ControlError::not_found("schema", name);
        let (schema, _) = self.context.read::<Schema>(&key).await?.ok_or_else(missing)?;
        self.unused(tenant, name, None).await?;
        let change = Change::new("schema-deleted", tenant, format!("schema/{name}"));
        self.audited(change.in_life(schema.tenant_life), async {
            let registry = self.context.registry_now().await?;
            let versions = registry
                .all_schema_versions_of(tenant)
                .filter(|version| version.schema == *name);
            let mut numbers: Vec<u32> = versions.map(|version| version.version).collect();
            // The newest first: an older version may be what a newer one refers to.
            numbers.sort_unstable_by(|one, other| other.cmp(one));
            for number in numbers {
                self.remove_version(tenant, name, number).await?;
            }
            let (_, revision) = self.context.read::<Schema>(&key).await?.ok_or_else(missing)?;
            self.context.remove_at(&key, revision).await?;
            let place = (tenant.clone(), name.clone());
            self.context
                .wait_until(|registry| !registry.schemas.contains_key(&place))
                .await
        })
        .await
    }

    /// Removes a version. It is marked first, so that nothing refers to it meanwhile.
    async fn remove_version(&self, tenant: &Name, name: &Name, number: u32) -> ControlResult<()> {
        let key = Key::SchemaVersion(tenant.clone(), name.clone(), number);
        let Some((mut version, mut revision)) = self.context.read::<SchemaVersion>(&key).await? else {
            return Ok(());
        };
        if !version.deleting {
            version.deleting = true;
            revision = self.context.write(&key, &version, revision).await?;
        }
        if let Err(used) = self.unused(tenant, name, Some(number)).await {
            version.deleting = false;
            self.context.write(&key, &version, revision).await?;
            return Err(used);
        }
        self.context.remove_at(&key, revision).await?;
        let place = (tenant.clone(), name.clone(), number);
        self.context
            .wait_until(|registry| !registry.schema_versions.contains_key(&place))
            .await
    }

    /// Refuses while a version refers to this one; to any of the schema's, from another schema, where no number is
    /// said.
    async fn unused(&self, tenant: &Name, name: &Name, number: Option<u32>) -> ControlResult<()> {
        let registry = self.context.registry_now().await?;
        let mut users = registry.all_schema_versions_of(tenant);
        let user = users.find_map(|user| {
            let is_meant = |to: &&SchemaReference| {
                to.schema == *name && number.map_or(user.schema != *name, |number| to.version == number)
            };
            user.references.iter().find(is_meant).map(|to| (user, to.version))
        });
        match user {
            Some((user, number)) => Err(ControlError::Conflict(format!(
                "version {number} of schema {name} is used: version {} of {} refers to it",
                user.version, user.schema
            ))),
            None => unbound(&registry, tenant, name, number)
                .and_then(|()| unnamed(&registry, tenant, name, number)),
        }
    }

    /// Fills in the latest versions where a manifest names none, and makes each ready, as running it will.
    pub(crate) async fn resolve_schemas(
        &self,
        tenant: &Name,
        manifest: &mut PipelineManifest,
    ) -> ControlResult<()> {
        if manifest.schemas().next().is_none() {
            return Ok(());
        }
        let registry = self.context.registry_now().await?;
        for schema in manifest.schemas_mut() {
            let latest = registry.schema_versions_of(tenant, &schema.name).last();
            schema.version = schema.version.or(latest.map(|latest| latest.version));
        }
        for (path, schema) in manifest.schemas() {
            let key = (tenant.clone(), schema.name.clone(), schema.version.unwrap_or(0));
            let version = registry.schema_versions.get(&key);
            if version.is_some_and(|version| version.deleting) {
                let why = format!("version {} of schema {} is being deleted", key.2, schema.name);
                return Err(ManifestError::new(path, why).into());
            }
        }
        let named = manifest.schemas().map(|(path, schema)| (path, schema.clone()));
        self.try_schemas(tenant, registry, named.collect()).await
    }

    /// Makes schemas ready, each with the field that names it.
    pub(crate) async fn try_schemas(
        &self,
        tenant: &Name,
        registry: Arc<Registry>,
        named: Vec<(String, PayloadSchemaManifest)>,
    ) -> ControlResult<()> {
        let (tenant, (_, registered)) = (tenant.clone(), watch::channel(Some(registry)));
        let tried = tasks::spawn_blocking(move || {
            for (path, schema) in named {
                let tried = Codec::of(&tenant, &schema, &registered);
                tried.map_err(|why| ManifestError::new(path, why))?;
            }
            Ok::<(), ManifestError>(())
        });
        tried
            .await
            .map_err(|panic| ControlError::Internal(panic.to_string()))??;
        Ok(())
    }

    fn new_schema(&self, owner: &Tenant, name: &Name) -> Schema {
        Schema {
            name: name.clone(),
            life: Life::new(&*self.context.world.random),
            tenant_life: owner.life,
            compatibility: Compatibility::default(),
            last: 0,
            created_ms: self.context.now_ms(),
        }
    }

    /// Writes the number, then the version, then looks whether all that they stand on is still there.
    async fn keep_schema(
        &self,
        tenant: &Name,
        (schema, before): (Schema, u64),
        version: SchemaVersion,
    ) -> ControlResult<SchemaVersion> {
        let of = schema_key(tenant, &schema.name);
        self.context.write(&of, &schema, before).await?;
        let key = Key::SchemaVersion(tenant.clone(), schema.name.clone(), version.version);
        // One of an earlier life of the name may be on its way out.
        let earlier = self.context.read::<SchemaVersion>(&key).await?;
        let earlier = earlier
            .filter(|(earlier, _)| earlier.life != version.life)
            .map_or(0, |(_, revision)| revision);
        self.context.write(&key, &version, earlier).await?;
        self.still_there(tenant, version.tenant_life, &key).await?;
        let stands = self.stands(tenant, &schema, &version).await;
        if stands.is_err() {
            self.context.remove(&key).await?;
        }
        stands.map(|()| version)
    }

    async fn stands(&self, tenant: &Name, schema: &Schema, version: &SchemaVersion) -> ControlResult<()> {
        let known = self
            .context
            .read::<Schema>(&schema_key(tenant, &schema.name))
            .await?;
        if known.is_none_or(|(known, _)| known.life != schema.life) {
            return Err(ControlError::Conflict(format!(
                "schema {} was deleted meanwhile",
                schema.name
            )));
        }
        for to in &version.references {
            let key = Key::SchemaVersion(tenant.clone(), to.schema.clone(), to.version);
            let known = self.context.read::<SchemaVersion>(&key).await?;
            if known.is_none_or(|(known, _)| known.deleting) {
                let what = format!(
                    "version {} of schema {} was deleted meanwhile",
                    to.version, to.schema
                );
                return Err(ControlError::Conflict(what));
            }
        }
        let owner = self.context.tenant(tenant)?;
        within_quota(&owner, &*self.context.registry()?, 0)
    }

    /// Parsing and comparing may take a while: not on a thread that serves others.
    async fn judge_beside(
        &self,
        registry: Arc<Registry>,
        tenant: &Name,
        name: &Name,
        request: SchemaRequest,
        mode: Compatibility,
    ) -> ControlResult<Report> {
        let (tenant, name) = (tenant.clone(), name.clone());
        let judged = tasks::spawn_blocking(move || {
            let new = parsed(
                &registry,
                &tenant,
                (request.format, request.assert_formats),
                &request.schema,
                &request.references,
            )?;
            judge(&registry, (&tenant, &name), &new, mode)
        });
        judged
            .await
            .map_err(|lost| ControlError::Internal(lost.to_string()))?
    }
}

fn schema_key(tenant: &Name, name: &Name) -> Key {
    Key::Schema(tenant.clone(), name.clone())
}

fn within_quota(owner: &Tenant, registry: &Registry, more: usize) -> ControlResult<()> {
    let most = owner.quotas.schemas;
    if registry.all_schema_versions_of(&owner.name).count() + more > most as usize {
        return Err(ControlError::Quota(format!(
            "the tenant's quota of {most} schema versions is used up; delete some, or ask an operator to raise it"
        )));
    }
    Ok(())
}

/// The digest of what is pushed with all that it refers to, by their digests.
fn digest(request: &SchemaRequest, registry: &Registry, tenant: &Name) -> ControlResult<Digest> {
    if request.schema.len() > MAX_TEXT_BYTES {
        return Err(ControlError::Invalid(format!(
            "schema: at most {MAX_TEXT_BYTES} bytes"
        )));
    }
    if json!(request.schema).to_string().len() > MAX_ESCAPED_BYTES {
        return Err(ControlError::Invalid(format!(
            "schema: at most {MAX_ESCAPED_BYTES} bytes as a string of JSON"
        )));
    }
    if request.assert_formats && request.format != Format::JsonSchema {
        return Err(ControlError::Invalid(
            "assert-formats: only a JSON Schema has formats".to_owned(),
        ));
    }
    let mut referred: BTreeMap<&str, Digest> = BTreeMap::new();
    for to in &request.references {
        let version = registry
            .schema_versions
            .get(&(tenant.clone(), to.schema.clone(), to.version));
        let version = version.filter(|version| !version.deleting).ok_or_else(|| {
            let what = format!(
                "references: there is no version {} of a schema {}",
                to.version, to.schema
            );
            ControlError::Invalid(what)
        })?;
        if referred.insert(&to.name, version.digest).is_some() {
            return Err(ControlError::Invalid(format!(
                "references: {:?} is named twice",
                to.name
            )));
        }
    }
    let referred: Vec<(&str, String)> = referred
        .into_iter()
        .map(|(name, digest)| (name, digest.to_string()))
        .collect();
    let content = json!([request.format, request.assert_formats, request.schema, referred]);
    Ok(Digest::of(content.to_string().as_bytes()))
}

/// The id of a content: the first 32 bits of its digest. Where another content has them, it is drawn again.
fn free_id(registry: &Registry, tenant: &Name, digest: Digest) -> u32 {
    let taken = |id: u32| {
        id == 0
            || registry
                .all_schema_versions_of(tenant)
                .any(|known| known.id == id && known.digest != digest)
    };
    let drawn = (0_u32..).map(|draw| {
        let text = Digest::of(format!("{digest}{draw}").as_bytes()).to_string();
        u32::from_str_radix(&text[..8], 16).unwrap_or(0)
    });
    drawn.into_iter().find(|id| !taken(*id)).unwrap_or(0)
}

/// What the audit log tells of a version: the text is in the registry, and may be large.
fn told(version: &SchemaVersion) -> Value {
    json!({ "format": version.format, "id": version.id, "digest": version.digest, "references": version.references })
}
