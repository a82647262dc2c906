//! A project in C or Zig: `plugin.toml`, for those languages have no description of their own.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::source::{BUILD, PlainLanguage, PlainSource, Project, ProjectSource, folder_of, read_toml};
use crate::cli::error::misuse;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    version: String,
    language: PlainLanguage,
    sources: Vec<PathBuf>,
}

/// Reads `plugin.toml`.
pub(super) fn open(description: &Path) -> anyhow::Result<Project> {
    let hint = "it needs name, version, language (\"c\" or \"zig\") and sources";
    let read: Description = read_toml(description, hint)?;
    let folder = folder_of(description);
    let sources: Vec<PathBuf> = read.sources.iter().map(|source| folder.join(source)).collect();
    if let Some(missing) = sources.iter().find(|source| !source.is_file()) {
        return Err(misuse(
            format!(
                "{}: there is no file {}",
                description.display(),
                missing.display()
            ),
            "list the files to compile as sources",
        ));
    }
    Ok(Project {
        name: read.name,
        version: read.version,
        target_folder: folder.join(BUILD),
        folder,
        source: ProjectSource::Plain(PlainSource {
            language: read.language,
            sources,
        }),
    })
}
