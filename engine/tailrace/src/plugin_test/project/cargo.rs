//! A project in Rust: what `cargo metadata` says of it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use serde::Deserialize;

use super::source::{Project, ProjectSource, folder_of};
use crate::cli::error::misuse;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Reads `Cargo.toml`.
pub(super) fn open(manifest: &Path) -> anyhow::Result<Project> {
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .map_err(|cause| no_cargo(&cause))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(misuse(
            format!("cargo cannot read {}: {said}", manifest.display()),
            "mend that manifest",
        ));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("the answer of cargo metadata is not understood")?;
    let package = metadata
        .packages
        .into_iter()
        .find(|package| package.manifest_path == manifest);
    let package = package.ok_or_else(|| {
        misuse(
            format!("{} describes a workspace, not a package", manifest.display()),
            "name the folder of one plugin of it",
        )
    })?;
    let library = package
        .targets
        .into_iter()
        .find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
    Ok(Project {
        name: package.name,
        version: package.version,
        folder: folder_of(manifest),
        target_folder: metadata.target_directory,
        source: ProjectSource::Rust {
            library: library.map(|library| library.name),
        },
    })
}

/// The cargo to run.
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What to say when there is none.
pub fn no_cargo(cause: &std::io::Error) -> anyhow::Error {
    misuse(
        format!("cargo cannot be run: {cause}"),
        "install Rust from https://rustup.rs",
    )
}
