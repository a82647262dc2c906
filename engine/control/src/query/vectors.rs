//! Queries of the vectors that are committed: one by its id, and a collection page by page.

use serde::Serialize;
use tailrace_core::identity::PipelineId;

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        local::{Answer, What},
        pages::cut,
        queries::MAX_SCAN,
    },
};

/// Most numbers of the vectors of one page, so that a partition's page fits into one message between engines.
const MAX_NUMBERS: usize = 200_000;

/// A vector, as a query gives it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VectorEntry {
    /// Its id.
    pub id: String,
    /// Its numbers.
    pub vector: Vec<f32>,
    /// Partition that holds it; each partition learns its own.
    pub partition: u32,
}

/// Vectors of a collection, in the order of their ids.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct VectorPage {
    /// They themselves.
    pub vectors: Vec<VectorEntry>,
    /// The id to go on behind, if there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Queries {
    /// A vector of a collection.
    pub async fn vector(
        &self,
        id: &PipelineId,
        collection: &str,
        vector: &str,
    ) -> ControlResult<VectorEntry> {
        self.dimensions(id, collection)?;
        let what = What::Vector {
            collection: collection.to_owned(),
            id: vector.to_owned(),
        };
        let found = self
            .ask(id, what)
            .await?
            .into_iter()
            .flat_map(|answer| match answer {
                Answer::Vectors(vectors) => vectors,
                _ => Vec::new(),
            });
        let (partition, numbers) = found
            .min_by_key(|(partition, _)| *partition)
            .ok_or_else(|| ControlError::not_found("vector", &vector))?;
        Ok(VectorEntry {
            id: vector.to_owned(),
            vector: numbers,
            partition,
        })
    }

    /// Vectors of a collection after an id. Of long ones a page has fewer than are asked for.
    pub async fn vectors(
        &self,
        id: &PipelineId,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> ControlResult<VectorPage> {
        let dimensions = self.dimensions(id, collection)?;
        let room = MAX_NUMBERS / dimensions.max(1);
        let limit = limit.clamp(1, MAX_SCAN.min(room.max(1)));
        let what = What::Vectors {
            collection: collection.to_owned(),
            after: after.map(str::to_owned),
            limit,
        };
        let found = self.ask(id, what).await?.into_iter();
        let found = found.flat_map(|answer| match answer {
            Answer::VectorPage(vectors) => vectors,
            _ => Vec::new(),
        });
        let entry = |(partition, id, vector)| VectorEntry {
            id,
            vector,
            partition,
        };
        let mut vectors: Vec<VectorEntry> = found.map(entry).collect();
        vectors.sort_by(|one, other| (&one.id, one.partition).cmp(&(&other.id, other.partition)));
        let next = cut(&mut vectors, limit, |entry| &entry.id);
        Ok(VectorPage { vectors, next })
    }

    /// How long the vectors of a collection are.
    fn dimensions(&self, id: &PipelineId, collection: &str) -> ControlResult<usize> {
        let pipeline = self.context.pipeline(id)?;
        let declared = pipeline.active.manifest.vectors.get(collection);
        let declared = declared.ok_or_else(|| ControlError::not_found("collection", &collection))?;
        Ok(declared.dimensions as usize)
    }
}
