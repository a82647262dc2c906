//! What the rules read: the files of a folder as data, so that a test can make up a small tree.

use std::{collections::BTreeMap, fs, path::Path};

use tailrace_tests::files::root;

/// Texts by path, with `/` between folders whatever the system.
pub type Tree = BTreeMap<String, String>;

/// All Rust files below a folder of the checkout, by their path from its top.
pub fn sources(folder: &str) -> anyhow::Result<Tree> {
    let mut tree = Tree::new();
    collect(&root().join(folder), folder, &mut tree)?;
    Ok(tree)
}

fn collect(folder: &Path, path: &str, tree: &mut Tree) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let inner = format!("{path}/{name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &inner, tree)?;
        } else if entry.path().extension().is_some_and(|kind| kind == "rs") {
            tree.insert(inner, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// A made-up tree.
pub fn tree(files: &[(&str, &str)]) -> Tree {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// The crates in a tree: the roots of libraries and of binaries, with `src` in their path.
pub fn crate_roots(tree: &Tree) -> Vec<&str> {
    tree.keys()
        .map(String::as_str)
        .filter(|path| {
            ["src/lib.rs", "src/main.rs"]
                .iter()
                .any(|root| path.ends_with(root))
                || path
                    .rsplit_once('/')
                    .is_some_and(|(folder, _)| folder.ends_with("src/bin"))
        })
        .collect()
}
