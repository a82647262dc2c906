//! `tailrace joins`: what a join of a pipeline keeps for partners that are to come, as of the last commit.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::{query, read},
    global::Session,
    screen::{go_on, table_or, time},
};

/// What a join keeps.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tailrace joins orders paid\n  tailrace joins orders paid --key order-7")]
pub struct JoinsArgs {
    /// The pipeline.
    pipeline: String,
    /// Its join.
    join: String,
    /// List only events of this value.
    #[arg(long)]
    key: Option<String>,
    /// Go on behind this, which the list before has named.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// The most events to list.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Deserialize)]
struct Page {
    kept: Vec<KeptView>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct KeptView {
    key: Value,
    side: String,
    input: String,
    time_ms: u64,
    until_ms: u64,
    paired: bool,
    partition: u32,
    payload: Value,
}

/// Lists it.
pub fn run(args: JoinsArgs, session: &Session) -> anyhow::Result<()> {
    let parameters = query(&[
        ("key", args.key),
        ("after", args.after),
        ("limit", Some(args.limit.to_string())),
    ]);
    let route = session.pipeline_route(&args.pipeline, &["joins", &args.join])?;
    let answer = session.client.get(&(route + &parameters))?;
    session.output.show(&answer, || {
        let page: Page = read(&answer)?;
        go_on(page.next.as_deref());
        let row = |kept: KeptView| {
            let key = kept
                .key
                .as_str()
                .map_or_else(|| kept.key.to_string(), str::to_owned);
            vec![
                key,
                kept.side,
                kept.input,
                time(kept.time_ms),
                time(kept.until_ms),
                if kept.paired { "yes" } else { "" }.to_owned(),
                kept.partition.to_string(),
                kept.payload.to_string(),
            ]
        };
        Ok(table_or(
            "the join keeps no such event",
            &[
                "key",
                "side",
                "input",
                "time",
                "until",
                "paired",
                "partition>",
                "payload",
            ],
            page.kept.into_iter().map(row).collect(),
        ))
    })
}
