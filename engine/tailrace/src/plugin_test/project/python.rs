//! A project in Python: `pyproject.toml`, with a table `[tool.tailrace]` that names the class and the grants.

use std::path::Path;

use serde::Deserialize;

use super::source::{BUILD, Project, ProjectSource, PythonSource, folder_of, grants, read_toml};
use crate::cli::error::misuse;

#[derive(Deserialize)]
struct Description {
    project: Package,
    tool: Tool,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Tool {
    tailrace: Own,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    plugin: String,
    #[serde(default)]
    grants: Vec<String>,
}

/// Reads `pyproject.toml`.
pub(super) fn open(description: &Path) -> anyhow::Result<Project> {
    let hint = "it needs [project] with name and version, and [tool.tailrace] with plugin = \"module:Class\"";
    let read: Description = read_toml(description, hint)?;
    let own = read.tool.tailrace;
    let (module, class) = class(&own.plugin).ok_or_else(|| {
        misuse(
            format!("{}: {:?} names no class", description.display(), own.plugin),
            "write module and class, such as plugin = \"plugin:Clicks\"",
        )
    })?;
    let folder = folder_of(description);
    Ok(Project {
        name: read.project.name,
        version: read.project.version,
        target_folder: folder.join(BUILD),
        folder,
        source: ProjectSource::Python(PythonSource {
            module,
            class,
            dependencies: read.project.dependencies,
            grants: grants(&own.grants, "pyproject.toml")?,
        }),
    })
}

/// Module and class of `module:Class`. Both go into a source text, so nothing else may stand there.
fn class(plugin: &str) -> Option<(String, String)> {
    let (module, class) = plugin.split_once(':')?;
    let is_word = |word: &str| {
        let begins = word.starts_with(|first: char| first.is_alphabetic() || first == '_');
        begins
            && word
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    let is_whole = module.split('.').all(is_word) && is_word(class);
    is_whole.then(|| (module.to_owned(), class.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_named_by_module_and_name() {
        assert_eq!(class("a.b:C"), Some(("a.b".to_owned(), "C".to_owned())));
        for wrong in [
            "a",
            "a:",
            ":C",
            "a:B.C",
            "a b:C",
            "1:C",
            "a:C\nimport os",
            "a..b:C",
        ] {
            assert_eq!(class(wrong), None, "{wrong}");
        }
    }
}
