//! Queries of the state that is committed. Vectors are in [`crate::query::vectors`], sketches in
//! [`crate::query::sketches`]. This is the serving layer. For partitions of this engine it reads the local state store and nothing else, so an answer
//! costs a look-up. For those of another engine it asks that engine.

use serde::Serialize;
use tailrace_core::identity::PipelineId;

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        local::{Answer, Found, What},
    },
};

/// Most entries of one scan.
pub const MAX_SCAN: usize = 1_000;

/// A state entry, as a query gives it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StateEntry {
    /// Its key.
    pub key: String,
    /// Its value, as the plugin wrote it.
    #[serde(skip)]
    pub value: Vec<u8>,
    /// When it ends, in event time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// Partition that holds it.
    pub partition: u32,
    /// The key that was asked for, where there is no entry and this one stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stands_in_for: Option<String>,
}

impl Queries {
    /// The state of a step under a key. Where several partitions hold the key, the lowest answers. Where none does,
    /// the entry answers that the step's plugin declares to stand in for such keys, if it declares one.
    pub async fn state(&self, id: &PipelineId, step: &str, key: &str) -> ControlResult<StateEntry> {
        self.check_step(id, step)?;
        if let Some(entry) = self.entry(id, step, key).await? {
            return Ok(entry);
        }
        let stand_in = match self.stand_in(id, step, key)? {
            Some(stand_in) => self.entry(id, step, &stand_in).await?,
            None => None,
        };
        let entry = stand_in.ok_or_else(|| ControlError::not_found("state entry", &key))?;
        Ok(StateEntry {
            stands_in_for: Some(key.to_owned()),
            ..entry
        })
    }

    async fn entry(&self, id: &PipelineId, step: &str, key: &str) -> ControlResult<Option<StateEntry>> {
        let what = What::State {
            step: step.to_owned(),
            key: key.to_owned(),
        };
        let found = entries(self.ask(id, what).await?);
        Ok(found.into_iter().min_by_key(|entry| entry.partition))
    }

    /// The key that stands in for one that is not there.
    fn stand_in(&self, id: &PipelineId, step: &str, key: &str) -> ControlResult<Option<String>> {
        let pipeline = self.context.pipeline(id)?;
        let mut steps = pipeline.active.manifest.steps.iter();
        let Some(step) = steps.find(|known| known.name.as_str() == step) else {
            return Ok(None);
        };
        let version = self.context.known_version(&id.tenant, &step.plugin)?;
        let schema = version
            .as_ref()
            .and_then(|version| version.config_schema.as_ref());
        Ok(schema.and_then(|schema| schema.stand_in(key)).map(str::to_owned))
    }

    /// Entries of a step whose key starts with a prefix, after a key, in key order.
    pub async fn scan(
        &self,
        id: &PipelineId,
        step: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> ControlResult<Vec<StateEntry>> {
        self.check_step(id, step)?;
        let limit = limit.clamp(1, MAX_SCAN);
        let what = What::Scan {
            step: step.to_owned(),
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            limit,
        };
        let mut found = entries(self.ask(id, what).await?);
        found.sort_by(|one, other| (&one.key, one.partition).cmp(&(&other.key, other.partition)));
        found.truncate(limit);
        Ok(found)
    }

    pub(crate) fn check_step(&self, id: &PipelineId, step: &str) -> ControlResult<()> {
        let pipeline = self.context.pipeline(id)?;
        let mut steps = pipeline.active.manifest.steps.iter();
        if steps.any(|known| known.name.as_str() == step) {
            return Ok(());
        }
        Err(ControlError::not_found("step", &step))
    }
}

pub(crate) fn entries(answers: Vec<Answer>) -> Vec<StateEntry> {
    let found = answers.into_iter().flat_map(|answer| match answer {
        Answer::Entries(entries) => entries,
        _ => Vec::new(),
    });
    let entry = |found: Found| StateEntry {
        key: found.key,
        value: found.value,
        expires_ms: found.expires_ms,
        partition: found.partition,
        stands_in_for: None,
    };
    found.map(entry).collect()
}
