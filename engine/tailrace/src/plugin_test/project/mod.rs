//! A plugin's project as its own language knows it: its name, its version, its sources, where what is built goes. The
//! file that describes it says the language.

mod cargo;
mod node;
mod plain;
mod python;
mod source;

use std::path::Path;

pub use self::{
    cargo::{cargo, no_cargo},
    source::{NodeSource, PlainLanguage, PlainSource, Project, ProjectSource, PythonSource},
};
use crate::cli::error::misuse;

/// What opens a project.
type Open = fn(&Path) -> anyhow::Result<Project>;

/// The files that describe a project, and what reads them. The first that is there counts.
const DESCRIPTIONS: [(&str, Open); 4] = [
    ("Cargo.toml", cargo::open),
    ("pyproject.toml", python::open),
    ("package.json", node::open),
    ("plugin.toml", plain::open),
];

impl Project {
    /// The project in this folder.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let found = DESCRIPTIONS.iter().find_map(|(file, open)| {
            let description = folder.join(file).canonicalize().ok()?;
            Some(open(&description))
        });
        found.unwrap_or_else(|| {
            Err(misuse(
                format!("there is no plugin project in {}", folder.display()),
                "name its folder, or make one with `tailrace plugin new <name>`",
            ))
        })
    }

    /// The project that a file lies in, if it lies in one.
    pub fn around(file: &Path) -> Option<Self> {
        let file = file.canonicalize().ok()?;
        let describes = |folder: &Path| DESCRIPTIONS.iter().any(|(name, _)| folder.join(name).is_file());
        let folder = file.ancestors().skip(1).find(|folder| describes(folder))?;
        Self::open(folder).ok()
    }
}
