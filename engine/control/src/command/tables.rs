//! The streams of a pipeline's tables, found and checked before anything is written.

use tailrace_core::{
    grant::Grant,
    identity::PipelineId,
    manifest::{PipelineManifest, PipelineTable, TableManifest, error::ManifestError},
    name::Name,
    ports::broker::{StreamFacts, Streams},
    registry::PipelinePhase,
    subject,
};

use crate::{
    command::{Commands, stream_search::StreamSearch},
    error::ControlResult,
};

impl Commands {
    /// Fills in the stream of each table, and sees that it can be one.
    pub(crate) async fn resolve_tables(
        &self,
        tenant: &Name,
        manifest: &mut PipelineManifest,
    ) -> ControlResult<()> {
        if manifest.tables.is_empty() {
            return Ok(());
        }
        let streams = self.context.world_of(tenant).await?.streams;
        let patterns: Vec<_> = manifest.table_patterns().collect();
        for (name, table) in &mut manifest.tables {
            let path = format!("tables.{name}");
            if let Some((pipeline, what)) = table.upstream() {
                let stream = self.resolve_upstream(tenant, &path, pipeline, what)?;
                if table.stream.as_ref().is_some_and(|named| *named != stream) {
                    let hint = format!("the stream of pipeline {pipeline} is {stream:?}; leave it out");
                    return Err(ManifestError::new(format!("{path}.stream"), hint).into());
                }
                table.stream = Some(stream);
                continue;
            }
            let own = patterns
                .iter()
                .filter(|(of, _)| of.starts_with(&format!("{path}.")));
            let facts = find(&*streams, tenant, table, (&path, own.cloned().collect())).await?;
            if !facts.keeps_to_limits {
                let hint = format!(
                    "stream {:?} lets messages go when they are acknowledged; a table needs one that keeps them (retention: limits)",
                    facts.name
                );
                return Err(ManifestError::new(path, hint).into());
            }
            if table.bucket.is_none() {
                table.stream = Some(facts.name);
            }
        }
        Ok(())
    }
}

impl Commands {
    /// The stream of a pipeline whose state or vectors are a table.
    fn resolve_upstream(
        &self,
        tenant: &Name,
        path: &str,
        pipeline: &Name,
        what: PipelineTable<'_>,
    ) -> ControlResult<String> {
        let id = PipelineId {
            tenant: tenant.clone(),
            pipeline: pipeline.clone(),
        };
        let registry = self.context.registry()?;
        let known = registry.pipelines.get(&id);
        let Some(known) = known.filter(|known| known.phase != PipelinePhase::Deleting) else {
            let hint = format!(
                "there is no pipeline {pipeline:?}; apply it first, or check the spelling (tailrace pipeline list)"
            );
            return Err(ManifestError::new(format!("{path}.pipeline"), hint).into());
        };
        let active = &known.active.manifest;
        let list = |names: Vec<&Name>| {
            let names: Vec<_> = names.into_iter().map(Name::as_str).collect();
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        };
        let (field, hint) = match what {
            PipelineTable::State(step) => match active.steps.iter().find(|known| known.name == *step) {
                Some(step) if step.grants.contains(&Grant::State) => {
                    return Ok(subject::stream_name(&id));
                }
                Some(_) => (
                    "state",
                    format!("step {step} of pipeline {pipeline} keeps no state: it lacks the grant state"),
                ),
                None => {
                    let steps = list(active.steps.iter().map(|step| &step.name).collect());
                    (
                        "state",
                        format!(
                            "pipeline {pipeline} has no step {step:?} in its active revision {}; it has: {steps}",
                            known.active.number
                        ),
                    )
                }
            },
            PipelineTable::Vectors(collection) if active.vectors.contains_key(collection) => {
                return Ok(subject::stream_name(&id));
            }
            PipelineTable::Vectors(collection) => {
                let collections = list(active.vectors.keys().collect());
                (
                    "vectors",
                    format!(
                        "pipeline {pipeline} has no collection {collection:?} in its active revision {}; it has: {collections}",
                        known.active.number
                    ),
                )
            }
        };
        Err(ManifestError::new(format!("{path}.{field}"), hint).into())
    }

    /// What pipelines would no longer be told of, if this were the active revision: the tables of others that read what
    /// it does not have.
    pub(crate) fn readers_left(
        &self,
        id: &PipelineId,
        next: &PipelineManifest,
    ) -> ControlResult<Vec<String>> {
        let registry = self.context.registry()?;
        let own = registry
            .pipelines
            .iter()
            .filter(|(other, _)| other.tenant == id.tenant);
        let mut left = Vec::new();
        for (reader, pipeline) in own {
            for (name, table) in &pipeline.active.manifest.tables {
                let Some((source, what)) = table.upstream() else {
                    continue;
                };
                if *source != id.pipeline || keeps(next, what) {
                    continue;
                }
                left.push(format!(
                    "table {name} of pipeline {} reads {what}, which this revision does not have: its rows stay as they are",
                    reader.pipeline
                ));
            }
        }
        Ok(left)
    }
}

/// Whether a pipeline of this manifest keeps it.
fn keeps(manifest: &PipelineManifest, what: PipelineTable<'_>) -> bool {
    match what {
        PipelineTable::State(step) => {
            let mut steps = manifest.steps.iter();
            steps.any(|known| known.name == *step && known.grants.contains(&Grant::State))
        }
        PipelineTable::Vectors(collection) => manifest.vectors.contains_key(collection),
    }
}

async fn find(
    streams: &dyn Streams,
    tenant: &Name,
    table: &TableManifest,
    (path, patterns): (&str, Vec<(String, String)>),
) -> ControlResult<StreamFacts> {
    let search = StreamSearch {
        streams,
        tenant,
        field: format!("{path}.stream"),
        patterns,
    };
    let Some(named) = table.stream_name() else {
        return search.only("").await;
    };
    let gone = match &table.bucket {
        Some(bucket) => ManifestError::new(
            format!("{path}.bucket"),
            format!("there is no bucket {bucket:?}; make it: nats kv add {bucket}"),
        ),
        None => search.gone(&named),
    };
    search.named(&named, gone).await
}
