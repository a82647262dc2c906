//! Arrows between crates go down, and each heavy dependency has one home.

use serde_json::Value;

/// Floors of the engine's crates; an arrow goes to a lower floor only.
const FLOORS: [(&str, u32); 15] = [
    ("tailrace-console", 0),
    ("tailrace-sketch", 0),
    ("tailrace-payload", 0),
    ("tailrace-time", 0),
    ("tailrace-schema", 0),
    ("tailrace-core", 1),
    ("tailrace-dataplane", 2),
    ("tailrace-control", 2),
    ("tailrace-wasm", 3),
    ("tailrace-nats", 3),
    ("tailrace-store", 3),
    ("tailrace-admin", 3),
    ("tailrace-testing", 3),
    ("tailrace-server", 4),
    ("tailrace", 5),
];
/// They implement ports, so they know these and nothing of the engine's loops. A change of the pipeline
/// then builds none of them anew.
const ADAPTERS: [&str; 3] = ["tailrace-wasm", "tailrace-nats", "tailrace-store"];
const FOR_ADAPTERS: [&str; 2] = ["tailrace-sketch", "tailrace-core"];
/// They are for tests: no shipped crate may carry them along.
const FOR_TESTS: [&str; 2] = ["tailrace-testing", "tailrace-reference"];
/// Each has one home.
const HEAVY: [(&str, &str); 5] = [
    ("wasmtime", "tailrace-wasm"),
    ("async-nats", "tailrace-nats"),
    ("sled", "tailrace-store"),
    ("axum", "tailrace-admin"),
    ("opentelemetry-otlp", "tailrace-server"),
];

/// A crate of the workspace.
pub struct Package {
    pub name: String,
    /// Its folder, from the top of the checkout.
    pub folder: String,
    /// What it needs to be built, without what only its tests need.
    pub needs: Vec<String>,
    /// What only its tests need.
    pub tests_need: Vec<String>,
}

impl Package {
    /// From what `cargo metadata` prints.
    pub fn all(metadata: &Value) -> Vec<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let top = text(&metadata["workspace_root"]);
        let packages = metadata["packages"].as_array().into_iter().flatten();
        packages
            .map(|package| {
                let (tests, others): (Vec<_>, Vec<_>) = package["dependencies"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .partition(|dependency| dependency["kind"] == "dev");
                let manifest = text(&package["manifest_path"]);
                let names = |all: Vec<&Value>| all.into_iter().map(|one| text(&one["name"])).collect();
                Self {
                    name: text(&package["name"]),
                    folder: manifest
                        .trim_start_matches(&top)
                        .trim_start_matches('/')
                        .trim_end_matches("/Cargo.toml")
                        .to_owned(),
                    needs: names(others),
                    tests_need: names(tests),
                }
            })
            .collect()
    }
}

fn floor(name: &str) -> Option<u32> {
    FLOORS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, floor)| *floor)
}

/// Every arrow between the engine's crates that goes up or sideways, or to a crate that is not for them.
pub fn wrong_arrows(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        let name = &package.name;
        let Some(own) = floor(name) else {
            if package.folder.starts_with("engine/") {
                found.push(format!("{name} has no floor: give it one in the list of floors"));
            }
            continue;
        };
        for needed in &package.needs {
            if FOR_TESTS.contains(&needed.as_str()) {
                found.push(format!(
                    "{name} is shipped and needs {needed}, which is for tests"
                ));
                continue;
            }
            let Some(below) = floor(needed) else { continue };
            if below >= own {
                found.push(format!("{name} (floor {own}) needs {needed} (floor {below})"));
            } else if ADAPTERS.contains(&name.as_str()) && !FOR_ADAPTERS.contains(&needed.as_str()) {
                found.push(format!(
                    "{name} needs {needed}: an adapter knows {} only",
                    FOR_ADAPTERS.join(" and ")
                ));
            }
        }
    }
    found
}

/// Every heavy dependency that has another home, a second one or none.
pub fn wrong_homes(packages: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for (heavy, home) in HEAVY {
        let users: Vec<&str> = packages
            .iter()
            .filter(|package| {
                let mut all = package.needs.iter().chain(&package.tests_need);
                all.any(|name| name == heavy)
            })
            .map(|package| package.name.as_str())
            .collect();
        if users != [home] {
            found.push(format!(
                "{heavy} is at home in {home}, but these name it: {}",
                users.join(", ")
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, needs: &[&str], tests_need: &[&str]) -> Package {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Package {
            name: name.to_owned(),
            folder: format!("engine/{name}"),
            needs: own(needs),
            tests_need: own(tests_need),
        }
    }

    #[test]
    fn an_arrow_up_or_sideways_is_found() {
        let packages = [
            package("tailrace-core", &["tailrace-dataplane", "tailrace-sketch"], &[]),
            package("tailrace-control", &["tailrace-dataplane", "tailrace-core"], &[]),
        ];
        assert_eq!(
            wrong_arrows(&packages),
            [
                "tailrace-core (floor 1) needs tailrace-dataplane (floor 2)",
                "tailrace-control (floor 2) needs tailrace-dataplane (floor 2)",
            ]
        );
    }

    #[test]
    fn an_adapter_that_knows_the_pipeline_is_found() {
        assert_eq!(
            wrong_arrows(&[package(
                "tailrace-store",
                &["tailrace-core", "tailrace-dataplane"],
                &[]
            )]),
            [
                "tailrace-store needs tailrace-dataplane: an adapter knows tailrace-sketch and tailrace-core only"
            ]
        );
        assert!(wrong_arrows(&[package("tailrace-admin", &["tailrace-control"], &[])]).is_empty());
    }

    #[test]
    fn a_shipped_crate_has_the_fakes_for_its_tests_only() {
        assert_eq!(
            wrong_arrows(&[package("tailrace-server", &["tailrace-testing"], &[])]),
            ["tailrace-server is shipped and needs tailrace-testing, which is for tests"]
        );
        assert_eq!(
            wrong_arrows(&[package("tailrace", &["tailrace-reference"], &[])]),
            ["tailrace is shipped and needs tailrace-reference, which is for tests"]
        );
        let tests_need = ["tailrace-testing", "tailrace-reference"];
        assert!(wrong_arrows(&[package("tailrace-admin", &[], &tests_need)]).is_empty());
    }

    #[test]
    fn a_crate_of_the_engine_without_a_floor_is_found() {
        assert_eq!(
            wrong_arrows(&[package("tailrace-cellar", &[], &[])]),
            ["tailrace-cellar has no floor: give it one in the list of floors"]
        );
    }

    #[test]
    fn a_second_home_of_a_heavy_dependency_is_found_also_in_tests() {
        let mut packages: Vec<_> = HEAVY
            .iter()
            .map(|(heavy, home)| package(home, &[heavy], &[]))
            .collect();
        assert!(wrong_homes(&packages).is_empty());
        packages.push(package("tailrace-core", &[], &["sled"]));
        assert_eq!(
            wrong_homes(&packages),
            ["sled is at home in tailrace-store, but these name it: tailrace-store, tailrace-core"]
        );
    }
}
