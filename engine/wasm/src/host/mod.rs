//! The host interfaces: one file for each interface of `wit/`. They count what a call does against
//! its caps and hand it to the engine's `Host`; nothing else.
//!
//! Why: docs/decisions/0125-two-versions-of-the-contract-side-by-side.md

mod guest;
mod lent;
mod log;
mod panics;
mod sketches;
mod state;
mod stop;
mod tables;
mod timers;
mod vectors;

pub(crate) use guest::Guest;
pub(crate) use lent::lend;
pub(crate) use stop::Stop;
use wasmtime::component::Linker;

/// The package whose interfaces a plugin may import.
pub(crate) const PACKAGE: &str = "tailrace:plugin";
/// Its version.
const VERSION: &str = "0.2.0";
/// The version before, whose plugins run unchanged.
const VERSION_BEFORE: &str = "0.1.0";
/// The lines of both, without the patch: those within a line fit each other.
pub(crate) const LINES: [&str; 2] = ["0.2", "0.1"];

/// Links every interface in both versions; a plugin sees those that it imports.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    for version in [VERSION, VERSION_BEFORE] {
        // `types` has no functions to offer, but a component may import the types.
        linker.instance(&full_name("types", version))?;
        state::link(&mut linker.instance(&full_name("state", version))?)?;
        vectors::link(&mut linker.instance(&full_name("vectors", version))?)?;
        sketches::link(&mut linker.instance(&full_name("sketches", version))?)?;
        log::link(&mut linker.instance(&full_name("log", version))?)?;
        panics::link(&mut linker.instance(&full_name("panics", version))?)?;
    }
    sketches::link_reads(&mut linker.instance(&interface("sketches"))?)?;
    tables::link(&mut linker.instance(&interface("tables"))?)?;
    timers::link(&mut linker.instance(&interface("timers"))?)
}

/// The full name of an interface.
pub(crate) fn interface(name: &str) -> String {
    full_name(name, VERSION)
}

/// The full names of an interface in both versions, the present one first.
pub(crate) fn interfaces(name: &str) -> [String; 2] {
    [VERSION, VERSION_BEFORE].map(|version| full_name(name, version))
}

fn full_name(name: &str, version: &str) -> String {
    format!("{PACKAGE}/{name}@{version}")
}
