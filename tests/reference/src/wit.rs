//! A reader of WIT files: just enough to show each interface, its types and its functions with their doc
//! comments. It relies on the layout of `wit/`: one declaration a line, fields one level deeper.

use std::fmt::Write as _;

use crate::{cell, sentence};

/// An interface or a world.
#[derive(Debug, Default)]
pub struct Block {
    /// `interface` or `world`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its doc comment.
    pub doc: String,
    /// What it declares, in order.
    pub items: Vec<Declaration>,
}

/// A function, a type, an import or an export.
#[derive(Debug, Default)]
pub struct Declaration {
    /// Its text, without the braces of its members.
    pub text: String,
    /// Its doc comment.
    pub doc: String,
    /// The fields of a record or the cases of a variant.
    pub fields: Vec<Part>,
}

/// A field or a case.
#[derive(Debug, Default)]
pub struct Part {
    /// As it is declared.
    pub text: String,
    /// Its doc comment.
    pub doc: String,
}

/// The blocks of a file.
pub fn read(source: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut doc, mut depth) = (String::new(), 0_usize);
    for line in source.lines() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("///") {
            doc = format!("{doc} {}", text.trim());
            continue;
        }
        if line.is_empty() || line.starts_with("package ") || line.starts_with("use ") {
            continue;
        }
        if line == "}" {
            depth -= 1;
            continue;
        }
        let opens = line.ends_with('{');
        let text = line.trim_end_matches(['{', ';', ',']).trim().to_owned();
        let doc = std::mem::take(&mut doc).trim().to_owned();
        match depth {
            0 => {
                let (kind, name) = text.split_once(' ').expect("a kind and a name");
                blocks.push(Block {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    doc,
                    items: Vec::new(),
                });
            }
            1 => {
                let block = blocks.last_mut().expect("an open block");
                let fields = Vec::new();
                block.items.push(Declaration { text, doc, fields });
            }
            _ => {
                let block = blocks.last_mut().expect("an open block");
                let item = block.items.last_mut().expect("an open type");
                item.fields.push(Part { text, doc });
            }
        }
        depth += usize::from(opens);
    }
    blocks
}

impl Block {
    /// As a section of a page.
    pub fn section(&self) -> String {
        let mut text = format!(
            "## {} `{}`\n\n{}\n",
            title(&self.kind),
            self.name,
            sentence(&self.doc)
        );
        for item in &self.items {
            let _ = write!(text, "\n- `{}`", item.text);
            if !item.doc.is_empty() {
                let _ = write!(text, ": {}", sentence(&item.doc));
            }
            for field in &item.fields {
                let _ = write!(text, "\n  - `{}`", field.text);
                if !field.doc.is_empty() {
                    let _ = write!(text, ": {}", sentence(&cell(&field.doc)));
                }
            }
        }
        text.push('\n');
        text
    }
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_belong_to_what_follows_them() {
        let source = "/// Keyed state.\ninterface state {\n    /// An entry.\n    record entry {\n        /// Its key.\n        key: string,\n    }\n    get: func(key: string) -> option<list<u8>>;\n}\n";
        let blocks = read(source);
        assert_eq!(
            (blocks[0].name.as_str(), blocks[0].doc.as_str()),
            ("state", "Keyed state.")
        );
        assert_eq!(blocks[0].items[0].fields[0].doc, "Its key.");
        assert_eq!(
            blocks[0].items[1].text,
            "get: func(key: string) -> option<list<u8>>"
        );
        assert_eq!(blocks[0].items[1].doc, "");
    }
}
