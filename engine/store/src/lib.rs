//! The local image of partitions, in sled: what the stream of commits says, brought into a form that
//! answers questions. It is rebuildable and never ahead of the stream, so it needs no fsync: sled
//! survives the death of the process, and what a power loss takes is applied again from the stream.
//!
//! - [`SledStore`]: the databases, one a tenant, opened when first needed; a damaged one is moved aside;
//! - [`image`]: one partition in one tree;
//! - [`commit`]: a commit as writes in their order, so that it may be cut off anywhere;
//! - [`keys`]: the name spaces within a tree;
//! - [`value`]: values with their checksums;
//! - [`version`]: whether the content is still what it was;
//! - [`sketches`]: sketches as a base and a log of updates;
//! - [`transfer`]: export without stopping the partition, and import;
//! - [`collection`]: vectors in memory, exact while small and with an index above.

mod collection;
mod commit;
mod database;
mod divided;
mod entries;
mod handle;
mod image;
mod keys;
mod sketches;
mod transfer;
mod value;
mod version;
mod weight;
mod writes;

pub use collection::{INDEX_ABOVE, VectorCollection};
pub use database::{SledStore, StoreOptions};
