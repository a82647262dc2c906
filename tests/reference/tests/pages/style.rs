//! Rules that every page of the reference keeps: short sentences, and links that lead somewhere.

use std::collections::BTreeSet;

use serde_json::Value;
use tailrace_reference::{anchor, root};

/// Most words of a sentence.
const MOST_WORDS: usize = 25;

/// File names and texts of all pages.
fn pages() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join("docs/reference")).unwrap();
    let mut pages: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let is_json = path.extension().is_some_and(|ending| ending == "json");
            (name, if is_json { told(&text) } else { text })
        })
        .collect();
    pages.sort();
    pages
}

/// What a description in JSON tells people, a paragraph each.
fn told(json: &str) -> String {
    let mut waiting = vec![serde_json::from_str::<Value>(json).unwrap()];
    let mut told = String::new();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(items) => waiting.extend(items),
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(text) if ["description", "summary"].contains(&name.as_str()) => {
                            told.push_str(&text);
                            told.push_str("\n\n");
                        }
                        member => waiting.push(member),
                    }
                }
            }
            _ => {}
        }
    }
    told
}

/// The lines outside code blocks.
fn prose(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            lines.push(line);
        }
    }
    lines
}

/// Sentences of a page: paragraphs, items of lists and cells of tables.
fn sentences(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = vec![String::new()];
    for line in prose(text) {
        let begins = line.trim_start().starts_with(['|', '-', '#', '<']) || line.trim().is_empty();
        if begins {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().expect("one at least");
        block.push_str(line.trim());
        block.push(' ');
    }
    let cells = blocks.iter().flat_map(|block| block.split(" | "));
    let ended = cells.flat_map(|cell| cell.split(". "));
    let ended = ended.flat_map(|sentence| sentence.split(": "));
    ended.map(|sentence| sentence.trim().to_owned()).collect()
}

#[test]
fn no_sentence_is_long() {
    let mut long = Vec::new();
    for (name, text) in pages() {
        for sentence in sentences(&text) {
            let words = sentence
                .split_whitespace()
                .filter(|word| word.chars().any(char::is_alphanumeric));
            let count = words.count();
            if count > MOST_WORDS {
                long.push(format!("{name}: {count} words: {sentence}"));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn no_sentence_begins_with_who_or_what() {
    // Descriptions of types name what a value is, as documentation of code does.
    let prose = pages().into_iter().filter(|(name, _)| name != "openapi.json");
    for (name, text) in prose {
        for sentence in sentences(&text) {
            let first = sentence
                .trim_start_matches(['|', '-', ' '])
                .split_whitespace()
                .next();
            assert!(!matches!(first, Some("Who" | "What")), "{name}: {sentence}");
        }
    }
}

/// Anchors of a page: those of its headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|heading| anchor(heading.trim_start_matches('#').trim()))
        .collect()
}

#[test]
fn every_link_leads_to_a_page_and_an_anchor() {
    let pages = pages();
    for (name, text) in &pages {
        let all = anchors(text);
        let headings = prose(text)
            .into_iter()
            .filter(|line| line.starts_with('#'))
            .count();
        assert_eq!(all.len(), headings, "{name}: two headings have the same anchor");
        for line in prose(text) {
            for link in line.split("](").skip(1) {
                let link = link.split(')').next().unwrap_or_default();
                if link.starts_with("http") {
                    continue;
                }
                let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target = if file.is_empty() { name } else { file };
                let page = pages.iter().find(|(name, _)| name == target);
                if page.is_none() {
                    let path = root().join("docs/reference").join(target);
                    assert!(path.exists(), "{name} links to {link}");
                    continue;
                }
                let is_there =
                    anchor.is_empty() || page.is_some_and(|(_, text)| anchors(text).contains(anchor));
                assert!(is_there, "{name} links to {link}");
            }
        }
    }
}
