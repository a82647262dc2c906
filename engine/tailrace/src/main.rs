//! The only binary: the engine, its private broker for trying things, and the command line.
//!
//! Composition happens here and nowhere else: [`cli`] reads arguments and talks to servers,
//! [`offline`] is what a plugin's author does without one; [`wiring`] puts an engine together for
//! [`serve`], [`dev`] and [`demo`].

mod broker;
mod cli;
mod config;
mod demo;
mod dev;
mod identity;
mod logs;
mod offline;
mod serve;
mod system;
mod wiring;

use std::process::ExitCode;

pub(crate) use cli::screen::out;

fn main() -> ExitCode {
    cli::main()
}
