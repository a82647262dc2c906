//! The streams of a pipeline's tables, found and checked before anything is written.

use tailrace_core::{
    manifest::{PipelineManifest, TableManifest, error::ManifestError},
    name::Name,
    ports::broker::{BrokerError, StreamFacts, Streams},
    subject,
};

use crate::{command::Commands, error::ControlResult};

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
        for (name, table) in &mut manifest.tables {
            let path = format!("tables.{name}");
            let facts = find(&*streams, tenant, &path, table).await?;
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
    path: &str,
    table: &TableManifest,
) -> ControlResult<StreamFacts> {
    let Some(named) = table.stream_name() else {
        return holder(streams, path, table).await;
    };
    let own = Name::new(&named).map(|own| subject::tenant_stream_name(tenant, &own));
    let known = match (streams.stream(&named).await, own) {
        (Err(BrokerError::NoStream(_)), Ok(own)) => streams.stream(&own).await,
        (known, _) => known,
    };
    let gone = || match &table.bucket {
        Some(bucket) => ManifestError::new(
            format!("{path}.bucket"),
            format!("there is no bucket {bucket:?}; make it: nats kv add {bucket}"),
        ),
        None => ManifestError::new(
            format!("{path}.stream"),
            format!(
                "there is no stream {named:?}; make it, or leave `stream` out and the engine finds the one that holds the subjects"
            ),
        ),
    };
    let facts = match known {
        Err(BrokerError::NoStream(_)) => return Err(gone().into()),
        known => known?,
    };
    // Another tenant's stream is as good as none: that it exists is not this tenant's business.
    let reached = reaches(path, table, &facts);
    if reached.is_err() && subject::is_anothers(&facts.name, tenant) {
        return Err(gone().into());
    }
    reached.map(|()| facts).map_err(Into::into)
}

fn reaches(path: &str, table: &TableManifest, facts: &StreamFacts) -> Result<(), ManifestError> {
    if facts.is_derived {
        return Ok(());
    }
    for pattern in table.patterns() {
        if !facts.subjects.iter().any(|held| subject::overlap(held, &pattern)) {
            let held = facts.subjects.join(", ");
            let hint = format!("stream {:?} never holds {pattern:?}; it holds {held}", facts.name);
            return Err(ManifestError::new(path, hint));
        }
    }
    Ok(())
}

/// The one stream that holds the subjects of a table.
async fn holder(streams: &dyn Streams, path: &str, table: &TableManifest) -> ControlResult<StreamFacts> {
    let mut found: Vec<String> = Vec::new();
    for (index, pattern) in table.subjects.iter().enumerate() {
        let mut holders = streams.streams_with(pattern).await?;
        if holders.is_empty() {
            holders = streams.derived_with(pattern).await?;
        }
        if holders.is_empty() {
            let hint = format!(
                "no stream holds {pattern:?}; make one (tailrace stream create), or check the spelling"
            );
            return Err(ManifestError::new(format!("{path}.subjects[{index}]"), hint).into());
        }
        found.extend(holders);
    }
    found.sort_unstable();
    found.dedup();
    match &*found {
        [only] => Ok(streams.stream(only).await?),
        several => {
            let hint = format!(
                "{} streams hold these subjects; name the one you mean",
                several.len()
            );
            Err(ManifestError::new(format!("{path}.stream"), hint).into())
        }
    }
}
