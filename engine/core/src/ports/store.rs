//! The local state store of a partition. Implemented by `engine/store`.
//!
//! The stream of commits is the truth; a state store is rebuildable and never ahead of it. All reads see
//! exactly what was applied. What is not yet committed lies above, in `tailrace_dataplane::effects`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tailrace_sketch::{Sketch, TenantSeed};

use crate::{
    delta::{Delta, StateValue},
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::PipelineManifest,
    name::Name,
    series::{Group, Held, RangeQuery},
    vectors::{Metric, Search},
};

/// The store failed. Ours, or the disk's; never the tenant's.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed; the outcome of a write is unknown.
    #[error("the local store failed: {0}")]
    Io(String),
    /// The disk is full, or what of it the engine may use.
    #[error(
        "no space left on the disk of the engine's data folder ({0}); make room there (operator); it goes on by itself"
    )]
    NoRoom(String),
    /// What is stored does not decode; the state store must be rebuilt.
    #[error("the local store is damaged: {0}")]
    Damaged(String),
}

/// Up to where a state store holds the commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Applied {
    /// Number of the last applied commit; 0 for an empty state store.
    pub commit: u64,
    /// Sequence, in the pipeline's stream, of the last message of its record.
    pub sequence: u64,
}

/// How much a state store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoredSize {
    /// Keys and values of state.
    pub state_bytes: u64,
    /// Ids and numbers of vectors.
    pub vector_bytes: u64,
}

impl StoredSize {
    /// What of it is no less than it may be.
    pub fn full(self, most_state_bytes: u64, most_vector_bytes: u64) -> Full {
        Full {
            state: self.state_bytes >= most_state_bytes,
            vectors: self.vector_bytes >= most_vector_bytes,
        }
    }
}

impl std::ops::AddAssign for StoredSize {
    fn add_assign(&mut self, other: Self) {
        self.state_bytes += other.state_bytes;
        self.vector_bytes += other.vector_bytes;
    }
}

/// The order in which entries of state end: that of [`PartitionStore::expired`].
pub fn expiry_order<'a>(ends_ms: u64, step: &'a str, key: &'a str) -> (u64, usize, &'a str, &'a str) {
    (ends_ms, step.len(), step, key)
}

/// What a tenant has too much of: writes that add to it are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Full {
    /// State.
    pub state: bool,
    /// Vectors.
    pub vectors: bool,
}

/// Merged parts of sketches that were kept for the next query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartCounts {
    /// Those that a query found.
    pub hits: u64,
    /// Those that it had to merge.
    pub misses: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// A step of giving a tenant's disk back; asked for before it is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReclaimStep {
    /// What the database holds is measured, a page at a time.
    Measure,
    /// An empty database is made beside it.
    Begin,
    /// What it holds is copied, a page at a time.
    Copy,
    /// From now on commits go to both.
    Join,
    /// The copy is written to the disk.
    Sync,
    /// The copy takes the database's place.
    Switch,
    /// The old database is removed, whatever is answered.
    Remove,
}

/// Disk that databases gave back, since the engine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReclaimCounts {
    /// Databases that were made smaller.
    pub compactions: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Bytes that were given back.
    pub bytes: u64,
}

/// A hit of a search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The vector's id.
    pub id: String,
    /// By the collection's metric; more is nearer.
    pub score: f32,
}

/// An entry of an export.
#[derive(Debug, Clone, PartialEq)]
pub enum Exported<'a> {
    /// Of state.
    State {
        /// The step.
        step: &'a str,
        /// Its key.
        key: &'a str,
        /// Its value.
        value: StateValue,
    },
    /// A vector.
    Vector {
        /// The collection.
        collection: &'a str,
        /// Its id.
        id: &'a str,
        /// Its numbers.
        vector: Vec<f32>,
    },
}

