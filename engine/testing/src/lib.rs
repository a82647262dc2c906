//! The world in memory: one broker and one store, in front of which the real engine runs in tests and
//! benchmarks. It is not shipped.
//!
//! - Everything implements the ports of [`tailrace_core::ports`] and knows nothing of the planes above
//!   them, so any crate may use it as a dev-dependency.
//! - By itself every request succeeds at once. [`faults::Faults`] adds seeded delays and failures;
//!   [`link::Link`] adds outages and the death of an engine.
//! - The same seed gives the same run: nothing here reads a clock of its own or draws a number from
//!   anywhere else.
//!
//! - [`schedule::Schedule`] puts tasks in order by seed, and ends one engine of several.
//!
//! The seeded simulations live in `tests/simulation` and `tests/lives`.
//!
//! Why: docs/decisions/0004-ports-and-one-set-of-fakes.md

pub mod audit;
pub mod broker;
pub mod clock;
pub mod executor;
pub mod faults;
pub mod link;
pub mod no_plugins;
pub mod peers;
pub mod random;
pub mod registry;
pub mod schedule;
pub mod store;
mod sync;
pub mod world;
