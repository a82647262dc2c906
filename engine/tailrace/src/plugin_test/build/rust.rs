//! Rust: cargo builds a core module without WASI.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::{
    cli::error::misuse,
    plugin_test::project::{Project, cargo, no_cargo},
};

/// A target without WASI: nothing of it that the engine would have to refuse.
const TARGET: &str = "wasm32-unknown-unknown";

/// Small and fast guests, whatever the project's own release profile says: no unwinding, one unit of
/// code, and the names of functions kept, because a trap shows them.
const PROFILE: [&str; 6] = [
    "profile.release.opt-level=3",
    "profile.release.lto=\"fat\"",
    "profile.release.codegen-units=1",
    "profile.release.panic=\"abort\"",
    "profile.release.strip=\"debuginfo\"",
    "profile.release.debug=false",
];

/// Builds the core module.
pub(super) fn module(project: &Project, library: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let Some(library) = library else {
        return Err(misuse(
            format!("{} builds no module for the sandbox", project.name),
            "write `[lib]` and `crate-type = [\"cdylib\", \"rlib\"]` into its Cargo.toml",
        ));
    };
    check_target(project)?;
    compile(project)?;
    let file = format!("{}.wasm", library.replace('-', "_"));
    let module = project.target_folder.join(TARGET).join("release").join(file);
    std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))
}

/// Whether Rust's standard library is there for the target; cargo's own error would be far longer.
fn check_target(project: &Project) -> anyhow::Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(&project.folder)
        .output();
    let folder = asked.map_err(|cause| no_cargo(&cause))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&folder.stdout).trim());
    if folder.is_dir() {
        return Ok(());
    }
    Err(misuse(
        format!("the Rust target {TARGET} is not installed"),
        format!("run `rustup target add {TARGET}`"),
    ))
}

fn compile(project: &Project) -> anyhow::Result<()> {
    let mut command = Command::new(cargo());
    command
        .args(["build", "--lib", "--release", "--target", TARGET])
        .current_dir(&project.folder);
    // Standard output is for our own answer; cargo's progress goes to standard error.
    command
        .args(PROFILE.iter().flat_map(|setting| ["--config", setting]))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let status = command.status().map_err(|cause| no_cargo(&cause))?;
    if !status.success() {
        bail!("{} does not compile; cargo says why above", project.name);
    }
    Ok(())
}
