//! Looking at a manifest before it is applied: all that is wrong with it is said at once, with its place in the text.
//!
//! What cannot work by itself is found first. Where there is such a thing, the plugins are looked at and nothing is
//! tried: the rest would only repeat it in other words.

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    identity::{Digest, PipelineId},
    manifest::{
        PipelineManifest,
        check::{MAX_STEPS, find},
        parse::Written,
        table_rules::remarks,
    },
    name::Name,
    ports::broker::StreamFacts,
    registry::{FilledSchema, Pipeline, Tenant, fill_in},
};

use crate::{
    command::{
        Commands,
        apply::Apply,
        checks::{check_change, check_memory},
        sift::sift,
        state_versions::check_state_versions,
    },
    error::{ControlError, ControlResult},
};

/// A manifest that can be applied, with what it needs.
pub(super) struct Examined {
    pub(super) id: PipelineId,
    pub(super) owner: Arc<Tenant>,
    pub(super) manifest: PipelineManifest,
    /// Schemas that rules of the tenant have filled in.
    pub(super) schemas: Vec<FilledSchema>,
    pub(super) stream: StreamFacts,
    pub(super) known: Option<(Pipeline, u64)>,
    pub(super) plugins: BTreeMap<Name, Digest>,
    /// What somebody should think of before.
    pub(super) warnings: Vec<String>,
    /// What is other than it is written, because the pipeline was given another stream since.
    pub(super) kept: Option<String>,
}

impl Commands {
    /// Finds all that is wrong with a manifest, in itself and beside what is there.
    pub(super) async fn examine(
        &self,
        tenant: &Name,
        written: Written,
        how: &Apply,
    ) -> ControlResult<Examined> {
        let Written {
            mut manifest,
            configs,
            places,
        } = written;
        let places = places.as_ref();
        let mut found = find(&manifest);
        let owner = self.context.tenant_at_work(tenant)?;
        let id = PipelineId {
            tenant: tenant.clone(),
            pipeline: manifest.name.clone(),
        };
        found.note(owner.check_grants(&manifest));
        if !found.is_empty() {
            for index in 0..manifest.steps.len().min(MAX_STEPS) {
                let looked = self.look_at_plugin(tenant, &mut manifest, index, &configs);
                sift(&mut found, looked)?;
            }
            found.refuse(places)?;
        }
        sift(&mut found, check_memory(&owner, &manifest))?;
        let filled = fill_in(&owner.schema_rules, &mut manifest).map_err(ControlError::from);
        let schemas = sift(&mut found, filled)?.unwrap_or_default();
        let kept = self.keep_left_stream(&id, &mut manifest).await?;
        let stream = Box::pin(self.resolve_stream(tenant, &manifest)).await;
        let stream = sift(&mut found, stream)?;
        manifest.input.stream = stream.as_ref().map(|stream| stream.name.clone());
        let tables = Box::pin(self.resolve_tables(tenant, &mut manifest)).await;
        sift(&mut found, tables)?;
        sift(&mut found, self.check_circle(&id, &manifest))?;
        let resolved = Box::pin(self.resolve_schemas(tenant, &mut manifest)).await;
        sift(&mut found, resolved)?;
        let known = self.settled(&id).await?;
        let revision = known.as_ref().map(|(_, revision)| *revision);
        let mut warnings = remarks(&manifest);
        warnings.extend(self.readers_left(&id, &manifest)?);
        let called = known.as_ref().map(|(known, _)| known.in_words(&id));
        let called = called.unwrap_or_else(|| format!("pipeline {}", id.pipeline));
        how.condition.check(&called, revision)?;
        if let (Some((known, _)), Some(_)) = (&known, &stream) {
            sift(&mut found, check_change(&known.active.manifest, &manifest))?;
            let again = Box::pin(self.declared_again(&id, known, &manifest)).await;
            warnings.extend(sift(&mut found, again)?.into_iter().flatten());
            let versions = check_state_versions(&known.active.manifest, &manifest, how.forced);
            sift(&mut found, versions)?;
        }
        let plugins = Box::pin(self.check_plugins(tenant, &mut manifest, &configs, &mut found)).await?;
        sift(&mut found, self.check_output(&id, &manifest).await)?;
        sift(&mut found, self.check_alarms(&owner, &manifest).await)?;
        found.refuse(places)?;
        let unfound = || ControlError::Internal("the input stream of a manifest without mistakes".to_owned());
        Ok(Examined {
            id,
            owner,
            schemas: with_versions(schemas, &manifest),
            manifest,
            stream: stream.ok_or_else(unfound)?,
            known,
            plugins,
            warnings,
            kept,
        })
    }
}

/// The version of each schema that a rule has filled in, once it is known.
fn with_versions(mut schemas: Vec<FilledSchema>, manifest: &PipelineManifest) -> Vec<FilledSchema> {
    for filled in &mut schemas {
        let mut named = manifest.schemas();
        let found = named.find(|(path, _)| *path == filled.field);
        filled.version = found.and_then(|(_, schema)| schema.version);
    }
    schemas
}
