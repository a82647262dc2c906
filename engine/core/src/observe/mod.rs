//! What runs, for those who look: passive memory that the data plane writes and the control plane reads. It
//! decides nothing and waits for nobody, so the two planes meet here and at the registry, and nowhere else.
//!
//! [`overview`] holds the [`status`] of each pipeline of this engine: how far its partitions are
//! ([`progress`]), what they count ([`stats`]), whether the counts agree with the broker's ([`reconcile`]),
//! what is found of a candidate ([`candidate_reports`]), what its input is like ([`input`]). [`views`] are what a tenant can watch live: samples of calls
//! ([`tap`]) and lines of plugins ([`logs`]), both [`live`] streams, whose number is bounded ([`watch_permits`]).

pub mod barrier;
pub mod candidate_reports;
pub mod candidate_stats;
pub mod event_outcome;
pub mod histogram;
pub mod input;
pub mod live;
pub mod logs;
pub mod overview;
mod partition_status;
pub mod progress;
pub mod reconcile;
pub mod stats;
pub mod status;
pub mod tables;
pub mod tap;
pub mod throttle;
pub mod times;
pub mod views;
pub mod watch_permits;
