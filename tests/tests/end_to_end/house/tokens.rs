//! From tokens to items, `use` trees and paths.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One import.
pub struct Use {
    pub path: Vec<String>,
    pub kind: UseKind,
}

/// What of the path an import brings in.
pub enum UseKind {
    /// Its last part, under this name.
    Name(String),
    /// Everything in it.
    Glob,
}

/// What stands in a module, up to its `;` or its closing brace.
pub struct Item<'a> {
    /// What its attributes hold, without documentation.
    pub attributes: Vec<TokenStream>,
    pub for_tests: bool,
    pub public: bool,
    pub keyword: String,
    pub name: Option<String>,
    pub tokens: &'a [TokenTree],
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(found)) if found.as_char() == sign)
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<&Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// An attribute at the beginning, and how many tokens it has.
fn attribute(tokens: &[TokenTree]) -> Option<(TokenStream, usize)> {
    if !is(tokens.first(), '#') {
        return None;
    }
    let inner = usize::from(is(tokens.get(1), '!'));
    let group = group(tokens.get(1 + inner), Delimiter::Bracket)?;
    Some((group.stream(), 2 + inner))
}

fn is_for_tests(attribute: &TokenStream) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,") || text == "test"
}

fn is_documentation(attribute: &TokenStream) -> bool {
    attribute
        .clone()
        .into_iter()
        .next()
        .is_some_and(|first| first.to_string() == "doc")
}

/// Takes the first item off a module's tokens.
pub fn next_item(tokens: &[TokenTree]) -> Option<(Item<'_>, &[TokenTree])> {
    let mut attributes = Vec::new();
    let mut start = 0;
    while let Some((found, length)) = attribute(&tokens[start..]) {
        attributes.push(found);
        start += length;
    }
    let tokens = &tokens[start..];
    tokens.first()?;
    let mut at = 0;
    let public = word(tokens.first()).as_deref() == Some("pub");
    if public {
        at += 1;
        at += usize::from(group(tokens.get(at), Delimiter::Parenthesis).is_some());
    }
    let mut keyword = word(tokens.get(at)).unwrap_or_default();
    while matches!(
        keyword.as_str(),
        "unsafe" | "async" | "extern" | "const" | "default" | "auto"
    ) {
        let following = match tokens.get(at + 1) {
            Some(TokenTree::Literal(_)) => at + 2,
            _ => at + 1,
        };
        match word(tokens.get(following)).as_deref() {
            Some(
                more @ ("unsafe" | "async" | "extern" | "const" | "fn" | "impl" | "trait" | "mod" | "crate"),
            ) => {
                more.clone_into(&mut keyword);
                at = following;
            }
            _ => break,
        }
    }
    // `macro_rules! name`: the name stands after the sign.
    let name = match keyword.as_str() {
        "impl" => None,
        "macro_rules" => word(tokens.get(at + 2)),
        "static" if word(tokens.get(at + 1)).as_deref() == Some("mut") => word(tokens.get(at + 2)),
        _ => word(tokens.get(at + 1)),
    };
    let only_semicolon = matches!(keyword.as_str(), "use" | "const" | "static" | "type");
    let end = (at..tokens.len())
        .find(|at| {
            is(tokens.get(*at), ';')
                || (!only_semicolon && group(tokens.get(*at), Delimiter::Brace).is_some())
        })
        .map_or(tokens.len(), |end| end + 1);
    let item = Item {
        for_tests: attributes.iter().any(is_for_tests),
        attributes: attributes
            .into_iter()
            .filter(|attribute| !is_documentation(attribute))
            .collect(),
        public,
        keyword,
        name,
        tokens: &tokens[at..end],
    };
    Some((item, &tokens[end..]))
}

/// The file that `#[path = "…"]` names.
pub fn path_attribute(item: &Item<'_>) -> Option<String> {
    item.attributes.iter().find_map(|attribute| {
        let text = attribute.to_string();
        let value = text.strip_prefix("path")?.trim_start().strip_prefix('=')?;
        Some(value.trim().trim_matches('"').to_owned())
    })
}

