//! The command that an engine calls itself with, to compile a plugin in a child process.

use tailrace_server::wiring::{self, Compile};

/// Its name on the command line.
pub const COMPILE_PLUGIN: &str = "compile-plugin";

/// How an engine of this program compiles plugins.
pub fn in_children() -> anyhow::Result<Compile> {
    wiring::compile_in_children(COMPILE_PLUGIN)
}
