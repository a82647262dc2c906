//! `tailrace pipeline apply`: a description, from a file or from standard input.

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use tailrace_core::spec::parse::{MAX_SPEC_BYTES, parse};

use crate::cli::{client::read, error::misuse, global::Session};

/// What to apply.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// File with the description, YAML or JSON; `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
}

#[derive(Deserialize)]
struct AppliedView {
    revision: u64,
    changed: bool,
}

/// Reads the description for its name and its form, and lets the server judge it.
pub fn run(args: &ApplyArgs, session: &Session) -> anyhow::Result<()> {
    let text = read_text(&args.file)?;
    let spec = parse(&text).map_err(|cause| {
        misuse(
            cause.to_string(),
            "mend that field; `tailrace pipeline schema` describes them all",
        )
    })?;
    let answer = session
        .client
        .put(&session.pipeline_route(spec.name.as_str(), &[])?, &spec)?;
    session.output.show(&answer, || {
        let AppliedView { revision, changed } = read(&answer)?;
        let name = &spec.name;
        Ok(if changed {
            format!("{name} runs revision {revision}\n\nnext: tailrace pipeline status {name}")
        } else {
            format!("{name} is unchanged: revision {revision} says the same")
        })
    })
}

fn read_text(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let from_input = path.as_os_str() == "-";
    let shown = if from_input {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let source: Box<dyn std::io::Read> = if from_input {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("cannot read {shown}"))?)
    };
    let mut text = Vec::new();
    // One byte more than is allowed, so that the parser sees that it is too long.
    source
        .take(MAX_SPEC_BYTES as u64 + 1)
        .read_to_end(&mut text)
        .with_context(|| format!("cannot read {shown}"))?;
    Ok(text)
}
