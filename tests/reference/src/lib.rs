//! The tests that generate `docs/reference` share this crate.
//!
//! A generator lies beside the code that it describes. It builds a page as text and calls [`page`], which
//! compares the text with the committed file. With `BLESS=1` in the environment it writes the file instead.
//!
//! - [`schema`]: tables of fields from a JSON Schema, for the configuration and the pipeline manifest;
//! - [`rust`]: public items and their doc comments from Rust sources, for the SDK;
//! - [`wit`]: interfaces and worlds with their doc comments, for the plugin contract.

pub mod rust;
pub mod schema;
pub mod wit;

use std::path::{Path, PathBuf};

/// The first line of each page.
const NOTICE: &str =
    "<!-- A test generates this page from the code. Run `BLESS=1 cargo test` to renew it. -->\n\n";

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a page of `docs/reference` with what its generator made, or writes it with `BLESS=1`.
pub fn page(name: &str, body: &str) {
    file(name, &format!("{NOTICE}{body}"));
}

/// The same of a file that is no page, and so has no notice.
pub fn file(name: &str, body: &str) {
    let path = root().join("docs/reference").join(name);
    let text = format!("{}\n", body.trim_end());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, text,
        "docs/reference/{name} is not up to date: run the test with BLESS=1"
    );
}

/// Text as a cell of a Markdown table: one line, no column marks of its own.
pub fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('|', "\\|")
}

/// A doc comment as a sentence: one line, with a full stop at its end.
pub fn sentence(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() || line.ends_with(['.', ':', '!', '?']) {
        line
    } else {
        line + "."
    }
}

/// The anchor that GitHub gives to a heading.
pub fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_line_without_column_marks() {
        assert_eq!(cell("a | b\n  c"), "a \\| b c");
    }

    #[test]
    fn an_anchor_is_the_one_that_github_makes() {
        assert_eq!(anchor("Dead letter `no-key`"), "dead-letter-no-key");
        assert_eq!(anchor("GET /v1/tenants/{tenant}"), "get-v1tenantstenant");
    }

    #[test]
    fn a_sentence_ends_with_one_full_stop() {
        assert_eq!(sentence("Events that\nwait"), "Events that wait.");
        assert_eq!(sentence("It waits."), "It waits.");
    }
}
