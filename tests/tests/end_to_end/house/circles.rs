//! No circle between the files of a crate: if `a.rs` needs `b.rs`, then `b.rs` does not need `a.rs`, nor
//! through others. A reader can then begin at the bottom and never meets what was not explained.
//!
//! An arrow goes from the file that names something to the file that defines it, whatever re-exports lie
//! between.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    module::Crate,
    resolve::{Target, is_glob},
    tree::{Tree, crate_roots},
};

/// For each file the files it needs, with the names that it takes from there.
pub type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Every circle of a tree's crates as a sentence.
pub fn circles(tree: &Tree) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for root in crate_roots(tree) {
        found.extend(of_crate(root, tree)?);
    }
    Ok(found)
}

/// Every circle of the crate that has this file as its root.
fn of_crate(root: &str, tree: &Tree) -> anyhow::Result<Vec<String>> {
    let arrows = arrows(&Crate::read(root, tree)?);
    let knots = knots(&arrows);
    Ok(knots.iter().map(|knot| shortest(knot, &arrows)).collect())
}

/// What each file of a crate needs.
pub fn arrows(read: &Crate) -> Arrows {
    let mut arrows = Arrows::new();
    for (index, module) in read.modules.iter().enumerate() {
        let globs = module.uses.iter().any(is_glob);
        let imported = module.uses.iter().map(|import| (&import.path, false));
        // A single word can only come from elsewhere through an import, which counts, or a glob.
        let named = module.paths.iter().filter(|path| globs || path.len() > 1);
        for (path, in_code) in imported.chain(named.map(|path| (path, true))) {
            let (target, name) = match read.resolve(index, path) {
                Some(Target::Item(target, name)) => (target, name),
                // An imported module is needed for the items that the code names through it; one that the
                // code itself names stands for all its items, as in `#[serde(with = "crate::units")]`.
                Some(Target::Module(target)) if in_code && path.len() > 1 => {
                    (target, path.last().cloned().unwrap_or_default())
                }
                _ => continue,
            };
            let target = &read.modules[target].file;
            if *target != module.file {
                arrows
                    .entry(module.file.clone())
                    .or_default()
                    .entry(target.clone())
                    .or_default()
                    .insert(name);
            }
        }
    }
    arrows
}

/// Sets of files that all need each other.
fn knots(arrows: &Arrows) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|file| (file, below(file, arrows))).collect();
    let mut knots = BTreeSet::new();
    for (file, below) in &reached {
        let knot: BTreeSet<String> = below
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(file)))
            .map(|other| (*other).clone())
            .collect();
        if !knot.is_empty() {
            knots.insert(knot);
        }
    }
    knots.into_iter().collect()
}

fn below<'a>(file: &str, arrows: &'a Arrows) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        for next in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

/// The shortest way round within a knot, with the names that make each arrow.
fn shortest(knot: &BTreeSet<String>, arrows: &Arrows) -> String {
    let path = knot
        .iter()
        .filter_map(|file| round(file, arrows))
        .min_by_key(Vec::len)
        .unwrap_or_default();
    let steps: Vec<String> = path
        .windows(2)
        .map(|step| {
            let names: Vec<_> = arrows[step[0]][step[1]].iter().map(String::as_str).collect();
            format!("{} needs {} ({})", step[0], step[1], names.join(", "))
        })
        .collect();
    let size = match knot.len() - path.len().saturating_sub(1) {
        0 => String::new(),
        more => format!("; {more} more files hang in it"),
    };
    format!("a circle: {}{size}", steps.join(", "))
}

