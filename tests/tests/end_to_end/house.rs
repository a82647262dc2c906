//! The rules of the house that a machine can check.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use serde_json::Value;
use tailrace_tests::files::root;

/// Floors of the crates; an arrow goes to a lower floor only.
const FLOORS: [(&str, u32); 7] = [
    ("tailrace-sketch", 0),
    ("tailrace-core", 1),
    ("tailrace-wasm", 2),
    ("tailrace-nats", 2),
    ("tailrace-store", 2),
    ("tailrace-admin", 2),
    ("tailrace", 3),
];
/// Each has one home.
const HEAVY: [(&str, &str); 5] = [
    ("wasmtime", "tailrace-wasm"),
    ("async-nats", "tailrace-nats"),
    ("sled", "tailrace-store"),
    ("axum", "tailrace-admin"),
    ("opentelemetry-otlp", "tailrace"),
];

fn dependencies() -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let ran = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()?;
    let metadata: Value = serde_json::from_slice(&ran.stdout)?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages
        .map(|package| {
            (
                name(package),
                package["dependencies"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(name)
                    .collect(),
            )
        })
        .collect())
}

#[test]
fn arrows_go_down_and_never_sideways() -> anyhow::Result<()> {
    let floors = BTreeMap::from(FLOORS);
    let all = dependencies()?;
    for (crate_name, floor) in &floors {
        for dependency in &all[*crate_name] {
            if let Some(below) = floors.get(dependency.as_str()) {
                assert!(
                    below < floor,
                    "{crate_name} (floor {floor}) depends on {dependency} (floor {below})"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn heavy_dependencies_have_one_home() -> anyhow::Result<()> {
    for (heavy, home) in HEAVY {
        let users: Vec<_> = dependencies()?
            .into_iter()
            .filter(|(_, uses)| uses.iter().any(|name| name == heavy))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(users, [home], "{heavy}");
    }
    Ok(())
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_file_begins_with_its_story() -> anyhow::Result<()> {
    let all: Vec<_> = ["engine", "sdk", "plugins", "tests"]
        .into_iter()
        .flat_map(sources)
        .collect();
    assert!(all.len() > 80);
    for file in all {
        let text = std::fs::read_to_string(&file)?;
        assert!(
            text.starts_with("//!") || file.components().any(|part| part.as_os_str() == "template"),
            "{} has no //! head",
            file.display()
        );
    }
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
        if matches!(name.as_str(), "types" | "transform" | "world") {
            continue;
        }
        let host = root().join(format!("engine/wasm/src/host/{name}.rs"));
        assert!(host.is_file(), "{name}.wit has no {}", host.display());
    }
    Ok(())
}

/// What the control plane asks of the broker for a tenant it asks in that tenant's NATS account.
#[test]
fn the_control_plane_asks_the_broker_in_the_tenants_account() -> anyhow::Result<()> {
    // The engine's own connection is meant by these.
    let of_the_engine = ["is_connected()", "max_payload()"];
    for file in sources("engine/core/src/control") {
        let text: String = std::fs::read_to_string(&file)?.split_whitespace().collect();
        for port in ["streams", "input", "commits", "dead_letters", "snapshots"] {
            for (place, found) in text.match_indices(&format!("self.world.{port}.")) {
                let asked = &text[place + found.len()..];
                assert!(
                    of_the_engine.iter().any(|known| asked.starts_with(known)),
                    "{}: {port} of the engine's own account; use world_of",
                    file.display()
                );
            }
        }
    }
    Ok(())
}