/// The state stores of all partitions on this machine.
pub trait LocalStore: Send + Sync {
    /// Opens a partition's state store, empty if it is new. A damaged database is moved aside first.
    fn open(
        &self,
        partition: &PartitionId,
        manifest: &PipelineManifest,
        seed: TenantSeed,
    ) -> Result<Arc<dyn PartitionStore>, StoreError>;
    /// Opens it for queries, where it exists.
    fn existing(&self, partition: &PartitionId) -> Result<Option<Arc<dyn PartitionStore>>, StoreError>;
    /// Reads the chunks of an export, without a state store; gives up to where it holds the commits. State and vectors
    /// are told, sketches are not.
    fn read_export(
        &self,
        source: &mut dyn Iterator<Item = Vec<u8>>,
        each: &mut dyn FnMut(Exported<'_>),
    ) -> Result<Applied, StoreError>;
    /// Deletes the state store of a partition; the next [`LocalStore::open`] finds it empty.
    fn wipe(&self, partition: &PartitionId) -> Result<(), StoreError>;
    /// Deletes everything of one life of a pipeline, and what the tenant's last one leaves.
    fn remove(&self, pipeline: &PipelineId, life: Life) -> Result<(), StoreError>;
    /// Tenants of which anything is here.
    fn tenants(&self) -> Result<Vec<Name>, StoreError>;
    /// The lives of pipelines of which a tenant has anything here.
    fn lives(&self, tenant: &Name) -> Result<Vec<(PipelineId, Life)>, StoreError>;
    /// Deletes everything of a tenant.
    fn remove_tenant(&self, tenant: &Name) -> Result<(), StoreError>;
    /// Gives disk back that databases hold without need. It takes long, on a thread that may block, and holds up
    /// neither commits nor queries. It asks before each step of a tenant whether it may go on.
    fn reclaim(&self, may_go_on: &dyn Fn(&Name, ReclaimStep) -> bool) {
        let _ = may_go_on;
    }
    /// What it gave back.
    fn reclaim_counts(&self) -> ReclaimCounts {
        ReclaimCounts::default()
    }
    /// How the merged parts of sketches serve; nothing where none are kept.
    fn part_counts(&self) -> PartCounts {
        PartCounts::default()
    }
    /// Bytes on disk of a tenant's database.
    fn size_bytes(&self, tenant: &Name) -> Result<u64, StoreError>;
}

/// Entries of a state scan, in key order.
pub type Entries = Vec<(String, StateValue)>;

/// The state store of one partition.
pub trait PartitionStore: Send + Sync {
    /// Up to where it holds the commits.
    fn applied(&self) -> Result<Applied, StoreError>;
    /// The commit whose application was cut off, by a crash or an error: some of its entries are there. It is
    /// applied again, or the state store is of no use. None where commits are applied in one piece.
    fn begun(&self) -> Option<Applied> {
        None
    }
    /// How much it holds, as of the last applied commit.
    fn weight(&self) -> StoredSize;
    /// A number for what it holds: as long as it stays, so does every answer, and no other state store ever
    /// has it. None while the content changes, and where nobody keeps count.
    fn version(&self) -> Option<u64> {
        None
    }
    /// Applies a commit. After a crash it is there as a whole, or [`PartitionStore::begun`] tells of it; reads of
    /// single entries may see some of it before it is done.
    fn apply(&self, delta: &Delta, applied: Applied) -> Result<(), StoreError>;
    /// A state entry, expired or not.
    fn get(&self, step: &str, key: &str) -> Result<Option<StateValue>, StoreError>;
    /// Entries whose key starts with `prefix`, after `after`, at most `limit`, expired or not.
    fn scan(
        &self,
        step: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Entries, StoreError>;
    /// Up to `limit` entries (step, key) that ended at or before `watermark_ms`, in the order of
    /// [`expiry_order`]: which of them go with a batch is a part of its record.
    fn expired(&self, watermark_ms: u64, limit: usize) -> Result<Vec<(String, String)>, StoreError>;
    /// A stored vector.
    fn vector(&self, collection: &str, id: &str) -> Result<Option<Vec<f32>>, StoreError>;
    /// Vectors of a collection in the order of their ids, after `after`, at most `limit`.
    fn vectors(
        &self,
        collection: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Vec<f32>)>, StoreError>;
    /// A collection in memory, for search and for uncommitted changes.
    fn collection(
        &self,
        collection: &str,
        dimensions: usize,
        metric: Metric,
        search: Search,
    ) -> Result<Box<dyn Collection>, StoreError>;
    /// A sketch that is not windowed or grouped, as of the last applied commit.
    fn sketch(&self, name: &str) -> Result<Option<Sketch>, StoreError>;
    /// What a range query of a windowed or grouped sketch finds, merged: one sketch, or one a group.
    fn sketch_range(
        &self,
        name: &str,
        slice: &RangeQuery,
    ) -> Result<Vec<(Option<Group>, Sketch)>, StoreError>;
    /// Which windows there are of a sketch; none where it never had any.
    fn sketch_windows(&self, name: &str) -> Result<Option<Held>, StoreError>;
    /// SHA-256 over everything that was applied, independent of how it lies on disk.
    fn content_hash(&self) -> Result<[u8; 32], StoreError>;
    /// Writes the whole state store as consistent chunks, for a snapshot; gives what it holds.
    fn export(&self, sink: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>) -> Result<Applied, StoreError>;
    /// Replaces the state store by the chunks of an export.
    fn import(&self, source: &mut dyn Iterator<Item = Vec<u8>>) -> Result<Applied, StoreError>;
}

/// A collection of vectors in memory. Changes here are not durable: they are those that a commit
/// will carry, and the collection is loaded anew when one fails.
pub trait Collection: Send {
    /// Length of its vectors.
    fn dimensions(&self) -> usize;
    /// How many there are.
    fn len(&self) -> usize;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// A vector.
    fn get(&self, id: &str) -> Option<&[f32]>;
    /// Sets (`Some`) or deletes (`None`) a vector of the right length; gives what was there before.
    fn replace(&mut self, id: &str, vector: Option<&[f32]>) -> Option<Vec<f32>>;
    /// The `k` nearest, nearest first; equal scores in the order of ids.
    fn nearest(&self, query: &[f32], k: usize) -> Vec<Neighbour>;
}
