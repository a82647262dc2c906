//! Tables of what another pipeline of the tenant keeps: the state of a step, or a collection of vectors.
//!
//! The pipeline's own stream has a record of each commit, with all that it has changed, and snapshots have what was before.
//! An engine rebuilds a partition of them; a table is followed in the same way:
//!
//! - [`load`]: the newest snapshot of each partition of the source, before anything else;
//! - [`records`]: the records behind it, put together of their parts, and what each does to which row;
//! - [`follow`]: from both to the partitions of the reader.
//!
//! Commits of a partition are counted without a gap. Where one is missing, or the stream is another one, all is loaded
//! anew, under another tag.
//!
//! Why: docs/decisions/0200-a-table-follows-the-commits-of-another-pipeline.md

mod follow;
mod kept;
mod load;
pub(super) mod records;
