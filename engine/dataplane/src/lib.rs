//! The data plane. In the order of an event's walk:
//!
//! - [`intake`]: from the subscription to the partition queues, with keys, times and sketch values;
//! - [`partition`]: the loop of one partition: recover, fill a batch, commit it, apply it;
//! - [`schedule`]: whose turn it is on a guest thread;
//! - [`limits`]: whether there is room for an event under the limits of its pipeline and its tenant;
//! - [`turn`]: one turn of a partition, event by event, until the batch is full;
//! - [`process`]: one event through the steps;
//! - [`effects`]: what the events of a batch have caused and not yet committed;
//! - [`message`]: what of it may travel on.
//!
//! Around them: [`plan`] is a revision made ready to run, [`candidate`] a revision on trial beside the active
//! one. [`replay`] does a recorded batch again. [`run`] is the life of one pipeline, and of all of them on this
//! engine. [`membership`] keeps this engine's lease, and [`observe`] shows what is done. [`arrival`] is an event on
//! its way.

pub mod arrival;
pub mod candidate;
pub mod effects;
pub mod intake;
pub mod joins;
pub mod limits;
pub mod membership;
pub mod message;
pub mod observe;
pub mod partition;
pub mod plan;
pub mod process;
pub mod replay;
pub mod run;
pub mod schedule;
pub mod tables;
pub mod turn;
mod waiting;
pub mod windows;
