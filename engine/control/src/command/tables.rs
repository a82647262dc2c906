//! The streams of a pipeline's tables, found and checked before anything is written.

use tailrace_core::{
    manifest::{PipelineManifest, TableManifest, error::ManifestError},
    name::Name,
    ports::broker::{StreamFacts, Streams},
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
