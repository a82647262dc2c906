//! `tailrace pipeline show` and `list`.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;
use tailrace_core::manifest::PipelineManifest;

use crate::cli::{client::read, global::Session, screen::table_or};

/// What to show.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The pipeline.
    name: String,
    /// Show this revision instead of the active one.
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
}

#[derive(Deserialize)]
struct PipelineView {
    name: String,
    revision: u64,
    state: String,
    #[serde(default)]
    reason: Option<String>,
    partitions: u32,
}

/// Prints a manifest as YAML, ready to be changed and applied again.
pub fn run(args: &ShowArgs, session: &Session) -> anyhow::Result<()> {
    let number = args.revision.map(|number| number.to_string());
    let rest: Vec<&str> = number
        .as_deref()
        .map_or_else(Vec::new, |number| vec!["revisions", number]);
    let answer = session.client.get(&session.pipeline_route(&args.name, &rest)?)?;
    session.output.show(&answer, || {
        // Through its type, so that the fields come in the order in which people write them.
        let spec: PipelineManifest = read(spec_of(&answer))?;
        Ok(serde_saphyr::to_string(&spec)?)
    })
}

/// The manifest in a revision, or in a pipeline's active one.
fn spec_of(answer: &Value) -> &Value {
    answer
        .get("active")
        .unwrap_or(answer)
        .get("spec")
        .unwrap_or(answer)
}

/// Lists the pipelines of the tenant.
pub fn list(session: &Session) -> anyhow::Result<()> {
    let answer = session.client.get(&session.tenant_route(&["pipelines"])?)?;
    session.output.show(&answer, || {
        let pipelines: Vec<PipelineView> = read(&answer)?;
        let row = |pipeline: PipelineView| {
            vec![
                pipeline.name,
                pipeline.state,
                pipeline.revision.to_string(),
                pipeline.partitions.to_string(),
                pipeline.reason.unwrap_or_default(),
            ]
        };
        Ok(table_or(
            "there are no pipelines yet",
            &["pipeline", "state", "revision>", "partitions>", "reason"],
            pipelines.into_iter().map(row).collect(),
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use tailrace_core::manifest::parse::parse;

    #[test]
    fn what_is_shown_is_applied_again_as_it_was() {
        let texts: Vec<&str> = vec![
            "NO",
            "on",
            "yes",
            "n",
            "08001",
            "00",
            "1e3",
            "1.0",
            "-5",
            "+5",
            "0x10",
            "0o7",
            "0b1",
            "1_000",
            "1:20",
            "~",
            "null",
            "Null",
            "true",
            "False",
            ".inf",
            ".NaN",
            "2026-11-01",
            "18446744073709551617",
            "",
            " x ",
            "a: b",
            "# x",
            "- a",
            "two\nlines",
            "ends\n",
            "=",
            "<<",
            "&a",
            "*a",
            "!x",
            "%x",
            "@x",
            "`x",
            "'",
            "\"",
            "{",
            "[a]",
            "a, b",
            "?",
            "|",
            ">",
            "\t",
            "\u{feff}x",
            "\u{85}",
        ];
        let by_name: BTreeMap<&str, &str> = texts.iter().map(|text| (*text, *text)).collect();
        let manifest = json!({
            "name": "p", "input": { "subjects": ["a.>"], "start": { "time": "2026-11-01T00:00:00Z" } },
            "steps": [{ "name": "s", "plugin": "v@1.0.0", "config": {
                "texts": texts, "numbers": [1, -1, 1.5, 1e300, 0.1], "rest": [true, null, {}, []],
                "by-name": by_name,
            } }],
        });
        let manifest = parse(manifest.to_string().as_bytes()).unwrap();
        let shown = serde_saphyr::to_string(&manifest).unwrap();
        assert_eq!(parse(shown.as_bytes()).unwrap(), manifest, "{shown}");
    }
}
