//! The sandbox of a command that runs without a server.

use std::path::PathBuf;

use anyhow::Context as _;
use tailrace_wasm::{Compile, WasmOptions, WasmRuntime};
use tempfile::TempDir;

use crate::plugin_test::cache;

/// The sandbox, and a folder that vanishes with it. What it compiles stays in the user's cache.
pub struct Sandbox {
    /// The engine's own.
    pub runtime: WasmRuntime,
    folder: TempDir,
}

impl Sandbox {
    /// Starts it.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let options = WasmOptions {
            artefacts: cache::compiled().unwrap_or_else(|| folder.path().join("artefacts")),
            // One's own plugin on one's own machine.
            compile: Compile::InProcess {
                functions: cache::functions(),
            },
        };
        let runtime = WasmRuntime::new(options).context("cannot start the sandbox")?;
        Ok(Self { runtime, folder })
    }

    /// Where a store can keep its data as long as this lives.
    pub fn state_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}