fn round<'a>(start: &'a String, arrows: &'a Arrows) -> Option<Vec<&'a String>> {
    let mut from: BTreeMap<&String, &String> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut path = vec![start, file];
                while let Some(before) = path
                    .last()
                    .filter(|last| **last != start)
                    .and_then(|last| from.get(*last))
                {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if !from.contains_key(next) {
                from.insert(next, file);
                open.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::tree::tree;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        circles(&tree(files)).unwrap_or_else(|error| vec![format!("{error:#}")])
    }

    #[test]
    fn two_files_that_import_each_other_are_a_circle_and_named() {
        let circles = found(&[
            ("x/src/lib.rs", "mod a; mod b;"),
            ("x/src/a.rs", "use crate::b::B; pub struct A;"),
            (
                "x/src/b.rs",
                "use super::{a::{A as First}, nothing}; pub struct B;",
            ),
        ]);
        assert_eq!(
            circles,
            ["a circle: x/src/a.rs needs x/src/b.rs (B), x/src/b.rs needs x/src/a.rs (A)"]
        );
    }

    #[test]
    fn the_whole_way_round_is_named() {
        let circles = found(&[
            ("x/src/lib.rs", "mod a; mod b; mod c; mod d;"),
            ("x/src/a.rs", "pub fn a() { crate::b::b() }"),
            ("x/src/b.rs", "pub fn b() { super::c::c(super::d::D) }"),
            ("x/src/c.rs", "use crate::a; pub fn c() { a::a() }"),
            ("x/src/d.rs", "use crate::b::b; pub struct D;"),
        ]);
        assert_eq!(
            circles,
            [
                "a circle: x/src/b.rs needs x/src/d.rs (D), x/src/d.rs needs x/src/b.rs (b); 2 more files hang in it"
            ]
        );
        let longer = found(&[
            ("x/src/lib.rs", "mod a; mod b; mod c;"),
            ("x/src/a.rs", "pub fn a() { crate::b::b() }"),
            ("x/src/b.rs", "pub fn b() { super::c::c() }"),
            ("x/src/c.rs", "use crate::a; pub fn c() { a::a() }"),
        ]);
        assert_eq!(
            longer,
            [
                "a circle: x/src/a.rs needs x/src/b.rs (b), x/src/b.rs needs x/src/c.rs (c), x/src/c.rs needs x/src/a.rs (a)"
            ]
        );
    }

    #[test]
    fn a_re_export_is_seen_through() {
        let parent_with_definition = [
            ("x/src/lib.rs", "mod room;"),
            (
                "x/src/room/mod.rs",
                "mod child; use child::Child; pub struct Own(Child);",
            ),
            ("x/src/room/child.rs", "use super::Own; pub struct Child;"),
        ];
        assert_eq!(
            found(&parent_with_definition),
            [
                "a circle: x/src/room/child.rs needs x/src/room/mod.rs (Own), x/src/room/mod.rs needs x/src/room/child.rs (Child)"
            ]
        );
        let siblings_through_the_parent = [
            ("x/src/lib.rs", "mod room; pub use room::*;"),
            (
                "x/src/room/mod.rs",
                "mod one; mod two; pub use self::{one::One, two::*};",
            ),
            ("x/src/room/one.rs", "use crate::Two; pub struct One(Two);"),
            ("x/src/room/two.rs", "pub struct Two;"),
        ];
        assert!(found(&siblings_through_the_parent).is_empty());
        let back_through_a_glob = [
            ("x/src/lib.rs", "mod room; pub use room::*;"),
            (
                "x/src/room/mod.rs",
                "mod one; mod two; pub use self::{one::One, two::*};",
            ),
            ("x/src/room/one.rs", "use crate::Two; pub struct One(Two);"),
            ("x/src/room/two.rs", "use super::*; pub struct Two(Box<One>);"),
        ];
        assert_eq!(
            found(&back_through_a_glob),
            [
                "a circle: x/src/room/one.rs needs x/src/room/two.rs (Two), x/src/room/two.rs needs x/src/room/one.rs (One)"
            ]
        );
    }

    #[test]
    fn paths_in_macros_functions_and_attributes_count() {
        for naming in [
            "pub fn b() { format!(\"{}\", crate::a::A) }",
            "pub fn b() { use crate::a::A; }",
            "#[serde(with = \"crate::a\")] pub struct B; #[serde(with = \"crate::a::form\")] pub struct C;",
            "mod inner { pub fn b() -> super::super::a::A { loop {} } }",
            "impl crate::a::A {}",
        ] {
            let circles = found(&[
                ("x/src/lib.rs", "mod a; mod b;"),
                ("x/src/a.rs", "use crate::b::b; pub struct A; pub mod form {}"),
                ("x/src/b.rs", naming),
            ]);
            assert_eq!(circles.len(), 1, "{naming}");
        }
    }

    #[test]
    fn tests_comments_strings_and_module_declarations_are_no_arrows() {
        let a = r#"
            //! See [`crate::b::B`].
            // use crate::b::B;
            pub struct A;
            pub fn text() -> &'static str { "use crate::b::B;" }
            #[cfg(test)]
            mod tests { use crate::b::B; }
            #[cfg(test)]
            use crate::b::B;
            impl A {
                #[cfg(test)]
                fn only_for_tests() { crate::b::b() }
            }
        "#;
        let files = [
            ("x/src/lib.rs", "pub mod a; pub mod b; #[cfg(test)] mod tests;"),
            ("x/src/a.rs", a),
            ("x/src/b.rs", "use crate::a::A; pub struct B;"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn files_are_found_where_rust_looks_for_them() {
        let circles = found(&[
            (
                "x/src/main.rs",
                "mod a; #[path = \"../odd/place.rs\"] mod b; mod inline { mod deep; }",
            ),
            ("x/src/a.rs", "mod child; use crate::b::B;"),
            ("x/src/a/child.rs", "pub struct Child;"),
            ("x/odd/place.rs", "use crate::a::child::Child; pub struct B;"),
            ("x/src/inline/deep.rs", ""),
        ]);
        assert_eq!(circles, Vec::<String>::new());
        assert_eq!(
            found(&[("x/src/lib.rs", "mod gone;")]),
            ["in x/src/lib.rs: x/src/gone/mod.rs is missing"]
        );
    }
}
