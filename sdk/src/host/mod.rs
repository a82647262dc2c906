//! What a plugin may ask of the engine while it processes an event.
//!
//! Each function is one call of the interface of the same name in `wit/`; the typed helpers encode
//! and decode around it and add no calls. The only difference between wasm and a native test is
//! which `Port` is compiled in: the imports, or a [`TestHost`](crate::testing::TestHost)'s memory.

#[cfg(target_arch = "wasm32")]
mod guest;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod sketches;
mod state;
mod vectors;

#[cfg(target_arch = "wasm32")]
use guest::GuestPort as Port;
#[cfg(not(target_arch = "wasm32"))]
use native::NativePort as Port;

pub use sketches::Sketches;
pub use state::State;
pub use vectors::Vectors;

use crate::Level;

/// The engine, for the time of one event. Misuse (a collection that the pipeline does not declare, a
/// vector of another length) ends the call as a trap does; it is no error to handle.
pub struct Host<'a> {
    port: Port<'a>,
}

impl Host<'_> {
    /// Keyed state of this step. Needs the grant `state`.
    pub fn state(&mut self) -> State<'_> {
        State::new(self.port.reborrow())
    }

    /// A collection of embeddings, declared by the pipeline and shared by its steps. Needs the grant
    /// `vectors`.
    pub fn vectors<'b>(&'b mut self, collection: &'b str) -> Vectors<'b> {
        Vectors::new(self.port.reborrow(), collection)
    }

    /// The pipeline's sketches. Needs the grant `sketches`.
    pub fn sketches(&mut self) -> Sketches<'_> {
        Sketches::new(self.port.reborrow())
    }

    /// A line for whoever wrote the plugin. Needs the grant `log`.
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
