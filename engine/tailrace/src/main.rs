//! The only binary: the engine, its private broker for trying things, and the command line.
//!
//! Composition happens here and nowhere else: [`cli`] reads arguments and talks to servers,
//! [`offline`] is what a plugin's author does without one.

mod cli;
mod offline;
mod system;

use std::process::ExitCode;

pub(crate) use cli::screen::out;

fn main() -> ExitCode {
    cli::main()
}