/// The imports of a `use …;`, nested braces undone.
pub fn split_uses(tokens: &[TokenTree]) -> Vec<Use> {
    let mut found = Vec::new();
    let tree = tokens.get(1..).unwrap_or_default();
    let end = tree
        .iter()
        .position(|token| is(Some(token), ';'))
        .unwrap_or(tree.len());
    branch(&tree[..end], &[], &mut found);
    found
}

fn branch(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<Use>) {
    let mut path = prefix.to_vec();
    let mut at = 0;
    let mut alias = None;
    while let Some(token) = tokens.get(at) {
        if let Some(group) = group(Some(token), Delimiter::Brace) {
            let inner: Vec<_> = group.stream().into_iter().collect();
            for part in inner.split(|token| is(Some(token), ',')) {
                if !part.is_empty() {
                    branch(part, &path, found);
                }
            }
            return;
        }
        if is(Some(token), '*') {
            found.push(Use {
                path,
                kind: UseKind::Glob,
            });
            return;
        }
        match word(Some(token)) {
            Some(part) if part == "as" => {
                alias = word(tokens.get(at + 1));
                break;
            }
            // `a::{self}` is `a`.
            Some(part) if part == "self" && !path.is_empty() => {}
            Some(part) => path.push(part),
            None => {}
        }
        at += 1;
    }
    let Some(name) = alias.or_else(|| path.last().cloned()) else {
        return;
    };
    found.push(Use {
        path,
        kind: UseKind::Name(name),
    });
}

/// Gathers the paths and the inner imports of code, also within macros and attributes. A path may stand
/// in a string there, as in `#[serde(with = "crate::units")]`.
pub fn scan(tokens: TokenStream, paths: &mut BTreeSet<Vec<String>>, uses: &mut Vec<Use>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((found, length)) = attribute(&tokens[at..]) {
            at += length;
            if is_for_tests(&found) {
                at += tokens[at..]
                    .iter()
                    .position(|token| {
                        is(Some(token), ';')
                            || is(Some(token), ',')
                            || group(Some(token), Delimiter::Brace).is_some()
                    })
                    .map_or(tokens.len() - at, |end| end + 1);
            } else if !is_documentation(&found) {
                scan(found, paths, uses);
            }
            continue;
        }
        match &tokens[at] {
            TokenTree::Group(group) => scan(group.stream(), paths, uses),
            TokenTree::Literal(text) => {
                let text = text.to_string();
                let inner = text.trim_matches('"');
                if is_path(inner) {
                    paths.insert(inner.split("::").map(str::to_owned).collect());
                }
            }
            // A lifetime is no name.
            TokenTree::Punct(sign) if sign.as_char() == '\'' => at += 1,
            TokenTree::Punct(_) => {}
            TokenTree::Ident(first) if *first == "use" && !is(tokens.get(at + 1), '<') => {
                let end = tokens[at..]
                    .iter()
                    .position(|token| is(Some(token), ';'))
                    .map_or(tokens.len(), |end| at + end + 1);
                uses.extend(split_uses(&tokens[at..end]));
                at = end;
                continue;
            }
            TokenTree::Ident(first) => {
                let mut path = vec![first.to_string()];
                let start = at;
                while is(tokens.get(at + 1), ':') && is(tokens.get(at + 2), ':') {
                    let Some(part) = word(tokens.get(at + 3)) else {
                        break;
                    };
                    path.push(part);
                    at += 3;
                }
                if begins_a_path(&tokens[..start]) {
                    paths.insert(path);
                }
            }
        }
        at += 1;
    }
}

/// Not a field, not a method, not the rest of a longer path.
fn begins_a_path(before: &[TokenTree]) -> bool {
    let last = before.last();
    let one_but_last = before.iter().rev().nth(1);
    let field = is(last, '.') && !is(one_but_last, '.');
    let rest = is(last, ':') && is(one_but_last, ':');
    !field && !rest
}

fn is_path(text: &str) -> bool {
    text.contains("::")
        && text.split("::").all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
        })
}
