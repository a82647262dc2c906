//! Joins without code: what leaves the last step meets the kept events of the other input ([`meet`]), and one that had no
//! partner is told when none can come any more ([`alone`]).
//!
//! Kept events are state of the partition, under a step that no pipeline can name. One that may be told alone wakes up
//! when its wait is over; any other just ends then. So all of it is committed and taken back with the events, and a row
//! leaves once.
//!
//! Invariant: an event either is in pairs, or is told alone once, or neither is wanted of it.
//!
//! Why: docs/decisions/0141-a-join-keeps-both-sides-until-no-partner-can-come.md

pub mod alone;
mod anew;
pub mod meet;
pub mod plan;
pub mod tell;
