//! `wit.md`: the interfaces and worlds of `wit/`.

use tailrace_reference::{page, root, wit};

/// The files in the order of the page: first the contract, then the host interfaces.
const FILES: [&str; 11] = [
    "world",
    "transform",
    "timed",
    "types",
    "state",
    "vectors",
    "sketches",
    "timers",
    "tables",
    "log",
    "panics",
];

const HEAD: &str = "# WIT interfaces

A plugin is a component of the package `tailrace:plugin`, version 0.2. It exports the interface `transform`, and
`timed` if it wakes up by timers. It imports host interfaces, and the [pipeline manifest](pipeline.md#step) must grant
each import to the step. A component that was built for version 0.1 runs unchanged.

The files lie in [`wit/`](../../wit). The [Rust SDK](sdk.md) wraps them.

";

#[test]
fn the_page_of_wit_shows_every_file() {
    let folder = root().join("wit");
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut listed = FILES.map(|name| format!("{name}.wit"));
    listed.sort();
    assert_eq!(names, listed, "the page names all files of wit/");
    let sections = FILES.iter().flat_map(|name| {
        let source = std::fs::read_to_string(folder.join(format!("{name}.wit"))).unwrap();
        wit::read(&source).into_iter().map(|block| block.section())
    });
    page(
        "wit.md",
        &(HEAD.to_owned() + &sections.collect::<Vec<_>>().join("\n")),
    );
}
