//! The composition: the engine, its private broker for trying things, and the command line. The binary
//! is [`main`]; who embeds the engine in a program of its own takes [`config`] and [`wiring`], as
//! `examples/embed` does.
//!
//! Composition happens here and nowhere else: [`cli`] reads arguments and talks to servers,
//! [`offline`] is what a plugin's author does without one; [`wiring`] puts an engine together for
//! [`serve`], [`dev`] and [`demo`].

mod api;
mod broker;
mod cli;
pub mod config;
mod demo;
mod descriptors;
mod dev;
mod identity;
mod logs;
mod offline;
mod serve;
mod system;
mod threads;
mod traces;
mod webhooks;
pub mod wiring;

use std::process::ExitCode;

pub(crate) use cli::screen::out;

/// The command line; the whole of the binary.
pub fn main() -> ExitCode {
    cli::main()
}
