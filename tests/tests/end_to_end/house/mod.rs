//! The rules of the house that a machine can check. Each is a function over data in a file of its own,
//! with a made-up breach of it as its test; here they meet the checkout.
//!
//! Why: docs/decisions/0001-house-in-floors.md

mod accounts;
mod circles;
mod floors;
mod module;
mod names;
mod resolve;
mod tokens;
mod tree;

use std::process::Command;

use floors::Package;
use tailrace_tests::files::root;
use tree::{Tree, sources};

/// The folders with crates.
const HOUSE: [&str; 4] = ["engine", "sdk", "plugins", "tests"];

fn packages() -> anyhow::Result<Vec<Package>> {
    let ran = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()?;
    Ok(Package::all(&serde_json::from_slice(&ran.stdout)?))
}

fn house() -> anyhow::Result<Tree> {
    let mut all = Tree::new();
    for folder in HOUSE {
        all.extend(sources(folder)?);
    }
    assert!(all.len() > 500, "only {} files", all.len());
    Ok(all)
}

/// Nothing found, else the findings as they are to be read.
fn clean(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn arrows_go_down_and_never_sideways() -> anyhow::Result<()> {
    clean(&floors::wrong_arrows(&packages()?));
    Ok(())
}

#[test]
fn heavy_dependencies_have_one_home() -> anyhow::Result<()> {
    clean(&floors::wrong_homes(&packages()?));
    Ok(())
}

#[test]
fn no_file_needs_itself_through_others() -> anyhow::Result<()> {
    clean(&circles::circles(&house()?)?);
    Ok(())
}

#[test]
fn no_public_type_name_stands_twice_in_a_crate() -> anyhow::Result<()> {
    clean(&names::doubled_names(&house()?)?);
    Ok(())
}

#[test]
fn every_file_begins_with_its_story() -> anyhow::Result<()> {
    let without: Vec<_> = house()?
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(file, _)| format!("{file} has no //! head"))
        .collect();
    clean(&without);
    Ok(())
}

#[test]
fn every_interface_of_the_contract_has_its_host_file() -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root().join("wit"))? {
        let file = entry?.path();
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if matches!(name.as_str(), "types" | "transform" | "timed" | "world") {
            continue;
        }
        let host = root().join(format!("engine/wasm/src/host/{name}.rs"));
        assert!(host.is_file(), "{name}.wit has no {}", host.display());
    }
    Ok(())
}

#[test]
fn the_control_plane_asks_the_broker_in_the_tenants_account() -> anyhow::Result<()> {
    let control = sources("engine/control/src")?;
    assert!(control.len() > 20, "only {} files", control.len());
    clean(&accounts::asked_for_the_engine(&control));
    Ok(())
}
