//! The sandbox. Three lifetimes, three types: [`WasmRuntime`] is one a process (one wasmtime engine,
//! one linker, one ticker), a plugin one a digest (compiled once, its artefact kept), an instance one
//! a step of a partition.
//!
//! - `engine`: which parts of WebAssembly exist here, and the pool;
//! - `admission`: what an upload must be, and `structure`: how much of what it may contain;
//! - `compiler`: where plugins are compiled, and `compile_child`: the process that does it;
//! - `artefacts`: compiled plugins on disk, and `functions`: those of an interpreter;
//! - `host`: one file for each interface of `wit/`;
//! - `instance`: one call, with its limits, and `trap`: what can go wrong;
//! - `limiter`: memory and tables of an instance;
//! - `ticker`: wall time, on a thread of its own.
//!
//! No WASI is linked: a plugin has no clock, no files, no network, no randomness.

mod admission;
mod artefacts;
mod compile_child;
mod compiler;
mod config_schema;
mod engine;
mod functions;
mod host;
mod instance;
mod invalid;
mod limiter;
mod runtime;
mod structure;
mod ticker;
mod trap;
mod types;

pub use admission::{MAX_UPLOAD_BYTES, componentize};
pub use compile_child::compile_as_child;
pub use compiler::{Compile, CompilerProgram};
pub use runtime::{WasmOptions, WasmRuntime};
