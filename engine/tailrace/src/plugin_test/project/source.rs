//! What a project is, whatever described it: what it is built from, where that goes, and whether it is fresh.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context as _;
use serde::{Deserialize, de::DeserializeOwned};
use tailrace_core::grant::Grant;

use crate::cli::error::misuse;

/// Where what is built goes, in the languages that say nothing of it themselves.
pub(super) const BUILD: &str = "build";

/// Folders of a project that hold no sources of the plugin.
const NO_SOURCES: [&str; 5] = ["target", BUILD, "node_modules", "__pycache__", "dist"];

/// How sources and descriptions end.
const SOURCES: [&str; 10] = ["rs", "py", "js", "mjs", "ts", "json", "toml", "c", "h", "zig"];

/// The project of a plugin.
#[derive(Debug)]
pub struct Project {
    /// Name of the plugin.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Folder of its description.
    pub folder: PathBuf,
    /// Where its language builds.
    pub target_folder: PathBuf,
    /// What it is built from.
    pub source: ProjectSource,
}

/// What a project is built from.
#[derive(Debug)]
pub enum ProjectSource {
    /// A cargo package.
    Rust {
        /// Name of the library that it builds for the sandbox; none where it builds none.
        library: Option<String>,
    },
    /// A Python project.
    Python(PythonSource),
    /// An npm package, in JavaScript or TypeScript.
    Node(NodeSource),
    /// Sources in C or Zig.
    Plain(PlainSource),
}

/// What is built of a Python project.
#[derive(Debug)]
pub struct PythonSource {
    /// The module of the plugin.
    pub module: String,
    /// Its class in there.
    pub class: String,
    /// Packages that it needs, as pip names them.
    pub dependencies: Vec<String>,
    /// Host interfaces that it calls.
    pub grants: Vec<Grant>,
}

/// What is built of an npm package.
#[derive(Debug)]
pub struct NodeSource {
    /// The module whose default export is the plugin.
    pub main: PathBuf,
    /// Whether the package depends on others than the SDK.
    pub has_dependencies: bool,
    /// Host interfaces that it calls.
    pub grants: Vec<Grant>,
}

/// What is built of a project in C or Zig.
#[derive(Debug)]
pub struct PlainSource {
    /// Its language.
    pub language: PlainLanguage,
    /// Files to compile. In Zig the first one is the root, which imports the others.
    pub sources: Vec<PathBuf>,
}

/// A language whose compiler takes files and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlainLanguage {
    /// C.
    C,
    /// Zig.
    Zig,
}

impl Project {
    /// Where its component goes.
    pub fn component(&self) -> PathBuf {
        self.made().join(format!("{}.wasm", self.name))
    }

    /// Where the component and what leads to it go.
    pub fn made(&self) -> PathBuf {
        self.target_folder.join("tailrace")
    }

    /// The file that says its version.
    pub fn description(&self) -> &'static str {
        match &self.source {
            ProjectSource::Rust { .. } => "Cargo.toml",
            ProjectSource::Python(_) => "pyproject.toml",
            ProjectSource::Node(_) => "package.json",
            ProjectSource::Plain(_) => "plugin.toml",
        }
    }

    /// Refuses its own component where a source is newer: it would be another plugin than the one that is read.
    pub fn check_fresh(&self, file: &Path) -> anyhow::Result<()> {
        let is_own = file.canonicalize().ok() == self.component().canonicalize().ok();
        let built = std::fs::metadata(file).and_then(|file| file.modified());
        let (Ok(built), true) = (built, is_own) else {
            return Ok(());
        };
        let newer = self.sources()?.into_iter().find(|source| is_newer(source, built));
        match newer {
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

    /// Its sources and its description, in the order of their names.
    pub fn sources(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        match &self.source {
            ProjectSource::Rust { .. } => {
                collect(&self.folder.join("src"), &mut found)?;
                let beside = ["Cargo.toml", "build.rs"].map(|name| self.folder.join(name));
                found.extend(beside.into_iter().filter(|file| file.is_file()));
            }
            _ => collect(&self.folder, &mut found)?,
        }
        found.sort();
        Ok(found)
    }
}

fn is_newer(file: &Path, since: SystemTime) -> bool {
    let changed = std::fs::metadata(file).and_then(|file| file.modified());
    changed.is_ok_and(|changed| changed > since)
}

/// Adds the sources in a folder and below.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(cause).with_context(|| format!("cannot read {}", folder.display())),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !NO_SOURCES.contains(&&*name) {
                collect(&path, found)?;
            }
        } else if SOURCES.contains(&&*ending) {
            found.push(path);
        }
    }
    Ok(())
}

/// Reads grants as a project lists them.
pub(super) fn grants(names: &[String], file: &str) -> anyhow::Result<Vec<Grant>> {
    let read = |name: &String| {
        let grant = serde_json::from_value(name.as_str().into());
        grant.map_err(|_| {
            misuse(
                format!("{file}: {name:?} is no host interface"),
                "name those that the plugin calls: state, vectors, sketches, log",
            )
        })
    };
    names.iter().map(read).collect()
}

/// Reads a description in TOML; the hint says what it needs.
pub(super) fn read_toml<T: DeserializeOwned>(description: &Path, hint: &'static str) -> anyhow::Result<T> {
    let shown = description.display();
    let text = std::fs::read_to_string(description).with_context(|| format!("cannot read {shown}"))?;
    toml::from_str(&text).map_err(|cause| misuse(format!("{shown}: {}", cause.message()), hint))
}

/// The folder of a description.
pub(super) fn folder_of(description: &Path) -> PathBuf {
    description.parent().unwrap_or(Path::new(".")).to_owned()
}
