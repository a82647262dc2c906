//! `tailrace pipeline apply`: a manifest, from a file or from standard input.

use std::{io::Read as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use tailrace_core::manifest::parse::{MAX_MANIFEST_BYTES, read as read_manifest};

use crate::cli::{
    client::{query, read},
    error::unreadable_manifest,
    global::Session,
    screen::{printable, remark},
};

/// What to apply.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// File with the manifest in YAML or JSON; `-` for standard input.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Accept a changed `state-version` of a step. Its state is kept as it is.
    #[arg(long)]
    force: bool,
    /// Check everything and change nothing; say what would change.
    #[arg(long, conflicts_with_all = ["shadow", "canary"])]
    dry_run: bool,
    /// Run the revision as a shadow: it processes the same events without any effect.
    #[arg(long, conflicts_with = "canary")]
    shadow: bool,
    /// Run the revision as a canary for a share of the keys, such as 5%.
    #[arg(long, value_name = "SHARE")]
    canary: Option<String>,
    /// End the canary when a greater ratio of its events fails or is rejected.
    #[arg(long, value_name = "RATIO", requires = "canary")]
    max_error_ratio: Option<f64>,
    /// End the canary when the 99th percentile of its plugins' time exceeds this.
    #[arg(long, value_name = "TIME", requires = "canary")]
    max_p99: Option<String>,
    /// Events of the canary before a limit applies [default: 100].
    #[arg(long, value_name = "N", requires = "canary")]
    min_events: Option<u64>,
}

impl ApplyArgs {
    fn query(&self) -> String {
        let flag = |set: bool| set.then(|| "true".to_owned());
        query(&[
            ("force", flag(self.force)),
            ("dry-run", flag(self.dry_run)),
            ("shadow", flag(self.shadow)),
            ("canary", self.canary.clone()),
            (
                "max-error-ratio",
                self.max_error_ratio.map(|ratio| ratio.to_string()),
            ),
            ("max-p99", self.max_p99.clone()),
            ("min-events", self.min_events.map(|events| events.to_string())),
        ])
    }
}

#[derive(Deserialize)]
struct AppliedView {
    revision: u64,
    changed: bool,
    #[serde(default)]
    candidate: bool,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    schemas: Vec<FilledView>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    changes: Vec<ChangeView>,
}

/// A schema that a rule has filled in.
#[derive(Deserialize)]
struct FilledView {
    field: String,
    rule: String,
    schema: String,
    #[serde(default)]
    version: Option<u32>,
}

#[derive(Deserialize)]
struct ChangeView {
    field: String,
    before: Value,
    after: Value,
}

/// Reads the manifest for its name and its form, and lets the server judge it. It goes there as it was written: only so
/// are scalars typed by their places, and mistakes told by their lines.
pub fn run(args: &ApplyArgs, session: &Session) -> anyhow::Result<()> {
    let text = read_text(&args.file)?;
    let read_here = read_manifest(&text).map_err(|refusal| unreadable_manifest(&refusal))?;
    let name = read_here.manifest.name;
    let route = session.pipeline_route(name.as_str(), &[])? + &args.query();
    let answer = session.client.put_text(&route, kind_of(&text), text)?;
    session.output.show(&answer, || {
        let AppliedView {
            revision,
            changed,
            candidate,
            warnings,
            schemas,
            dry_run,
            changes,
        } = read(&answer)?;
        for filled in schemas {
            remark(&filled.in_words());
        }
        for warning in warnings {
            remark(&format!("warning: {warning}"));
        }
        Ok(if dry_run && changed {
            let lines = changes.iter().map(difference);
            let would = format!("{name} would run revision {revision}; nothing was changed");
            lines.chain([would]).collect::<Vec<_>>().join("\n")
        } else if candidate {
            let how = if args.shadow { "as a shadow" } else { "as a canary" };
            format!("{name} runs revision {revision} beside the active one, {how}\n\nnext: tailrace pipeline candidate {name}")
        } else if changed {
            format!("{name} runs revision {revision}\n\nnext: tailrace pipeline status {name}")
        } else {
            format!("{name} is unchanged: revision {revision} says the same")
        })
    })
}

impl FilledView {
    fn in_words(&self) -> String {
        let Self {
            field, rule, schema, ..
        } = self;
        let version = self.version.map(|version| format!(", version {version}"));
        let version = version.unwrap_or_default();
        format!("{field} is schema {schema}{version}, by the rule of {rule:?}")
    }
}

/// A field that would be another, as two lines of a diff.
fn difference(change: &ChangeView) -> String {
    let side = |sign: char, value: &Value| match value {
        Value::Null => String::new(),
        value => format!("\n  {sign} {}", printable(&value.to_string())),
    };
    let (before, after) = (side('-', &change.before), side('+', &change.after));
    format!("{}{before}{after}", printable(&change.field))
}

/// The media type of a manifest's text.
fn kind_of(text: &[u8]) -> &'static str {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    match text.trim_ascii_start().first() {
        Some(b'{') => "application/json",
        _ => "application/yaml",
    }
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
        .take(MAX_MANIFEST_BYTES as u64 + 1)
        .read_to_end(&mut text)
        .with_context(|| format!("cannot read {shown}"))?;
    Ok(text)
}
