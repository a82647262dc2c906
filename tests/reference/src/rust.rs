//! A reader of Rust sources that `rustfmt` has laid out: public items with their doc comments, for the
//! reference of the SDK. It knows no types and needs no compiler; the layout tells what belongs to what.

/// A public item, an `impl` block or a macro.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Item {
    /// `pub struct State<'a>`, `impl State<'_>`, `macro export!`.
    pub text: String,
    /// Its doc comment as Markdown.
    pub doc: String,
    /// Its public fields, variants, functions and types.
    pub members: Vec<Member>,
}

/// A field, a variant, a function or an associated type.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Member {
    /// As it is declared, in one line.
    pub text: String,
    /// Its doc comment as Markdown.
    pub doc: String,
}

/// The public items of a source, in order.
pub fn read(source: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut hidden_types: Vec<String> = Vec::new();
    let mut doc: Vec<&str> = Vec::new();
    let mut is_hidden = false;
    // Of which kind the open block is; none outside of one, or in one that is not shown.
    let mut open: Option<Block> = None;
    let mut is_exported = false;
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if let Some(said) = text.strip_prefix("///") {
            doc.push(said.strip_prefix(' ').unwrap_or(said));
            continue;
        }
        if text.starts_with("#[") {
            is_hidden |= text == "#[doc(hidden)]" || text == "#[cfg(test)]";
            is_exported |= text == "#[macro_export]";
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let said = markdown(&std::mem::take(&mut doc));
        let (hidden, exported) = (std::mem::take(&mut is_hidden), std::mem::take(&mut is_exported));
        if indent == 0 && text == "}" {
            open = None;
            continue;
        }
        if indent == 0 {
            let Some((block, heading)) = block(text, exported, &mut lines) else {
                continue;
            };
            open = text.ends_with('{').then_some(block).filter(|_| !hidden);
            if hidden {
                hidden_types.extend(type_name(&heading));
            } else {
                let members = Vec::new();
                items.push(Item {
                    text: heading,
                    doc: said,
                    members,
                });
            }
            continue;
        }
        let (Some(block), 4) = (open, indent) else {
            continue;
        };
        if let (Some(text), false) = (member(block, text, &mut lines), hidden) {
            let item = items.last_mut().expect("a block belongs to an item");
            item.members.push(Member { text, doc: said });
        }
    }
    // A block without anything public tells nothing, nor does one of a hidden type.
    items.retain(|item| {
        let is_block = item.text.starts_with("impl") && !item.text.contains(" for ");
        let is_hidden = is_block && hidden_types.iter().any(|name| names(&item.text, name));
        !(is_hidden || is_block && item.members.is_empty())
    });
    items
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Fields,
    Variants,
    Trait,
    Impl,
    TraitImpl,
    Macro,
    Other,
}

fn block<'a>(
    text: &str,
    is_exported: bool,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Option<(Block, String)> {
    let kind = |word: &str| text.starts_with(word);
    let block = if kind("pub struct ") {
        Block::Fields
    } else if kind("pub enum ") {
        Block::Variants
    } else if kind("pub trait ") {
        Block::Trait
    } else if kind("impl") && text.contains(" for ") {
        Block::TraitImpl
    } else if kind("impl") {
        Block::Impl
    } else if kind("macro_rules! ") && is_exported {
        let name = text.trim_start_matches("macro_rules! ").trim_end_matches(" {");
        return Some((Block::Macro, format!("macro {name}!")));
    } else if kind("pub fn ") || kind("pub const ") || kind("pub type ") {
        Block::Other
    } else {
        return None;
    };
    let text = declaration(text, lines);
    // The fields of a tuple are private unless they say otherwise, and then they are named.
    let text = match (block, text.split_once('(')) {
        (Block::Fields, Some((before, _))) => before.to_owned(),
        _ => text,
    };
    Some((block, text))
}

