//! What a plugin's author does without a server: make a project ([`scaffold`]), build it into a
//! component ([`build`], [`stamp`]), and run it on a file of events ([`rehearsal`]).
//!
//! The rehearsal is the engine's own code from the partition's worker down: the same plan, effects,
//! sandbox and store, with a batch of one event, in a folder that vanishes. Only the broker is not
//! there. What it prints of an event comes from what the engine would have committed.
//!
//! Why: docs/decisions/0060-plugin-test-is-the-engines-code.md

pub mod build;
pub mod cache;
pub mod events;
pub mod lines;
pub mod project;
mod recorder;
pub mod rehearsal;
pub mod report;
pub mod scaffold;
pub mod setting;
pub mod stamp;
pub mod tables;
#[cfg(test)]
mod tests;
