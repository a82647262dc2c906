//! From a path to the file that defines what it names, through re-exports, aliases and globs.

use std::collections::BTreeSet;

use super::{
    module::Crate,
    tokens::{Use, UseKind},
};

/// What a path names.
pub enum Target {
    Module(usize),
    /// An item, by the module that defines it and its name there.
    Item(usize, String),
}

/// Names under way, so that two globs that import each other end.
type Seen = BTreeSet<(usize, String, bool)>;

impl Crate {
    /// What a path names that stands in this module; nothing if another crate has it.
    pub fn resolve(&self, from: usize, path: &[String]) -> Option<Target> {
        self.walk(from, path, &mut Seen::new())
    }

    fn walk(&self, from: usize, path: &[String], seen: &mut Seen) -> Option<Target> {
        let mut at = from;
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => at = 0,
            "self" => {}
            "super" => at = self.modules[at].parent?,
            first => {
                at = match self.look_up(at, first, rest.len() > 1, seen)? {
                    Target::Module(module) => module,
                    item @ Target::Item(..) => return Some(item),
                };
            }
        }
        rest = &rest[1..];
        while let Some((name, more)) = rest.split_first() {
            rest = more;
            if name == "super" {
                at = self.modules[at].parent?;
                continue;
            }
            match self.look_up(at, name, !more.is_empty(), seen) {
                Some(Target::Module(module)) => at = module,
                Some(item) => return Some(item),
                // A macro made it: it stands where the macro is called.
                None => return Some(Target::Item(at, name.clone())),
            }
        }
        Some(Target::Module(at))
    }

    /// A name in a module: first what stands there, then what it imports, then its globs.
    fn look_up(&self, at: usize, name: &str, leads_on: bool, seen: &mut Seen) -> Option<Target> {
        if !seen.insert((at, name.to_owned(), leads_on)) {
            return None;
        }
        let module = &self.modules[at];
        let child = module.children.get(name).copied().map(Target::Module);
        let item = module
            .items
            .contains(name)
            .then(|| Target::Item(at, name.to_owned()));
        let here = if leads_on { child.or(item) } else { item.or(child) };
        if here.is_some() {
            return here;
        }
        let named = module.uses.iter().find_map(|import| match &import.kind {
            UseKind::Name(known) if known == name => self.walk(at, &import.path, seen),
            _ => None,
        });
        named.or_else(|| {
            let mut globs = module.uses.iter().filter(|import| is_glob(import));
            globs.find_map(|import| match self.walk(at, &import.path, seen)? {
                Target::Module(inside) => self.look_up(inside, name, leads_on, seen),
                Target::Item(..) => None,
            })
        })
    }
}

pub fn is_glob(import: &Use) -> bool {
    matches!(import.kind, UseKind::Glob)
}
