//! The local state store of partitions, in sled: the content of the commits' stream in a form that answers
//! questions. It can be rebuilt and is never ahead of the stream, so it needs no fsync. sled survives the death
//! of the process; what a power loss takes is applied again from the stream.
//!
//! - [`SledStore`]: the databases of all tenants;
//! - [`tenant`]: the partitions of one that are open, and its locks;
//! - [`tenant_database`]: its database, opened when first needed; a damaged one is moved aside;
//! - [`opened`], [`opening`], [`apart`]: how databases are opened and closed;
//! - [`folders`], [`tree_name`]: where they are, and what their trees are called;
//! - [`compaction`]: giving disk back, with [`need`], [`copying`], [`followed`] and [`handover`];
//! - [`partition`]: one partition in one tree;
//! - [`writing`]: what a commit changes beside the tree;
//! - [`commit`]: a commit as writes in their order, so that it may be cut off anywhere;
//! - [`keys`]: the name spaces within a tree;
//! - [`value`]: values with their checksums;
//! - [`size`]: how many bytes a partition holds;
//! - [`version`]: whether the content is still what it was;
//! - [`sketches`]: sketches as a base and a log of updates;
//! - [`windowed`]: windowed and grouped sketches, and range queries of them;
//! - [`transfer`]: export without stopping the partition, and import;
//! - [`collection`]: vectors in memory, exact while small and with an index above.
//!
//! Why: docs/decisions/0042-sled-as-a-rebuildable-store.md

mod apart;
mod collection;
mod commit;
mod compaction;
mod copying;
mod database;
mod entries;
mod folders;
mod followed;
mod handle;
mod handover;
mod keys;
mod need;
mod opened;
mod opening;
mod partition;
mod size;
mod sketches;
mod tenant;
mod tenant_database;
mod transfer;
mod tree_name;
mod value;
mod version;
mod windowed;
mod writes;
mod writing;

pub use collection::{INDEX_ABOVE, VectorCollection};
pub use database::SledStore;
pub use opening::StoreOptions;
