//! Tables as a tenant declares them: the newest value of each key, of a bucket, of subjects, or of what another pipeline
//! keeps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    manifest::{Extract, defaults::is_default},
    name::Name,
};

/// A table holds the newest value of each key, as local state. Joins and plugins look rows up in it. A message moves
/// its row; one without a payload, and a delete marker, deletes it. In a bucket, an empty value is a row. When a pipeline
/// starts, it reads its tables up to their ends before it reads an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableManifest {
    /// The key-value bucket that holds the table. The tenant's read grant must cover `$KV.<bucket>.>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Instead of a bucket: the subject patterns whose messages are the rows. They lie within the tenant's read grant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// Instead of a bucket: another pipeline of the tenant, with `state` or `vectors`. Its commits are the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Name>,
    /// With `pipeline`: the step whose state is the table. A row is the value of a key, as the step has written it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Name>,
    /// With `pipeline`: the collection that is the table. A row is the vector of an id, as a JSON array of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vectors: Option<Name>,
    /// The stream of the subjects. Without it the engine finds the stream that holds them. With `pipeline` the engine
    /// fills in that pipeline's own stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The place of a row's key, where the table has subjects. Without it the subject is the key. The key of a bucket's
    /// row is its key in the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Extract>,
    /// The partitions that hold a row.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scope: TableScope,
}

/// The partitions that hold a row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TableScope {
    /// Each partition holds all rows. The table should be small.
    #[default]
    Everywhere,
    /// A row lies in the partition of its key. Only events with the same key find it.
    Partition,
}

/// What of another pipeline is a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipelineTable<'a> {
    /// The state of a step.
    State(&'a Name),
    /// A collection of vectors.
    Vectors(&'a Name),
}

/// What the subjects of a bucket's keys begin with.
const BUCKET_SUBJECTS: &str = "$KV.";
/// What the streams of buckets begin with.
const BUCKET_STREAMS: &str = "KV_";

impl TableManifest {
    /// Which pipeline it is read of, and what of that; none of other tables, and where the manifest does not say.
    pub fn upstream(&self) -> Option<(&Name, PipelineTable<'_>)> {
        let pipeline = self.pipeline.as_ref()?;
        let state = self.state.as_ref().map(PipelineTable::State);
        let what = state.or_else(|| self.vectors.as_ref().map(PipelineTable::Vectors))?;
        Some((pipeline, what))
    }

    /// The patterns of its messages, which lie within the read grant. What a tenant's own pipelines keep needs none.
    pub fn patterns(&self) -> Vec<String> {
        match &self.bucket {
            Some(bucket) => vec![format!("{BUCKET_SUBJECTS}{bucket}.>")],
            None => self.subjects.clone(),
        }
    }

    /// The stream that holds them, as far as the manifest says.
    pub fn stream_name(&self) -> Option<String> {
        let of_bucket = |bucket: &String| format!("{BUCKET_STREAMS}{bucket}");
        self.bucket
            .as_ref()
            .map(of_bucket)
            .or_else(|| self.stream.clone())
    }

    /// The part of a subject that is the key in its bucket; none where it has none.
    pub fn key_in_bucket<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let rest = subject.strip_prefix(BUCKET_SUBJECTS)?;
        rest.strip_prefix(self.bucket.as_deref()?)?.strip_prefix('.')
    }
}

impl std::fmt::Display for PipelineTable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::State(step) => write!(f, "the state of step {step}"),
            Self::Vectors(collection) => write!(f, "the vectors {collection}"),
        }
    }
}
