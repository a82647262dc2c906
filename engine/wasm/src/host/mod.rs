//! The host interfaces: one file for each interface of `wit/`. They count what a call does against
//! its caps and hand it to the engine's `Host`; nothing else.

mod guest;
mod lent;
mod log;
mod panics;
mod sketches;
mod state;
mod stop;
mod vectors;

pub(crate) use guest::Guest;
pub(crate) use lent::lend;
pub(crate) use stop::Stop;
use wasmtime::component::Linker;

/// The package whose interfaces a plugin may import.
pub(crate) const PACKAGE: &str = "tailrace:plugin";
/// Its version.
pub(crate) const VERSION: &str = "0.1.0";

/// Links every interface; a plugin sees those that it imports.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    // `types` and `transform` have no functions to offer, but a component may import the types.
    linker.instance(&interface("types"))?;
    state::link(&mut linker.instance(&interface("state"))?)?;
    vectors::link(&mut linker.instance(&interface("vectors"))?)?;
    sketches::link(&mut linker.instance(&interface("sketches"))?)?;
    log::link(&mut linker.instance(&interface("log"))?)?;
    panics::link(&mut linker.instance(&interface("panics"))?)
}

/// The full name of an interface.
pub(crate) fn interface(name: &str) -> String {
    format!("{PACKAGE}/{name}@{VERSION}")
}
