//! A plugin's project as cargo knows it: its name, its version, where its files go.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::Context as _;
use serde::Deserialize;

use crate::cli::error::misuse;

/// The cargo package of a plugin.
#[derive(Debug)]
pub struct Project {
    /// Name of the package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Folder of its manifest.
    pub folder: PathBuf,
    /// Where cargo builds.
    pub target_folder: PathBuf,
    /// Name of the library that it builds for the sandbox; none where it builds none.
    pub library: Option<String>,
}

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

impl Project {
    /// The project in this folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let none = || {
            misuse(
                format!("there is no plugin project in {}", folder.display()),
                "name its folder, or make one with `tailrace plugin new <name>`",
            )
        };
        let manifest = folder.join("Cargo.toml").canonicalize().map_err(|_| none())?;
        let output = Command::new(cargo())
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(&manifest)
            .output()
            .map_err(|cause| no_cargo(&cause))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(misuse(
                format!("cargo cannot read {}: {said}", manifest.display()),
                "mend that manifest",
            ));
        }
        let metadata: Metadata = serde_json::from_slice(&output.stdout)
            .context("the answer of cargo metadata is not understood")?;
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
        Ok(Self {
            name: package.name,
            version: package.version,
            folder: manifest.parent().unwrap_or(folder).to_owned(),
            target_folder: metadata.target_directory,
            library: library.map(|library| library.name),
        })
    }

    /// The project that a file lies in, if it lies in one.
    pub fn around(file: &Path) -> Option<Self> {
        let file = file.canonicalize().ok()?;
        let folder = file
            .ancestors()
            .skip(1)
            .find(|folder| folder.join("Cargo.toml").is_file())?;
        Self::open(folder).ok()
    }

    /// Where its component goes.
    pub fn component(&self) -> PathBuf {
        self.target_folder
            .join("tailrace")
            .join(format!("{}.wasm", self.name))
    }

    /// Refuses its own component where a source is newer: it would be another plugin than the one that is read.
    pub fn check_fresh(&self, file: &Path) -> anyhow::Result<()> {
        let is_own = file.canonicalize().ok() == self.component().canonicalize().ok();
        let built = std::fs::metadata(file).and_then(|file| file.modified());
        let (Ok(built), true) = (built, is_own) else {
            return Ok(());
        };
        match newest(&self.folder, built) {
            Some(newer) => Err(misuse(
                format!("{} is older than {}", file.display(), newer.display()),
                format!(
                    "name the folder {} instead; it is then built first",
                    self.folder.display()
                ),
            )),
            None => Ok(()),
        }
    }
}

/// A source in this folder that was changed after a moment.
fn newest(folder: &Path, since: SystemTime) -> Option<PathBuf> {
    let is_newer = |file: &Path| {
        let changed = std::fs::metadata(file).and_then(|file| file.modified());
        changed.is_ok_and(|changed| changed > since)
    };
    let mut folders = vec![folder.join("src")];
    let beside = ["Cargo.toml", "build.rs"].map(|name| folder.join(name));
    if let Some(file) = beside.into_iter().find(|file| is_newer(file)) {
        return Some(file);
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_newer(&path) {
                return Some(path);
            }
        }
    }
    None
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
