//! A project in JavaScript or TypeScript: `package.json`, with an object `tailrace` that lists the grants.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use super::source::{BUILD, NodeSource, Project, ProjectSource, folder_of, grants};
use crate::cli::error::misuse;

#[derive(Deserialize)]
struct Description {
    name: String,
    version: String,
    main: PathBuf,
    #[serde(default)]
    dependencies: serde_json::Map<String, serde_json::Value>,
    tailrace: Own,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    #[serde(default)]
    grants: Vec<String>,
}

/// Reads `package.json`.
pub(super) fn open(description: &Path) -> anyhow::Result<Project> {
    let text =
        std::fs::read(description).with_context(|| format!("cannot read {}", description.display()))?;
    let read: Description = serde_json::from_slice(&text).map_err(|cause| {
        misuse(
            format!("{}: {cause}", description.display()),
            "it needs name, version, main, and \"tailrace\": { \"grants\": […] }",
        )
    })?;
    let folder = folder_of(description);
    let main = folder.join(&read.main);
    if !main.is_file() {
        return Err(misuse(
            format!(
                "{}: there is no file {}",
                description.display(),
                read.main.display()
            ),
            "name the module of the plugin as \"main\", such as src/plugin.js",
        ));
    }
    Ok(Project {
        name: read.name,
        version: read.version,
        target_folder: folder.join(BUILD),
        folder,
        source: ProjectSource::Node(NodeSource {
            main,
            has_dependencies: read.dependencies.keys().any(|name| name != "tailrace"),
            grants: grants(&read.tailrace.grants, "package.json")?,
        }),
    })
}
