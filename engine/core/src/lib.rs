//! The engine without the world: what an event is, what processing it causes, how a pipeline turns
//! events into commits. No IO: the broker, the store, the sandbox, time and randomness are
//! [`ports`], so the whole engine runs in a seeded simulation as well as against the real thing.
//!
//! The walk of an event: [`pipeline::intake`] takes it from the broker and gives it to its
//! partition, [`pipeline::schedule`] gives the partition its turn on a guest thread,
//! [`pipeline::process`] takes it through the steps, [`pipeline::effects`] holds what that caused,
//! [`pipeline::commit`] makes it durable.

pub mod alarm;
pub mod audit;
pub mod codes;
pub mod compilers;
pub mod control;
pub mod delta;
pub mod event;
pub mod extract;
pub mod failpoint;
pub mod graph;
pub mod identity;
pub mod ledger;
pub mod membership;
pub mod name;
pub mod pipeline;
pub mod ports;
pub mod rate;
pub mod record;
pub mod registry;
pub mod series;
pub mod spec;
pub mod subject;
pub mod tasks;
pub mod text;
pub mod trace;
pub mod units;
