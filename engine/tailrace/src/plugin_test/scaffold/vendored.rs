//! The SDK as it lies beside a new plugin. That of Rust brings its sources, those of the two small crates that it shares
//! with the engine, and the contract in `wit/`. So a project builds on every machine, of this version's SDK, whatever
//! was installed there.
//!
//! Why: docs/decisions/0098-a-new-plugin-brings-its-sdk.md

use std::path::Path;

use anyhow::Context as _;
use toml::{Table, Value};

use super::language::{Language, SDK};

/// Place and text of each source.
const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
const PYTHON: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/python.rs"));
const JAVASCRIPT: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/javascript.rs"));
const C: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/c.rs"));
const ZIG: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/zig.rs"));
/// The contract: name and text of each file.
pub const WIT: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/wit.rs"));
/// What the manifests refer to.
const WORKSPACE: &str = include_str!("../../../../../Cargo.toml");
/// The manifests, as they stand in the checkout.
const MANIFESTS: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("../../../../../sdk/rust/Cargo.toml")),
    (
        "payload/Cargo.toml",
        include_str!("../../../../payload/Cargo.toml"),
    ),
    ("time/Cargo.toml", include_str!("../../../../time/Cargo.toml")),
];
/// Crates of the checkout that the SDK depends on, and where they lie beside it.
const BESIDE: [(&str, &str); 2] = [("tailrace-payload", "payload"), ("tailrace-time", "time")];

const README: &str = concat!(
    "# The SDK of Tailrace ",
    env!("CARGO_PKG_VERSION"),
    "\n\n`tailrace plugin new` laid it here, so that the plugin builds wherever its folder is. Nothing here is yours to\nchange. A newer `tailrace` brings a newer SDK: make a project with it, and put its folder `sdk` in the place of\nthis one.\n"
);

/// Writes the SDK of a language into a project's folder.
pub(super) fn write(folder: &Path, language: Language) -> anyhow::Result<()> {
    if language == Language::Rust {
        return write_crate(&folder.join(SDK));
    }
    sources(language)
        .iter()
        .try_for_each(|(path, text)| put(&folder.join(path), text))
}

/// What this program brings into a build: the contract and the SDK of a language.
pub fn brought(language: Language) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    WIT.iter().chain(sources(language))
}

fn sources(language: Language) -> &'static [(&'static str, &'static str)] {
    match language {
        Language::Rust => SOURCES,
        Language::Python => PYTHON,
        Language::JavaScript | Language::TypeScript => JAVASCRIPT,
        Language::C => C,
        Language::Zig => ZIG,
    }
}

fn write_crate(folder: &Path) -> anyhow::Result<()> {
    for (path, text) in SOURCES {
        // In the checkout the contract lies beside the crate, here in it.
        let text = text.replace("path: \"../../wit\"", "path: \"wit\"");
        put(&folder.join(path), &text)?;
    }
    for (path, text) in MANIFESTS {
        put(&folder.join(path), &alone(text)?)?;
    }
    put(&folder.join("README.md"), README)
}

pub(super) fn put(file: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// A manifest that needs no workspace: what it takes from there stands in it. What only its own tests need is left
/// out.
fn alone(manifest: &str) -> anyhow::Result<String> {
    let workspace: Table = WORKSPACE.parse()?;
    let shared = |section: &str, name: &str| {
        let value = workspace["workspace"].get(section).and_then(|it| it.get(name));
        value
            .cloned()
            .with_context(|| format!("the workspace has no {section}.{name}"))
    };
    let mut manifest: Table = manifest.parse()?;
    manifest.remove("lints");
    manifest.remove("dev-dependencies");
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        for (name, value) in package.iter_mut() {
            if is_inherited(value) {
                *value = shared("package", name)?;
            }
        }
    }
    if let Some(needed) = manifest.get_mut("dependencies").and_then(Value::as_table_mut) {
        for (name, value) in needed.iter_mut() {
            if !is_inherited(value) {
                continue;
            }
            let mut whole = match BESIDE.iter().find(|(beside, _)| beside == name) {
                Some((_, folder)) => Table::from_iter([("path".to_owned(), Value::from(*folder))]),
                None => as_table(shared("dependencies", name)?),
            };
            let own = value.as_table().into_iter().flatten();
            whole.extend(
                own.filter(|(key, _)| *key != "workspace")
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            *value = Value::Table(whole);
        }
    }
    Ok(toml::to_string(&manifest)?)
}

fn is_inherited(value: &Value) -> bool {
    value
        .get("workspace")
        .is_some_and(|inherited| *inherited == Value::Boolean(true))
}

/// A dependency that is written as its version alone is a table, too.
fn as_table(value: Value) -> Table {
    match value {
        Value::Table(table) => table,
        version => Table::from_iter([("version".to_owned(), version)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        write_crate(folder.path()).unwrap();
        for path in [
            "src/lib.rs",
            "wit/world.wit",
            "payload/src/lib.rs",
            "time/src/rfc3339.rs",
        ] {
            assert!(folder.path().join(path).is_file(), "{path}");
        }
        let bindings = std::fs::read_to_string(folder.path().join("src/bindings.rs")).unwrap();
        assert!(bindings.contains("path: \"wit\""), "{bindings}");
        for (path, _) in MANIFESTS {
            let text = std::fs::read_to_string(folder.path().join(path)).unwrap();
            assert!(!text.contains("workspace") && !text.contains(".."), "{text}");
            let manifest: Table = text.parse().unwrap();
            assert!(manifest["package"]["version"].is_str(), "{text}");
        }
        let manifest: Table = std::fs::read_to_string(folder.path().join("Cargo.toml"))
            .unwrap()
            .parse()
            .unwrap();
        let needed = &manifest["dependencies"];
        assert_eq!(needed["tailrace-time"]["path"].as_str(), Some("time"));
        assert_eq!(needed["schemars"]["optional"].as_bool(), Some(true));
        assert!(needed["wit-bindgen"]["version"].is_str());
    }
}
