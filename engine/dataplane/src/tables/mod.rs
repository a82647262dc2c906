//! Tables: the newest value of each key of a bucket, of subjects, or of what another pipeline keeps, as state of a
//! partition.
//!
//! - [`plan`]: which table a message is a row of, and what it does to it;
//! - [`feed`]: from the broker to the partitions, one task a table;
//! - [`upstream`]: the same of what another pipeline keeps, of its snapshots and commits;
//! - [`take`]: a partition takes a row in, as an effect of its batch;
//! - [`look_up`]: joins and plugins ask for a row;
//! - [`sweep`]: rows that no longer count go.
//!
//! How far a table was read lies beside its rows, in the same commit. So a row is taken once, whatever comes again.
//!
//! Why: docs/decisions/0143-a-table-is-read-beside-the-input.md
//! Why: docs/decisions/0200-a-table-follows-the-commits-of-another-pipeline.md

pub mod feed;
mod gone;
mod look_up;
pub mod plan;
mod sweep;
mod sweeps;
mod take;
mod upstream;

pub(crate) use sweeps::Sweeps;
pub(crate) use take::Taken;
