//! Queries of what is committed: state, vectors, sketches. This is the serving layer: it reads the
//! local image and nothing else, so an answer costs a look-up.

use serde::Serialize;
use tailrace_sketch::{Query, Report, Sketch};

use super::{Control, ControlError, Outcome};
use crate::{
    delta::StateValue,
    identity::{PartitionId, PipelineId},
    name::Name,
    ports::store::Image,
};

/// Most entries of one scan.
pub const MAX_SCAN: usize = 1_000;

/// A state entry, as a query gives it.
#[derive(Debug, Clone, Serialize)]
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
}

/// A vector, as a query gives it.
#[derive(Debug, Clone, Serialize)]
pub struct VectorEntry {
    /// Its id.
    pub id: String,
    /// Its numbers.
    pub vector: Vec<f32>,
    /// Partition that holds it; each partition learns its own.
    pub partition: u32,
}

impl Control {
    /// The state of a step under a key. Where several partitions hold the key, the lowest answers.
    pub fn state(&self, id: &PipelineId, step: &str, key: &str) -> Outcome<StateEntry> {
        self.check_step(id, step)?;
        for (partition, image) in self.images(id)? {
            let value = image
                .get(step, key)?
                .filter(|value| self.is_live(id, partition, value));
            if let Some(StateValue { value, expires_ms }) = value {
                return Ok(StateEntry {
                    key: key.to_owned(),
                    value,
                    expires_ms,
                    partition,
                });
            }
        }
        Err(ControlError::not_found("state entry", &key))
    }

    /// Entries of a step whose key starts with a prefix, after a key, in key order.
    pub fn scan(
        &self,
        id: &PipelineId,
        step: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Outcome<Vec<StateEntry>> {
        self.check_step(id, step)?;
        let limit = limit.clamp(1, MAX_SCAN);
        let mut found = Vec::new();
        for (partition, image) in self.images(id)? {
            let entries = image.scan(step, prefix, after, limit)?.into_iter();
            let live = entries.filter(|(_, value)| self.is_live(id, partition, value));
            found.extend(live.map(|(key, StateValue { value, expires_ms })| StateEntry {
                key,
                value,
                expires_ms,
                partition,
            }));
        }
        found.sort_by(|one, other| (&one.key, one.partition).cmp(&(&other.key, other.partition)));
        found.truncate(limit);
        Ok(found)
    }

    /// A vector of a collection.
    pub fn vector(&self, id: &PipelineId, collection: &str, vector: &str) -> Outcome<VectorEntry> {
        let pipeline = self.pipeline(id)?;
        if !pipeline.active.spec.vectors.contains_key(collection) {
            return Err(ControlError::not_found("collection", &collection));
        }
        for (partition, image) in self.images(id)? {
            if let Some(numbers) = image.vector(collection, vector)? {
                return Ok(VectorEntry {
                    id: vector.to_owned(),
                    vector: numbers,
                    partition,
                });
            }
        }
        Err(ControlError::not_found("vector", &vector))
    }

    /// Every sketch of a pipeline, merged over its partitions.
    pub fn sketches(&self, id: &PipelineId) -> Outcome<Vec<(String, Report)>> {
        let pipeline = self.pipeline(id)?;
        let names = pipeline.active.spec.sketches.keys();
        names
            .map(|name| {
                Ok((
                    name.to_string(),
                    self.sketch(id, name.as_str(), &Query::default())?,
                ))
            })
            .collect()
    }

    /// One sketch, merged over the partitions.
    pub fn sketch(&self, id: &PipelineId, name: &str, query: &Query) -> Outcome<Report> {
        let pipeline = self.pipeline(id)?;
        let Some(declared) = pipeline.active.spec.sketches.get(name) else {
            return Err(ControlError::not_found("sketch", &name));
        };
        let mut merged = Sketch::new(&declared.config(), self.tenant(&id.tenant)?.seed);
        for (_, image) in self.images(id)? {
            if let Some(sketch) = image.sketch(name)? {
                merged
                    .merge(&sketch)
                    .map_err(|cause| ControlError::Internal(cause.to_string()))?;
            }
        }
        Ok(merged.report(query))
    }

    /// The hash of an item in a tenant's sketches.
    pub fn hash_item(&self, tenant: &Name, item: &str) -> Outcome<u64> {
        Ok(tailrace_sketch::hash_item(self.tenant(tenant)?.seed, item))
    }

    fn check_step(&self, id: &PipelineId, step: &str) -> Outcome<()> {
        let pipeline = self.pipeline(id)?;
        if pipeline
            .active
            .spec
            .steps
            .iter()
            .any(|known| known.name.as_str() == step)
        {
            return Ok(());
        }
        Err(ControlError::not_found("step", &step))
    }

    fn images(&self, id: &PipelineId) -> Outcome<Vec<(u32, std::sync::Arc<dyn Image>)>> {
        let partitions = self.pipeline(id)?.active.spec.partitions;
        let mut images = Vec::new();
        for partition in 0..partitions {
            let partition_id = PartitionId {
                pipeline: id.clone(),
                partition,
            };
            if let Some(image) = self.world.store.existing(&partition_id)? {
                images.push((partition, image));
            }
        }
        Ok(images)
    }

    /// Whether an entry still exists on the event-time clock of its partition.
    fn is_live(&self, id: &PipelineId, partition: u32, value: &StateValue) -> bool {
        let watermark_ms = self
            .overview
            .pipeline(id)
            .and_then(|status| status.watermark_ms(partition));
        watermark_ms.is_none_or(|now_ms| value.is_live(now_ms))
    }
}
