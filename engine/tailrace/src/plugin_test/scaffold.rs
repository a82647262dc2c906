//! A new plugin project: ten lines of plugin with a test, events to try it on, a pipeline to run it
//! in, the SDK that it is built with, and the commands that lead from one to the other.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tailrace_core::name::Name;

use super::vendored;
use crate::cli::error::misuse;

/// The files, with `{…}` in capitals where a name goes.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("template/lib.rs.in")),
    ("events.jsonl", include_str!("template/events.jsonl")),
    ("pipeline.yaml", include_str!("template/pipeline.yaml.in")),
    ("README.md", include_str!("template/README.md.in")),
    (".gitignore", "/target\n"),
];

/// Where the SDK lies in the project.
const SDK: &str = "sdk";

/// Crates that a package of the same name would hide.
const TAKEN: [&str; 7] = ["alloc", "core", "proc-macro", "self", "std", "super", "test"];

/// Makes the project in a folder of its name below `parent`; gives the folder.
pub fn create(parent: &Path, name: &str, sdk: Option<&Path>) -> anyhow::Result<PathBuf> {
    check_name(name)?;
    let named = sdk.map(named_sdk).transpose()?;
    let folder = parent.join(name);
    if folder.exists() {
        return Err(misuse(
            format!("{} is there already", folder.display()),
            "choose another name, or move it away",
        ));
    }
    for (path, template) in FILES {
        let file = folder.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let sdk = named.as_deref().unwrap_or(Path::new(SDK));
        std::fs::write(&file, fill(template, name, sdk))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if named.is_none() {
        vendored::write(&folder.join(SDK))?;
    }
    Ok(folder)
}

fn check_name(name: &str) -> anyhow::Result<()> {
    Name::new(name)
        .map_err(|cause| misuse(cause.to_string(), "choose such a name, such as click-counter"))?;
    // Stricter than a name of the engine: it is a cargo package too.
    if name.starts_with(|first: char| first.is_ascii_digit()) || TAKEN.contains(&name) {
        return Err(misuse(
            format!("{name:?} cannot name a cargo package"),
            "choose another name, such as click-counter",
        ));
    }
    Ok(())
}

/// The folder of an SDK that somebody named.
fn named_sdk(named: &Path) -> anyhow::Result<PathBuf> {
    let is_sdk = |folder: &Path| {
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.contains("name = \"tailrace-sdk\"")
    };
    let found = named.canonicalize().ok().filter(|folder| is_sdk(folder));
    found.ok_or_else(|| {
        misuse(
            format!("{} is not the SDK", named.display()),
            "name the folder `sdk/rust` of a Tailrace checkout, or leave --sdk out",
        )
    })
}

fn fill(template: &str, name: &str, sdk: &Path) -> String {
    // As TOML writes a text: quoted, with whatever is in the path escaped.
    let sdk = toml::Value::String(sdk.display().to_string()).to_string();
    template
        .replace("{NAME}", name)
        .replace("{TYPE}", &type_name(name))
        .replace("{SDK}", &sdk)
}

/// `click-counter` as the name of a type: `ClickCounter`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        word.chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(word.chars().skip(1))
            .collect::<String>()
    };
    name.split('-').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use tailrace_core::manifest::{check::check, parse::parse};

    use super::*;

    #[test]
    fn a_new_project_holds_what_its_pipeline_needs() {
        let parent = tempfile::tempdir().unwrap();
        let folder = create(parent.path(), "click-counter", None).unwrap();
        let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
        assert!(read("src/lib.rs").contains("export!(ClickCounter);"));
        let package: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
        let sdk = package["dependencies"]["tailrace-sdk"]["path"].as_str().unwrap();
        assert!(
            Path::new(sdk).is_relative(),
            "it works on another machine, too: {sdk}"
        );
        assert!(folder.join(sdk).join("src/lib.rs").is_file());
        let manifest = parse(read("pipeline.yaml").as_bytes()).unwrap();
        check(&manifest).unwrap();
        let version = package["package"]["version"].as_str().unwrap();
        assert_eq!(
            manifest.steps[0].plugin.to_string(),
            format!("click-counter@{version}")
        );
        for (path, _) in FILES {
            assert!(
                !read(path).contains("{NAME}") && !read(path).contains("{TYPE}"),
                "{path}"
            );
        }
    }

    #[test]
    fn nothing_is_overwritten_and_no_name_leaves_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        create(parent.path(), "a", None).unwrap();
        for name in ["a", "../b", "B", "", "1st", "std"] {
            assert!(create(parent.path(), name, None).is_err(), "{name:?}");
        }
        assert!(
            create(parent.path(), "b", Some(parent.path())).is_err(),
            "a folder that is no SDK"
        );
    }
}
