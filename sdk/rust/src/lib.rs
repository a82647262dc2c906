//! What a Rust plugin for Tailrace depends on, and nothing else.
//!
//! A plugin is a struct with a config and one function. This one is complete:
//!
//! ```
//! use tailrace_sdk::prelude::*;
//!
//! struct Shout;
//!
//! impl Plugin for Shout {
//!     type Config = ();
//!     fn new((): ()) -> Result<Self, String> { Ok(Shout) }
//!     fn process(&mut self, event: &Event, _host: &mut Host<'_>) -> Result<Verdict, Failure> {
//!         Ok(Message::new(event.text()?.to_uppercase()).into())
//!     }
//! }
//! export!(Shout);
//!
//! // And this is its test, native, without wasm:
//! let mut host = tailrace_sdk::testing::TestHost::of::<Shout>(())?;
//! let verdict = host.send(Event::new("shop.greetings", "hello")).unwrap();
//! assert_eq!(verdict.messages()[0].payload, b"HELLO");
//! # Ok::<(), String>(())
//! ```
//!
//! Build it with `cargo build --release --target wasm32-unknown-unknown` as a `cdylib`, upload the
//! file. Never build for a `wasip` target: the engine links no WASI and refuses such a component.
//!
//! # How it hangs together
//!
//! - `bindings` are generated from `wit/`; the types of the contract ([`Event`], [`Verdict`], …) are
//!   those, with helpers added beside them, so there is no second set of types to convert.
//! - [`Host`] is how a plugin reaches state, vectors, sketches, timers and the log. In wasm each of its
//!   functions calls its import directly; natively it works on a [`testing::TestHost`]. There is no
//!   trait object in between, on purpose: **a plugin imports only what its code calls**, the linker
//!   drops the rest, and what is imported must be granted by the pipeline. A vtable would import
//!   everything for everyone.
//! - A plugin is a pure function of the event, its state and its config: no clock, no randomness, no
//!   threads. Fields of the struct are a cache and may vanish between two events (a trap, a restart);
//!   what must last belongs in state.

#[doc(hidden)]
pub mod bindings;
mod config;
mod event;
mod export;
#[doc(hidden)]
pub mod exporting;
mod failure;
mod fields;
mod host;
mod message;
#[cfg(target_arch = "wasm32")]
mod panics;
mod plugin;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod time;

pub use bindings::{
    exports::tailrace::plugin::timed::Timer,
    tailrace::plugin::{
        log::Level,
        sketches::Frequency,
        state::Entry,
        types::{Event, Failure, Header, Message, Rejection, Verdict},
        vectors::Neighbour,
    },
};
pub use fields::Fields;
pub use host::{Host, Sketches, State, Table, Timers, Vectors, Versioned};
pub use plugin::Plugin;
#[cfg(feature = "schema")]
pub use schemars;

/// Everything that a plugin usually names.
pub mod prelude {
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};

    pub use crate::{
        Event, Failure, Fields, Frequency, Header, Host, Level, Message, Neighbour, Plugin, Rejection, Timer,
        Verdict, export,
    };
}
