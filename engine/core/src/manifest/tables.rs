//! Tables as a tenant declares them: the newest value of each key, of a bucket or of subjects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::{Extract, defaults::is_default};

/// A table holds the newest value of each key, as local state. Joins and plugins look rows up in it. A message moves
/// its row; one without a payload, and a delete marker, deletes it. When a pipeline starts, it reads its tables up to
/// their ends before it reads an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableManifest {
    /// The key-value bucket that holds the table. The tenant's read grant must cover `$KV.<bucket>.>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Instead of a bucket: the subject patterns whose messages are the rows. They lie within the tenant's read grant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// The stream of the subjects. Without it the engine finds the stream that holds them.
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

/// What the subjects of a bucket's keys begin with.
const BUCKET_SUBJECTS: &str = "$KV.";
/// What the streams of buckets begin with.
const BUCKET_STREAMS: &str = "KV_";

impl TableManifest {
    /// The patterns of its messages.
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
