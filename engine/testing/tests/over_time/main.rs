//! Windows, joins and tables without code: each result once and equal to a model's, whatever dies; early, late and corrected
//! ones.

#[path = "../shared/partition.rs"]
mod partition;

mod joins;
mod stage;
mod tables;
mod windows;
