//! No public type name twice in a crate: whoever reads `Report` in a message or in the documentation
//! finds one.

use std::collections::BTreeMap;

use super::{
    module::Crate,
    tree::{Tree, crate_roots},
};

/// Every doubled name of a tree's crates, with the files that have it.
pub fn doubled_names(tree: &Tree) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for root in crate_roots(tree) {
        let mut homes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for module in Crate::read(root, tree)?.modules {
            for name in module.public_types {
                homes.entry(name).or_default().push(module.file.clone());
            }
        }
        found.extend(
            homes
                .into_iter()
                .filter(|(_, files)| files.len() > 1)
                .map(|(name, files)| format!("{name} is the name of a type in {}", files.join(" and "))),
        );
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::tree::tree;

    #[test]
    fn a_name_that_two_files_give_to_a_type_is_found() -> anyhow::Result<()> {
        let files = tree(&[
            ("x/src/lib.rs", "mod a; mod b; mod c;"),
            ("x/src/a.rs", "pub struct Report; struct Inner;"),
            ("x/src/b.rs", "pub(crate) enum Report {} pub struct Inner;"),
            (
                "x/src/c.rs",
                "pub use crate::a::Report as Again; #[cfg(test)] pub trait Inner {}",
            ),
        ]);
        assert_eq!(
            doubled_names(&files)?,
            ["Report is the name of a type in x/src/a.rs and x/src/b.rs"]
        );
        Ok(())
    }

    #[test]
    fn two_crates_may_each_have_it() -> anyhow::Result<()> {
        let files = tree(&[
            ("x/src/lib.rs", "pub struct Report;"),
            ("y/src/lib.rs", "pub trait Report { type Report; }"),
        ]);
        assert!(doubled_names(&files)?.is_empty());
        Ok(())
    }
}
