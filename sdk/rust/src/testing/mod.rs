//! Testing a plugin natively: no wasm, no broker, the same plugin.
//!
//! A [`TestHost`] runs one step or a chain of them against state, vectors and sketches in memory,
//! with the engine's meaning: what an event did takes effect together, or, where a step fails, not
//! at all; state ends in event time; a scan is in key order; a search is exact, and ties go to the
//! lesser id. The watermark is the latest time that came, and timers fire before it passes them. Sketches are exact here, so that a test may compare for equality.
//!
//! ```
//! use tailrace_sdk::{prelude::*, testing::TestHost};
//!
//! struct Visits;
//! impl Plugin for Visits {
//!     type Config = ();
//!     fn new((): ()) -> Result<Self, String> { Ok(Visits) }
//!     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
//!         let visits = host.state().update_json(&event.key, |count: &mut u64| *count += 1)?;
//!         Ok(Message::json(&json!({ "visits": visits }))?.into())
//!     }
//! }
//!
//! let mut host = TestHost::of::<Visits>(())?;
//! host.send(Event::new("shop.visits", "").with_key("ada")).unwrap();
//! let verdict = host.send(Event::new("shop.visits", "").with_key("ada")).unwrap();
//! assert_eq!(verdict.messages()[0].payload, br#"{"visits":2}"#);
//! assert_eq!(host.state("plugin", "ada"), Some(&b"2"[..]));
//! # Ok::<(), String>(())
//! ```

mod chain;
mod collections;
mod fired;
mod host;
mod limits;
mod memory;
#[cfg(feature = "schema")]
mod schema;
mod sketches;
mod states;
#[cfg(test)]
mod tests;
mod timers;

pub use collections::Metric;
pub use fired::Fired;
pub use host::TestHost;
#[cfg(feature = "schema")]
pub use schema::check_config_schema;
pub use sketches::TestSketches;

pub(crate) use memory::Memory;
