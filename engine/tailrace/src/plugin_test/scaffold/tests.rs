//! New projects of each language.

use clap::ValueEnum as _;
use tailrace_core::manifest::{check::check, parse::parse};

use super::*;
use crate::plugin_test::project::Project;

fn wanted(name: &str, language: Language) -> Wanted<'_> {
    Wanted {
        name,
        language,
        sdk: None,
    }
}

#[test]
fn a_new_project_holds_what_its_pipeline_needs() {
    let parent = tempfile::tempdir().unwrap();
    let folder = create(parent.path(), &wanted("click-counter", Language::Rust)).unwrap();
    let read = |path: &str| std::fs::read_to_string(folder.join(path)).unwrap();
    assert!(read("src/lib.rs").contains("export!(ClickCounterPlugin);"));
    let package: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
    let sdk = package["dependencies"]["tailrace-sdk"]["path"].as_str().unwrap();
    assert!(
        Path::new(sdk).is_relative(),
        "it works on another machine, too: {sdk}"
    );
    assert!(folder.join(sdk).join("src/lib.rs").is_file());
}

#[test]
fn a_project_of_each_language_is_one_that_the_pipeline_names() {
    let parent = tempfile::tempdir().unwrap();
    for language in Language::value_variants() {
        let name = format!("click-{}", language.ending());
        let folder = create(parent.path(), &wanted(&name, *language)).unwrap();
        let project = Project::open(&folder).unwrap();
        assert_eq!((&*project.name, &*project.version), (&*name, "0.1.0"));
        let manifest = std::fs::read(folder.join("pipeline.yaml")).unwrap();
        let manifest = parse(&manifest).unwrap();
        check(&manifest).unwrap();
        assert_eq!(manifest.steps[0].plugin.to_string(), format!("{name}@0.1.0"));
        for (path, _) in language.files() {
            let text = std::fs::read_to_string(folder.join(path)).unwrap();
            for gap in ["{NAME}", "{TYPE}", "{LANGUAGE}", "{ENDING}"] {
                assert!(!text.contains(gap), "{path}");
            }
        }
    }
}

#[test]
fn nothing_is_overwritten_and_no_name_leaves_the_folder() {
    let parent = tempfile::tempdir().unwrap();
    create(parent.path(), &wanted("a", Language::Rust)).unwrap();
    for name in ["a", "../b", "B", "", "1st", "std", "serde", "tailrace-sdk"] {
        assert!(
            create(parent.path(), &wanted(name, Language::Rust)).is_err(),
            "{name:?}"
        );
    }
    let named = Wanted {
        sdk: Some(parent.path()),
        ..wanted("b", Language::Rust)
    };
    assert!(create(parent.path(), &named).is_err(), "a folder that is no SDK");
}

#[test]
fn the_type_of_a_plugin_hides_none_of_the_sdk() {
    for (name, wanted) in [
        ("event", "EventPlugin"),
        ("plugin", "PluginPlugin"),
        ("string", "StringPlugin"),
        ("click-plugin", "ClickPlugin"),
        ("click-2", "Click2Plugin"),
    ] {
        assert_eq!(type_name(name), wanted);
    }
    let lib = include_str!("../../../../../sdk/rust/src/lib.rs");
    let prelude = lib.split_once("pub mod prelude").map(|(_, prelude)| prelude);
    let prelude = prelude.and_then(|prelude| prelude.split_once("};")).unwrap().0;
    let names = prelude.split(|letter: char| !letter.is_alphanumeric());
    for name in names {
        assert!(
            !name.ends_with("Plugin") || name == "Plugin",
            "{name} would be hidden"
        );
    }
}
