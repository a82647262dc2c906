//! `sdk.md`: every public item of the Rust SDK, from its doc comments. Their examples are doctests of the SDK.

use std::{fmt::Write as _, path::PathBuf};

use tailrace_reference::{page, root, rust};

/// Sections of the page, and the sources that each shows.
const SECTIONS: [(&str, &[&str]); 12] = [
    ("Plugin", &["plugin.rs", "export.rs"]),
    ("Event", &["event.rs", "fields.rs"]),
    ("Times", &["time.rs"]),
    ("Verdict and message", &["message.rs"]),
    ("Failure", &["failure.rs"]),
    ("Host", &["host/mod.rs"]),
    ("State", &["host/state.rs", "host/versioned.rs"]),
    ("Vectors", &["host/vectors.rs"]),
    ("Sketches", &["host/sketches.rs"]),
    ("Tables", &["host/tables.rs"]),
    ("Timers", &["host/timers.rs"]),
    (
        "Testing",
        &[
            "testing/host.rs",
            "testing/fired.rs",
            "testing/collections.rs",
            "testing/sketches.rs",
        ],
    ),
];

const HEAD: &str = "# Rust SDK

The crate `tailrace-sdk` is all that a plugin in Rust depends on. `tailrace plugin new clicks` makes a project with it.
`use tailrace_sdk::prelude::*;` imports everything that a plugin usually names.

The types `Event`, `Header`, `Message`, `Verdict`, `Failure`, `Rejection`, `Level`, `Entry`, `Neighbour`, `Timer` and
`Frequency` are generated from the [WIT interfaces](wit.md#interface-types), which explain their fields. This page lists the functions
that the SDK adds.

";

fn source(file: &str) -> String {
    std::fs::read_to_string(root().join("sdk/rust/src").join(file)).unwrap()
}

#[test]
fn the_page_of_the_sdk_shows_every_public_item() {
    let mut text = HEAD.to_owned();
    for (title, files) in SECTIONS {
        let _ = writeln!(text, "## {title}\n");
        for item in files.iter().flat_map(|file| rust::read(&source(file))) {
            section(&mut text, &item);
        }
    }
    page("sdk.md", &text);
}

fn section(text: &mut String, item: &rust::Item) {
    if item.text.starts_with("impl") {
        let _ = writeln!(text, "**`{}`**\n", item.text);
    } else {
        let _ = writeln!(text, "### `{}`\n", item.text);
    }
    if !item.doc.is_empty() {
        let _ = writeln!(text, "{}\n", item.doc);
    }
    for member in &item.members {
        let doc = member.doc.replace('\n', "\n  ");
        let _ = writeln!(text, "- `{}`\n\n  {doc}\n", member.text);
    }
}

/// Every source with something public is on the page: a new one must be added.
#[test]
fn no_source_with_public_items_is_left_out() {
    let listed: Vec<&str> = SECTIONS
        .iter()
        .flat_map(|(_, files)| files.iter().copied())
        .collect();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join("sdk/rust/src").join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            let name = path.to_string_lossy().into_owned();
            if path.extension().is_none() {
                folders.push(path);
            } else if rust::read(&source(&name))
                .iter()
                .any(|item| !is_implementation(item))
            {
                assert!(
                    listed.contains(&name.as_str()),
                    "sdk/rust/src/{name} is not on the page"
                );
            }
        }
    }
}

/// Every item says what it is and shows an example.
#[test]
fn every_type_of_the_sdk_has_an_example() {
    let all: Vec<_> = SECTIONS
        .iter()
        .flat_map(|(_, files)| files.iter().flat_map(|file| rust::read(&source(file))))
        .collect();
    assert!(all.len() > 12, "{all:?}");
    for item in all {
        if !is_implementation(&item) {
            assert!(item.doc.contains("```"), "{} has no example", item.text);
        }
        for member in item.members {
            assert!(
                !member.doc.is_empty(),
                "{}: {} has no doc",
                item.text,
                member.text
            );
        }
    }
}

/// Whether it says only that a type has a trait.
fn is_implementation(item: &rust::Item) -> bool {
    item.text.starts_with("impl") && item.text.contains(" for ")
}
