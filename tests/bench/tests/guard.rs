//! What an event costs must not grow unnoticed: ratios of processor time, measured by `bench guard` as
//! it was built with the tests.
//!
//! It is a test binary of its own because cargo runs test binaries one after the other: beside other
//! tests the figures would be noise. A bound is about twice as bad as what was measured in a debug
//! build on two busy cores, so it is passed by chance hardly ever, and by a step that is made twice.
#![allow(missing_docs, reason = "the tests' names are their documentation")]

use std::process::Command;

use serde_json::Value;

/// Rows of the guard, and the least that each must have of the rate of one step that forwards: half of
/// what was measured in November 2026 (0.43, 0.27, 0.56, 0.86).
const BOUNDS: [(&str, f64); 4] = [
    ("three steps", 0.2),
    ("state", 0.12),
    ("validator", 0.28),
    ("four partitions", 0.4),
];

#[test]
fn steps_state_and_partitions_cost_no_more_than_they_did() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("guard.json");
    let ran = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["guard", "--rounds", "5", "--json"])
        .arg(&file)
        .env("TAILRACE_PLUGINS", plugins())
        .output()
        .expect("the benchmark starts");
    let shown = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{shown}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let text = std::fs::read(&file).expect("the benchmark writes its figures");
    let report: Value = serde_json::from_slice(&text).expect("they are JSON");
    let rows = report["sections"][0]["rows"].as_array().expect("rows");
    for (what, bound) in BOUNDS {
        let row = rows.iter().find(|row| row["what"] == what).expect("every row");
        let ratio = row["ratio"].as_f64().expect("a ratio");
        assert!(
            ratio >= bound,
            "{what} has {ratio:.2} of the rate of one step that forwards, not {bound}:\n{shown}"
        );
    }
}

/// Where `make plugins` puts them, unless the environment says otherwise.
fn plugins() -> std::path::PathBuf {
    let named = std::env::var_os("TAILRACE_PLUGINS").map(Into::into);
    named.unwrap_or_else(|| {
        let bench = std::path::Path::new(env!("CARGO_BIN_EXE_bench"));
        bench.with_file_name("../wasm32-unknown-unknown/guest")
    })
}
