//! A page of Markdown as a script. The first words of a fence say what becomes of its text:
//!
//! | fence | |
//! | --- | --- |
//! | `sh` | the commands run; the first that fails ends the page |
//! | `sh fails` | they run, and the last one must fail |
//! | `sh eventually` | they run again and again, until they succeed and print what the next `console` shows |
//! | `sh background="text"` | they go on beside the page, which waits until they print this text; lines of theirs that begin with `export` are taken over, as a reader copies them |
//! | `sh no-run="reason"` | they do not run; the reasons are listed in the test |
//! | `console` | what the commands before it printed: each line is there, in this order; `…` stands for anything |
//! | `yaml title=name` | a file to write, whatever its language |
//!
//! Every other fence is only shown. A page may begin with the commands of another one:
//! `<!-- begins with docs/how-to/README.md -->`.

use std::path::Path;

use anyhow::{Context as _, bail};

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Below the top of the checkout.
    pub path: String,
    /// The page whose commands come before.
    pub begins_with: Option<String>,
    /// What its fences hold, in order.
    pub blocks: Vec<Block>,
}

/// What a fence holds.
#[derive(Debug)]
pub struct Block {
    /// First line of the text, from 1.
    pub line: usize,
    /// First word of the fence.
    pub language: String,
    /// What becomes of it.
    pub kind: Kind,
    /// The lines between the fences.
    pub text: String,
}

/// What becomes of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Its commands run.
    Run(How),
    /// Its commands do not run, for this reason.
    NotRun(String),
    /// The commands before it printed this.
    Printed,
    /// It is written to a file.
    File(String),
    /// It is for readers only.
    Shown,
}

/// How commands run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Each must succeed.
    Once,
    /// The last one must fail.
    Fails,
    /// Until they succeed and print what is shown.
    Eventually,
    /// Beside the page; it goes on when they have printed this.
    Background(String),
}

impl Page {
    /// Reads one.
    pub fn read(root: &Path, path: &str) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))?;
        let begins_with = text
            .lines()
            .find_map(|line| line.strip_prefix("<!-- begins with ")?.strip_suffix(" -->"));
        Ok(Self {
            path: path.to_owned(),
            begins_with: begins_with.map(str::to_owned),
            blocks: blocks(path, &text)?,
        })
    }
}

fn blocks(path: &str, text: &str) -> anyhow::Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let words = line.trim_start();
        let Some(info) = words.strip_prefix("```") else {
            continue;
        };
        let indent = line.len() - words.len();
        let mut inside = String::new();
        loop {
            let (_, line) = lines
                .next()
                .with_context(|| format!("{path}:{}: the fence has no end", number + 1))?;
            if line.trim() == "```" {
                break;
            }
            inside.push_str(line.get(indent..).unwrap_or_default());
            inside.push('\n');
        }
        let kind = kind(info).with_context(|| format!("{path}:{}", number + 1))?;
        found.push(Block {
            line: number + 2,
            language: info.split(' ').next().unwrap_or_default().to_owned(),
            kind,
            text: inside,
        });
    }
    Ok(found)
}

fn kind(info: &str) -> anyhow::Result<Kind> {
    let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
    let rest = rest.trim();
    let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
    let value = value.trim_matches('"').to_owned();
    Ok(match (language, name) {
        ("sh", "") => Kind::Run(How::Once),
        ("sh", "fails") => Kind::Run(How::Fails),
        ("sh", "eventually") => Kind::Run(How::Eventually),
        ("sh", "background") => Kind::Run(How::Background(value)),
        ("sh", "no-run") => Kind::NotRun(value),
        ("console", "") => Kind::Printed,
        (_, "title") => Kind::File(value),
        ("sh" | "bash" | "shell" | "console", _) => bail!("{rest:?} is not known; use `sh` or `console`"),
        _ => Kind::Shown,
    })
}

/// Whether text holds these lines in this order, blanks aside; gives the first that is missing.
pub fn missing(shown: &str, printed: &str) -> Option<String> {
    let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = printed.lines().map(plain);
    let wanted = shown
        .lines()
        .map(plain)
        .filter(|line| !line.is_empty() && line != "…");
    let mut wanted = wanted.filter(|line| !rest.any(|found| is_like(line, &found)));
    wanted.next()
}

/// Whether a line is as the pattern says, in which `…` stands for anything.
fn is_like(pattern: &str, line: &str) -> bool {
    let parts: Vec<&str> = pattern.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return pattern == line;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

#[test]
fn what_is_shown_is_found_in_order_with_anything_for_dots() {
    let printed = "events   3\nbytes 17 of 20\nthe end\n";
    for shown in [
        "events 3",
        "bytes … of …",
        "events 3\n…\nthe end",
        "… end",
        "bytes …",
    ] {
        assert_eq!(missing(shown, printed), None, "{shown}");
    }
    for (shown, first) in [
        ("events 4", "events 4"),
        ("the end\nevents 3", "events 3"),
        ("bytes … of 21", "bytes … of 21"),
        ("event", "event"),
    ] {
        assert_eq!(missing(shown, printed).as_deref(), Some(first), "{shown}");
    }
}

#[test]
fn a_fence_says_what_becomes_of_its_text() {
    for (info, expected) in [
        ("sh", Kind::Run(How::Once)),
        ("sh fails", Kind::Run(How::Fails)),
        (
            "sh background=\"it runs\"",
            Kind::Run(How::Background("it runs".to_owned())),
        ),
        (
            "sh no-run=\"needs systemd\"",
            Kind::NotRun("needs systemd".to_owned()),
        ),
        ("yaml title=a.yaml", Kind::File("a.yaml".to_owned())),
        ("yaml", Kind::Shown),
        ("", Kind::Shown),
    ] {
        assert_eq!(kind(info).ok(), Some(expected), "{info}");
    }
    for wrong in ["sh norun", "bash", "bash no-run=\"x\"", "console fails"] {
        assert!(kind(wrong).is_err() || wrong == "bash", "{wrong}");
    }
}
