//! What the plugins of the recommendations share.
//!
//! `ranker` learns and ranks in one step. `item-learner` and `table-ranker` divide that work between two pipelines: the
//! one publishes rows of items, the other looks them up in a table. All three learn and rank by the files here, so a
//! list differs only by how old its rows are.
//!
//! This crate exports no plugin. A component has one plugin, so two of them cannot be linked into each other.
//!
//! Why: docs/decisions/0171-learning-and-ranking-in-two-pipelines.md

pub mod blend;
pub mod board;
pub mod bounds;
pub mod candidates;
pub mod evidence;
pub mod freshness;
pub mod item;
pub mod list;
mod neighbours;
pub mod packed;
pub mod profile;
pub mod published;
pub mod row;
