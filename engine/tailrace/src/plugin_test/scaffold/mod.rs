//! A new plugin project: ten lines of plugin with a test, events to try it on, a pipeline to run it
//! in, the SDK that it is built with, and the commands that lead from one to the other.

mod language;
mod vendored;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tailrace_core::name::Name;

use self::language::SDK;
pub use self::{
    language::Language,
    vendored::{WIT, brought},
};
use crate::cli::error::misuse;

/// The folder of a project's own SDK, or of this program's where the project has none, below `made`.
pub fn sdk(project: &Path, made: &Path, language: Language) -> anyhow::Result<PathBuf> {
    let name = language.sdk();
    let own = project.join(name);
    if own.is_dir() {
        return Ok(own);
    }
    vendored::write(made, language).context("cannot write the SDK")?;
    Ok(made.join(name))
}

/// What to make.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Name of the plugin, its package and its folder.
    pub name: &'a str,
    /// Its language.
    pub language: Language,
    /// Another folder of the Rust SDK than one in the project.
    pub sdk: Option<&'a Path>,
}

/// Makes the project in a folder of its name below `parent`; gives the folder.
pub fn create(parent: &Path, wanted: &Wanted<'_>) -> anyhow::Result<PathBuf> {
    let (name, language) = (wanted.name, wanted.language);
    check_name(name, language)?;
    if wanted.sdk.is_some() && language != Language::Rust {
        return Err(misuse(
            "--sdk names the SDK of Rust",
            "leave it out; the project holds its SDK",
        ));
    }
    let named = wanted.sdk.map(named_sdk).transpose()?;
    let folder = parent.join(name);
    if folder.exists() {
        return Err(misuse(
            format!("{} is there already", folder.display()),
            "choose another name, or move it away",
        ));
    }
    let sdk = named.as_deref().unwrap_or(Path::new(SDK));
    for (path, template) in language.files() {
        vendored::put(&folder.join(path), &fill(template, name, language, sdk))?;
    }
    if named.is_none() {
        vendored::write(&folder, language).context("cannot write the SDK")?;
    }
    Ok(folder)
}

fn check_name(name: &str, language: Language) -> anyhow::Result<()> {
    Name::new(name)
        .map_err(|cause| misuse(cause.to_string(), "choose such a name, such as click-counter"))?;
    // Stricter than a name of the engine: it is a package and a type, too.
    if name.starts_with(|first: char| first.is_ascii_digit()) || language.taken().contains(&name) {
        return Err(misuse(
            format!("{name:?} cannot name a package of {}", language.title()),
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

fn fill(template: &str, name: &str, language: Language, sdk: &Path) -> String {
    // As TOML writes a text: quoted, with whatever is in the path escaped.
    let sdk = toml::Value::String(sdk.display().to_string()).to_string();
    template
        .replace("{NAME}", name)
        .replace("{TYPE}", &type_name(name))
        .replace("{LANGUAGE}", language.title())
        .replace("{ENDING}", language.ending())
        .replace("{SDK}", &sdk)
}

/// `click-counter` as the name of a type: `ClickCounterPlugin`. No SDK and no language has a type that ends so, so
/// none is hidden: `event` and `string` are good names, too.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        word.chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(word.chars().skip(1))
            .collect::<String>()
    };
    let words: String = name.split('-').map(capital).collect();
    if words.ends_with("Plugin") && words != "Plugin" {
        words
    } else {
        words + "Plugin"
    }
}

#[cfg(test)]
mod tests;
