//! Which stream holds what a manifest reads: the one that it names, or else the only one that holds the patterns. It is
//! the same search for events and for tables.

use tailrace_core::{
    manifest::error::ManifestError,
    name::Name,
    ports::broker::{BrokerError, StreamFacts, Streams},
    subject,
};

use crate::error::ControlResult;

/// What a stream is looked for by.
pub(super) struct StreamSearch<'a> {
    /// Where it is looked.
    pub(super) streams: &'a dyn Streams,
    /// For whom.
    pub(super) tenant: &'a Name,
    /// The field of the manifest that names the stream.
    pub(super) field: String,
    /// The patterns that it holds, each with its path in the manifest.
    pub(super) patterns: Vec<(String, String)>,
}

impl StreamSearch<'_> {
    /// The stream of this name. One that the tenant has made may be meant by the tenant's name for it.
    pub(super) async fn named(&self, name: &str, gone: ManifestError) -> ControlResult<StreamFacts> {
        let own = Name::new(name).map(|own| subject::tenant_stream_name(self.tenant, &own));
        let known = match (self.streams.stream(name).await, own) {
            (Err(BrokerError::NoStream(_)), Ok(own)) => self.streams.stream(&own).await,
            (known, _) => known,
        };
        let facts = match known {
            Err(BrokerError::NoStream(_)) => return Err(gone.into()),
            known => known?,
        };
        match reaches(&self.patterns, &facts) {
            // Another tenant's stream is as good as none: that it exists is not this tenant's business.
            Err(_) if subject::is_anothers(&facts.name, self.tenant) => Err(gone.into()),
            reached => reached.map(|()| facts).map_err(Into::into),
        }
    }

    /// The one stream that holds the patterns; `way_out` is for where several do.
    pub(super) async fn only(&self, way_out: &str) -> ControlResult<StreamFacts> {
        let mut found: Vec<String> = Vec::new();
        for (path, pattern) in &self.patterns {
            let mut holders = self.streams.streams_with(pattern).await?;
            if holders.is_empty() {
                holders = self.streams.derived_with(pattern).await?;
            }
            if holders.is_empty() {
                let hint = format!(
                    "no stream holds {pattern:?}; make one (tailrace stream create), or check the spelling"
                );
                return Err(ManifestError::new(path, hint).into());
            }
            found.extend(holders);
        }
        found.sort_unstable();
        found.dedup();
        if let [only] = &*found {
            let facts = self.streams.stream(only).await?;
            reaches(&self.patterns, &facts)?;
            return Ok(facts);
        }
        let count = found.len();
        let hint = format!("{count} streams hold these subjects; name the one you mean{way_out}");
        Err(ManifestError::new(&self.field, hint).into())
    }

    /// A stream of this name is not there.
    pub(super) fn gone(&self, name: &str) -> ManifestError {
        let hint = format!(
            "there is no stream {name:?}; make it, or leave `stream` out and the engine finds the one that holds the subjects"
        );
        ManifestError::new(&self.field, hint)
    }
}

/// Whether messages of these patterns may come into a stream. What it holds now says nothing of what it will hold.
pub(super) fn reaches(patterns: &[(String, String)], facts: &StreamFacts) -> Result<(), ManifestError> {
    for (path, pattern) in patterns {
        if !facts.may_hold.iter().any(|held| subject::overlap(held, pattern)) {
            let held = facts.may_hold.join(", ");
            let hint = format!("stream {:?} never holds {pattern:?}; it holds {held}", facts.name);
            return Err(ManifestError::new(path, hint));
        }
    }
    Ok(())
}
