//! From a project to a component: cargo builds a core module without WASI, the sandbox's own
//! admission turns it into a component and checks it as an upload is checked. What builds here is
//! accepted there.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tailrace_core::ports::plugins::{Admitted, PluginError, PluginRuntime};

use super::{
    project::{Project, cargo, no_cargo},
    stamp,
};
use crate::cli::error::misuse;

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

/// A component on disk.
#[derive(Debug)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// What it turned out to be.
    pub admitted: Admitted,
}

/// Builds a project's component.
pub fn build(project: &Project, runtime: &dyn PluginRuntime) -> anyhow::Result<Built> {
    let Some(library) = &project.library else {
        return Err(misuse(
            format!("{} builds no module for the sandbox", project.name),
            "write `[lib]` and `crate-type = [\"cdylib\", \"rlib\"]` into its Cargo.toml",
        ));
    };
    check_target(project)?;
    compile(project)?;
    let file = format!("{}.wasm", library.replace('-', "_"));
    let module = project.target_folder.join(TARGET).join("release").join(file);
    let module = std::fs::read(&module).with_context(|| format!("cannot read {}", module.display()))?;
    let admitted = admit(runtime, module)?;
    // Admitted once more, for the stamp is a part of what the digest is of.
    let stamped = stamp::put(&admitted.component, &project.name, &project.version);
    let admitted = admit(runtime, stamped)?;
    let path = project.component();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, &admitted.component).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Built { path, admitted })
}

/// Checks a module or component as the server would, and turns a module into a component.
pub fn admit(runtime: &dyn PluginRuntime, upload: Vec<u8>) -> anyhow::Result<Admitted> {
    runtime.admit(&Bytes::from(upload)).map_err(|cause| match cause {
        PluginError::Engine(_) => cause.into(),
        refused => misuse(
            refused.to_string(),
            "mend that and build again: the server would refuse it too",
        ),
    })
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
