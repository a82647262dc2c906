//! What every build does: folders, and tools that run.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// Makes a folder, and those above it.
pub(super) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Runs a tool. Standard output is for our own answer; what a tool says is shown where it fails.
pub(super) fn run(tool: &mut Command, what_for: &str) -> anyhow::Result<()> {
    let name = tool.get_program().to_string_lossy().into_owned();
    // Some are written in Rust: a trace of their own functions would hide what they say of the plugin.
    let output = tool.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {name} to {what_for}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    bail!("could not {what_for} ({}):\n{said}", output.status);
}
