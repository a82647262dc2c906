//! The public JSON-Schema-Test-Suite: every case of its required part of 2020-12, and of the optional parts that this
//! engine claims. What is not claimed is named here, with the reason.

use std::path::{Path, PathBuf};
use std::process::Command;

use tailrace_schema::{Format, Json, Options, Reference, Schema, read_json, write_json};

/// Optional files that are not claimed.
const NOT_CLAIMED: [(&str, &str); 2] = [
    ("optional/cross-draft.json", "other drafts are refused"),
    (
        "optional/format/idn-hostname.json",
        "the tables of IDNA are larger than this crate",
    ),
];

/// Single groups that are not claimed, by words of their description.
const GROUPS_NOT_CLAIMED: [(&str, &str); 0] = [];

fn suite() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tools/json-schema-suite.sh");
    let output = Command::new(script).output().expect("the script runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> Json {
    read_json(&std::fs::read(path).expect("a file")).expect("JSON")
}

fn member<'j>(json: &'j Json, name: &str) -> &'j Json {
    let Json::Object(members) = json else {
        panic!("no object")
    };
    &members
        .iter()
        .find(|(member, _)| member == name)
        .unwrap_or_else(|| panic!("no {name}"))
        .1
}

fn elements(json: &Json) -> &[Json] {
    let Json::Array(elements) = json else {
        panic!("no array")
    };
    elements
}

fn text(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => String::from_utf8(write_json(other)).expect("text"),
    }
}

/// The suite's remote documents, under the addresses that its schemas name. Those of other drafts are left away.
fn remotes(suite: &Path) -> Vec<(String, String)> {
    let root = suite.join("remotes");
    let is_other = |path: &PathBuf| {
        let folder = path
            .strip_prefix(&root)
            .expect("below")
            .components()
            .next()
            .expect("a name");
        let folder = folder.as_os_str().to_string_lossy();
        (folder.starts_with("draft") && folder != "draft2020-12") || folder == "v1"
    };
    let all: Vec<PathBuf> = files(&root).into_iter().filter(|path| !is_other(path)).collect();
    let address = |path: &Path| {
        format!(
            "http://localhost:1234/{}",
            path.strip_prefix(&root).expect("below").display()
        )
    };
    all.iter()
        .map(|path| (address(path), std::fs::read_to_string(path).expect("a file")))
        .collect()
}

#[derive(Default)]
struct Count {
    cases: usize,
    failed: Vec<String>,
}

fn run(file: &str, path: &Path, remotes: &[(String, String)], asserts_formats: bool, count: &mut Count) {
    for group in elements(&read(path)) {
        let description = text(member(group, "description"));
        if GROUPS_NOT_CLAIMED
            .iter()
            .any(|(words, _)| description.contains(words))
        {
            continue;
        }
        let schema = text(member(group, "schema"));
        // Only what a schema names is pushed with it, as a user would.
        let uses = |(address, _): &&(String, String)| {
            let name = address.rsplit('/').next().expect("a name");
            schema.contains(name.trim_end_matches(".json"))
                || remotes.iter().any(|(_, text)| text.contains(name))
        };
        let references: Vec<Reference> = remotes
            .iter()
            .filter(uses)
            .map(|(name, text)| Reference::new(name, text))
            .collect();
        let parsed = Schema::parse(
            Format::JsonSchema,
            &schema,
            &references,
            Options { asserts_formats },
        );
        for case in elements(member(group, "tests")) {
            count.cases += 1;
            let expected = *member(case, "valid") == Json::Bool(true);
            let name = format!("{file}: {description}: {}", text(member(case, "description")));
            match &parsed {
                Err(fault) => count.failed.push(format!("{name}: {fault}")),
                Ok(schema) => {
                    let answer = schema.validate(&write_json(member(case, "data")));
                    if answer.is_ok() != expected {
                        count
                            .failed
                            .push(format!("{name}: expected {expected}, was {answer:?}"));
                    }
                }
            }
        }
    }
}

fn run_all(part: impl Fn(&str) -> bool, asserts_formats: impl Fn(&str) -> bool) -> Count {
    let suite = suite();
    let folder = suite.join("tests/draft2020-12");
    let remotes = remotes(&suite);
    let mut count = Count::default();
    for path in files(&folder) {
        let file = path.strip_prefix(&folder).expect("below").display().to_string();
        let is_claimed = !NOT_CLAIMED.iter().any(|(name, _)| *name == file);
        if part(&file) && is_claimed {
            run(&file, &path, &remotes, asserts_formats(&file), &mut count);
        }
    }
    count
}

#[test]
fn every_required_case_holds() {
    let count = run_all(|file| !file.starts_with("optional/"), |_| false);
    assert!(
        count.failed.is_empty(),
        "{} of {}:\n{}",
        count.failed.len(),
        count.cases,
        count.failed.join("\n")
    );
    assert!(count.cases > 1_200, "{} cases", count.cases);
}

#[test]
fn every_claimed_optional_case_holds() {
    let count = run_all(
        |file| file.starts_with("optional/"),
        |file| file.starts_with("optional/format/"),
    );
    assert!(
        count.failed.is_empty(),
        "{} of {}:\n{}",
        count.failed.len(),
        count.cases,
        count.failed.join("\n")
    );
    assert!(count.cases > 500, "{} cases", count.cases);
}
