//! Turns of a partition on a guest thread: [`worker`] takes events off its queue into the current [`batch`],
//! which is full at its [`bounds`]. Before an event, the limits ([`admission`]); after stopped calls, a pause
//! ([`backoff`]). The clock of the input moves, and late events are judged, in [`timing`]; what is due by it wakes up in
//! [`wake`]. What was done, in its order, is noted in [`recording`]; a batch that is done again takes it from its record
//! ([`imposing`]).

pub mod admission;
pub mod backoff;
pub mod batch;
pub mod bounds;
mod imposing;
mod noting;
mod recording;
pub mod timing;
pub mod wake;
pub mod worker;
