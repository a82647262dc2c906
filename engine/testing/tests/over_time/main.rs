//! Windows, joins and tables without code: each result once and equal to a model's, whatever dies; early, late and corrected
//! ones. The queries of Nexmark, most of which have steps too, against a computation in SQL.

#[path = "../shared/partition.rs"]
mod partition;
#[path = "../shared/replaying.rs"]
mod replaying;

mod chained;
mod editors;
mod joins;
mod limits;
mod nexmark;
mod replayed;
mod stage;
mod tables;
mod wikipedia;
mod windows;
