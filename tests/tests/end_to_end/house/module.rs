//! A crate as its modules: what each defines, imports and names. Read from tokens, not with a regular
//! expression, so that comments, strings and nested braces mislead nobody.
//!
//! Left out: everything under `#[cfg(test)]`. A `mod x;` says where a file hangs and is no import.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{
    tokens::{Item, Use, next_item, path_attribute, scan, split_uses},
    tree::Tree,
};

/// One module, with a file of its own or inline.
#[derive(Default)]
pub struct Module {
    pub file: String,
    pub parent: Option<usize>,
    pub children: BTreeMap<String, usize>,
    /// Names of the items that stand here.
    pub items: BTreeSet<String>,
    /// Names of its types that can be seen outside.
    pub public_types: Vec<String>,
    pub uses: Vec<Use>,
    /// Paths that its code names outside `use`.
    pub paths: BTreeSet<Vec<String>>,
}

/// All modules of a crate; the first is its root.
pub struct Crate {
    pub modules: Vec<Module>,
}

/// Where modules that are declared here have their files.
struct Folders {
    /// The folder of the declaring file; `#[path]` starts from it.
    beside: String,
    /// The folder for `mod x;`.
    below: String,
}

impl Crate {
    /// Reads the crate that has this file as its root.
    pub fn read(root: &str, tree: &Tree) -> anyhow::Result<Self> {
        let mut read = Self { modules: Vec::new() };
        read.file(root, None, true, tree)?;
        Ok(read)
    }

    fn file(
        &mut self,
        path: &str,
        parent: Option<usize>,
        owns_folder: bool,
        tree: &Tree,
    ) -> anyhow::Result<usize> {
        let text = tree.get(path).with_context(|| format!("{path} is missing"))?;
        let tokens: TokenStream = text
            .parse()
            .map_err(|error| anyhow::anyhow!("{path} is not Rust: {error}"))?;
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let below = if owns_folder {
            folder.to_owned()
        } else {
            path.trim_end_matches(".rs").to_owned()
        };
        let folders = Folders {
            beside: folder.to_owned(),
            below,
        };
        let tokens: Vec<_> = tokens.into_iter().collect();
        self.module(path, parent, &folders, &tokens, tree)
    }

    fn module(
        &mut self,
        file: &str,
        parent: Option<usize>,
        folders: &Folders,
        tokens: &[TokenTree],
        tree: &Tree,
    ) -> anyhow::Result<usize> {
        let index = self.modules.len();
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            ..Module::default()
        });
        let mut rest = tokens;
        while let Some((item, after)) = next_item(rest) {
            rest = after;
            if item.for_tests {
                continue;
            }
            self.item(index, &item, folders, tree)
                .with_context(|| format!("in {file}"))?;
        }
        Ok(index)
    }

    fn item(&mut self, index: usize, item: &Item<'_>, folders: &Folders, tree: &Tree) -> anyhow::Result<()> {
        let module = &mut self.modules[index];
        for attribute in &item.attributes {
            scan(attribute.clone(), &mut module.paths, &mut module.uses);
        }
        match item.keyword.as_str() {
            "use" => module.uses.extend(split_uses(item.tokens)),
            "mod" => self.child(index, item, folders, tree)?,
            keyword => {
                if let Some(name) = &item.name {
                    module.items.insert(name.clone());
                    if item.public && matches!(keyword, "struct" | "enum" | "union" | "trait" | "type") {
                        module.public_types.push(name.clone());
                    }
                }
                let tokens = item.tokens.iter().cloned().collect();
                scan(tokens, &mut module.paths, &mut module.uses);
            }
        }
        Ok(())
    }

    fn child(&mut self, index: usize, item: &Item<'_>, folders: &Folders, tree: &Tree) -> anyhow::Result<()> {
        let name = item.name.clone().context("a module without a name")?;
        let inline = item.tokens.iter().find_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
            _ => None,
        });
        let child = if let Some(inline) = inline {
            let file = self.modules[index].file.clone();
            let below = format!("{}/{name}", folders.below);
            let folders = Folders {
                beside: below.clone(),
                below,
            };
            let tokens: Vec<_> = inline.into_iter().collect();
            self.module(&file, Some(index), &folders, &tokens, tree)?
        } else if let Some(path) = path_attribute(item) {
            self.file(
                &without_dots(&format!("{}/{path}", folders.beside)),
                Some(index),
                true,
                tree,
            )?
        } else {
            let alone = format!("{}/{name}.rs", folders.below);
            let folder = format!("{}/{name}/mod.rs", folders.below);
            let owns_folder = !tree.contains_key(&alone);
            let file = if owns_folder { folder } else { alone };
            self.file(&file, Some(index), owns_folder, tree)?
        };
        self.modules[index].children.insert(name, child);
        Ok(())
    }
}

fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}
