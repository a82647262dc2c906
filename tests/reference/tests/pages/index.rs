//! The index of the reference, which names every page.

use tailrace_reference::{page, root};

/// File, title and content of each page.
const PAGES: [(&str, &str, &str); 10] = [
    (
        "command-line.md",
        "Command line",
        "commands, flags, examples and exit codes of `tailrace`",
    ),
    (
        "configuration.md",
        "Configuration",
        "fields of the engine's TOML file, with defaults and environment names",
    ),
    (
        "pipeline.md",
        "Pipeline manifest",
        "fields of a pipeline, with defaults and constraints",
    ),
    (
        "http-api.md",
        "HTTP API",
        "routes, tokens, bodies, answers and errors",
    ),
    (
        "openapi.json",
        "OpenAPI",
        "the same routes for programs, as the engine serves them",
    ),
    (
        "metrics.md",
        "Metrics",
        "metrics for Prometheus and numbers for alarms",
    ),
    (
        "wit.md",
        "WIT interfaces",
        "the contract between a plugin and the engine",
    ),
    (
        "sdk.md",
        "Rust SDK",
        "traits, types and macros for plugins in Rust",
    ),
    (
        "states.md",
        "States of a pipeline",
        "each state, its reasons and their exits",
    ),
    (
        "errors.md",
        "Error codes",
        "each stable code, its cause and the way out",
    ),
];

const HEAD: &str = "# Reference

Tests generate these pages from the code, all but the states. `BLESS=1 cargo test` renews them.

| page | content |
| --- | --- |
";

#[test]
fn the_index_names_every_page() {
    let entries = std::fs::read_dir(root().join("docs/reference")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    names.sort();
    let mut listed: Vec<_> = PAGES.iter().map(|(file, ..)| (*file).to_owned()).collect();
    listed.sort();
    assert_eq!(names, listed);
    let rows = PAGES.map(|(file, title, content)| format!("| [{title}]({file}) | {content} |\n"));
    page("README.md", &(HEAD.to_owned() + &rows.concat()));
}
