//! The binary: the command line around the engine of `tailrace-server`. To embed an engine in another
//! program, take that crate instead.
//!
//! - [`cli`] reads arguments and talks to servers;
//! - [`serve`], [`dev`] and [`demo`] run an engine;
//! - [`compile_plugin`] is the command that an engine calls itself with;
//! - [`plugin_test`] makes, builds and tests a plugin without a server.

mod cli;
mod compile_plugin;
mod demo;
mod dev;
mod plugin_test;
mod serve;

use std::process::ExitCode;

pub(crate) use cli::screen::out;

/// The command line; the whole of the binary.
pub fn main() -> ExitCode {
    cli::main()
}
