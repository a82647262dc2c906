//! The data plane. In the order of an event's walk:
//!
//! - [`intake`]: from the subscription to the partitions, with keys, times and sketch values;
//! - [`partition`]: the loop of one partition: fill a batch, commit it, apply it;
//! - [`schedule`]: whose turn it is on a guest thread;
//! - [`gate`]: whether there is room for an event under the limits of its pipeline and its tenant;
//! - [`worker`]: one turn of a partition, event by event;
//! - [`process`]: one event through the steps, and [`outgoing`]: what of it may travel on;
//! - [`effects`]: what the events of a batch have caused and not yet committed;
//! - [`commit`]: makes a batch durable, and finds out what became of it when the answer is lost;
//! - [`recover`]: from what is committed back to a running partition.
//!
//! Around them: [`plan`] is a revision made ready to run, [`run`] the life of one pipeline,
//! [`engine`] that of all of them, [`views`] what a tenant can watch while they run, [`candidate`] a
//! revision on trial beside the active one.

pub mod arrival;
pub mod candidate;
pub mod effects;
pub mod intake;
pub mod limits;
pub mod membership;
pub mod message;
pub mod observe;
pub mod partition;
pub mod plan;
pub mod process;
pub mod run;
pub mod schedule;
pub mod turn;
pub mod watermark;
