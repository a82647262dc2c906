//! What a plugin may ask of the engine while it processes an event.
//!
//! Each function is one call of the interface of the same name in `wit/`; the typed helpers encode
//! and decode around it and add no calls. The only difference between wasm and a native test is
//! which `Port` is compiled in: the imports, or a [`TestHost`](crate::testing::TestHost)'s memory.
//!
//! Why: docs/decisions/0059-sdk-host-without-a-trait-object.md

#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod sketches;
mod state;
mod tables;
mod timers;
mod vectors;
mod versioned;

#[cfg(target_arch = "wasm32")]
use guest::GuestPort as Port;
#[cfg(not(target_arch = "wasm32"))]
use native::NativePort as Port;

pub use sketches::Sketches;
pub use state::State;
pub use tables::Table;
pub use timers::Timers;
pub use vectors::Vectors;
pub use versioned::Versioned;

use crate::Level;

/// The engine, for the time of one event. A misuse stops the call with a trap, so there is no error to handle.
/// An undeclared collection or a vector of another length is a misuse.
///
/// ```
/// use tailrace_sdk::{prelude::*, testing::TestHost};
///
/// struct Example;
///
/// impl Plugin for Example {
///     type Config = ();
///     fn new((): ()) -> Result<Self, String> {
///         Ok(Example)
///     }
///     fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
///         host.log(Level::Info, "an event came");
///         host.state().set(&event.key, b"seen");
///         Ok(Verdict::Drop)
///     }
/// }
///
/// let mut host = TestHost::of::<Example>(())?;
/// host.send(Event::new("shop.visits", "").with_key("ada")).unwrap();
/// assert_eq!(host.state("plugin", "ada"), Some(&b"seen"[..]));
/// assert_eq!(host.logs().len(), 1);
/// # Ok::<(), String>(())
/// ```
pub struct Host<'a> {
    port: Port<'a>,
}

/// The host interfaces. A plugin imports only the interfaces that its code calls.
///
/// ```
/// use tailrace_sdk::prelude::*;
///
/// fn count(host: &mut Host<'_>) -> Result<u64, Failure> {
///     host.state().update_json("events", |count: &mut u64| *count += 1)
/// }
/// ```
impl Host<'_> {
    /// Returns the keyed state of this step. It needs the grant `state`.
    pub fn state(&mut self) -> State<'_> {
        State::new(self.port.reborrow())
    }

    /// Returns a collection of embeddings, which the steps of the pipeline share. It needs the grant `vectors`.
    pub fn vectors<'b>(&'b mut self, collection: &'b str) -> Vectors<'b> {
        Vectors::new(self.port.reborrow(), collection)
    }

    /// Returns the pipeline's sketches. They need the grant `sketches`.
    pub fn sketches(&mut self) -> Sketches<'_> {
        Sketches::new(self.port.reborrow())
    }

    /// Returns the timers of this step for the key of the event. They need the grant `timers`.
    pub fn timers(&mut self) -> Timers<'_> {
        Timers::new(self.port.reborrow())
    }

    /// Returns a table of the pipeline. It needs the grant `tables`.
    pub fn table<'b>(&'b mut self, name: &'b str) -> Table<'b> {
        Table::new(self.port.reborrow(), name)
    }

    /// Writes a log line for the plugin's author. It needs the grant `log`.
    pub fn log(&mut self, level: Level, message: &str) {
        self.port.log(level, message);
    }
}

#[cfg(target_arch = "wasm32")]
impl Host<'static> {
    /// The engine around this instance. Only for [`export!`](crate::export!).
    #[doc(hidden)]
    pub fn guest() -> Self {
        Self { port: Port::new() }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl<'a> Host<'a> {
    /// A test host's memory, as one of its steps sees it.
    pub(crate) fn native(memory: &'a mut crate::testing::Memory, step: usize) -> Self {
        Self {
            port: Port::new(memory, step),
        }
    }
}