fn member<'a>(block: Block, text: &str, lines: &mut impl Iterator<Item = &'a str>) -> Option<String> {
    let is_shown = match block {
        Block::Fields => text.starts_with("pub "),
        Block::Variants => text.starts_with(|letter: char| letter.is_ascii_uppercase()),
        Block::Trait => text.starts_with("fn ") || text.starts_with("type "),
        Block::Impl => text.starts_with("pub fn ") || text.starts_with("pub const fn "),
        Block::TraitImpl | Block::Macro | Block::Other => false,
    };
    is_shown.then(|| declaration(text, lines))
}

/// The name of a type that is declared here.
fn type_name(declaration: &str) -> Option<String> {
    let words = declaration.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let mut words = words.filter(|word| !word.is_empty());
    words.find(|word| matches!(*word, "struct" | "enum"))?;
    words.next().map(str::to_owned)
}

/// Whether a text has this word.
fn names(text: &str, name: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.any(|word| word == name)
}

/// The whole declaration in one line, however many it has in the source.
fn declaration<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut text = first.to_owned();
    while !text.ends_with(['{', ';', ',', '}']) || opens(&text) {
        let Some(line) = lines.next() else { break };
        let line = line.trim();
        let is_bracket = text.ends_with('(') || line.starts_with(')');
        if !is_bracket {
            text.push(' ');
        }
        text.push_str(line);
    }
    text.trim_end_matches(['{', ';', ',', ' ']).replace(",)", ")")
}

/// Whether a bracket is still open, so that the declaration goes on.
fn opens(text: &str) -> bool {
    text.matches('(').count() > text.matches(')').count() || text.ends_with("where")
}

/// A doc comment as Markdown: hidden lines of examples left out, links to items as plain code.
fn markdown(lines: &[&str]) -> String {
    let (mut text, mut is_code) = (String::new(), false);
    for line in lines {
        if line.starts_with("```") {
            is_code = !is_code;
            text.push_str(if is_code { "```rust" } else { "```" });
            text.push('\n');
            continue;
        }
        if is_code && (*line == "#" || line.starts_with("# ")) {
            continue;
        }
        text.push_str(&if is_code { (*line).to_owned() } else { plain(line) });
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// A line whose links to items are plain code: `[X]` in backticks becomes `X`.
pub fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, linked)) = rest.split_once("[`") {
        let Some((code, after)) = linked.split_once("`]") else {
            break;
        };
        text.push_str(before);
        text.push('`');
        text.push_str(code);
        text.push('`');
        // What the link goes to, if it is written out.
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "//! Story.\n\n/// What it is.\n///\n/// ```\n/// # use x;\n/// go();\n/// ```\npub struct State<'a> {\n    port: Port<'a>,\n    /// Shown.\n    pub shown: u8,\n}\n\nimpl<'a> State<'a> {\n    pub(super) fn hidden() {}\n\n    /// Sets [`State::get`](x).\n    #[must_use]\n    pub fn set(\n        &mut self,\n        key: &str,\n    ) -> bool {\n        true\n    }\n}\n\n#[doc(hidden)]\npub struct Slot {\n    pub x: u8,\n}\n\nimpl Slot {\n    pub fn no() {}\n}\n\n#[cfg(test)]\nmod tests {\n    pub fn no() {}\n}\n";

    #[test]
    fn public_items_are_read_with_their_docs() {
        let items = read(SOURCE);
        let texts: Vec<_> = items.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(texts, ["pub struct State<'a>", "impl<'a> State<'a>"]);
        assert_eq!(items[0].doc, "What it is.\n\n```rust\ngo();\n```");
        assert_eq!(items[0].members[0].text, "pub shown: u8");
        assert_eq!(items[1].members.len(), 1);
        assert_eq!(
            items[1].members[0].text,
            "pub fn set(&mut self, key: &str) -> bool"
        );
        assert_eq!(items[1].members[0].doc, "Sets `State::get`.");
    }
}
