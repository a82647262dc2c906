//! What a component was built from, as one digest beside it: a build of the same is not done again. Times of files
//! would not do, for a checkout or a copy changes them all.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tailrace_core::identity::Digest;

use crate::plugin_test::{
    project::Project,
    scaffold::{Language, brought},
};

/// The digest of a project's sources, its tool, and what this program brings: the contract and the SDK.
pub(super) struct Inputs(Digest);

impl Inputs {
    /// Of a project that a tool builds.
    pub(super) fn of(project: &Project, tool: &str, language: Language) -> anyhow::Result<Self> {
        let mut all = format!("{tool}\n{}\n", env!("CARGO_PKG_VERSION")).into_bytes();
        for (name, text) in brought(language) {
            let line = format!("{} {name}\n", Digest::of(text.as_bytes()));
            all.extend_from_slice(line.as_bytes());
        }
        for source in project.sources()? {
            let text = std::fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
            let name = source.strip_prefix(&project.folder).unwrap_or(&source);
            let line = format!("{} {}\n", Digest::of(&text), name.display());
            all.extend_from_slice(line.as_bytes());
        }
        Ok(Self(Digest::of(&all)))
    }

    /// The component, if it was built from this.
    pub(super) fn built(&self, component: &Path) -> Option<Vec<u8>> {
        let said = std::fs::read_to_string(record(component)).ok()?;
        if said != self.0.to_string() {
            return None;
        }
        std::fs::read(component).ok()
    }

    /// Notes that the component was built from this.
    pub(super) fn keep(&self, component: &Path) -> anyhow::Result<()> {
        let record = record(component);
        std::fs::write(&record, self.0.to_string())
            .with_context(|| format!("cannot write {}", record.display()))
    }
}

fn record(component: &Path) -> PathBuf {
    component.with_extension("inputs")
}
