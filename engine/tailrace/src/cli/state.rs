//! `tailrace state`: what the steps of a pipeline keep, as of the last commit; and deleting it.

mod delete;

use std::io::Write as _;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::{query, read},
    global::Session,
    screen::{Output, go_on, remark, table_or},
};

/// Queries of keyed state.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// Print the value of a key, as the plugin wrote it.
    #[command(after_help = "Example:\n  tailrace state get recommendations rank 383")]
    Get {
        /// The pipeline.
        pipeline: String,
        /// Its step.
        step: String,
        /// The key.
        key: String,
    },
    /// List entries in the order of their keys.
    #[command(after_help = "Example:\n  tailrace state scan recommendations rank --prefix 38 --limit 20")]
    Scan {
        /// The pipeline.
        pipeline: String,
        /// Its step.
        step: String,
        /// List only keys with this prefix.
        #[arg(long)]
        prefix: Option<String>,
        /// List only keys after this one.
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// The most entries to list.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Delete entries of a step, and wait until every partition has done it.
    ///
    /// The deletion is part of the pipeline's commits: each partition does it once, between two events. The pipeline
    /// must run for it to be done. The step may be one that the pipeline has no more.
    #[command(
        after_help = "Examples:\n  tailrace state delete recommendations rank --key 383 --yes\n  tailrace state delete recommendations rank --prefix 38 --yes\n  tailrace state delete recommendations rank --all --yes"
    )]
    Delete(delete::DeleteStateArgs),
    /// Tell how far a deletion has come.
    #[command(after_help = "Example:\n  tailrace state deletion recommendations 4711")]
    Deletion {
        /// The pipeline.
        pipeline: String,
        /// The number that `tailrace state delete` has told.
        number: u64,
    },
}

#[derive(Deserialize)]
struct EntryView {
    key: String,
    partition: u32,
    value: Value,
}

/// Runs one of them.
pub fn run(command: StateCommand, session: &Session) -> anyhow::Result<()> {
    match command {
        StateCommand::Delete(args) => delete::run(&args, session),
        StateCommand::Deletion { pipeline, number } => delete::look(&pipeline, number, session),
        StateCommand::Get { pipeline, step, key } => {
            let path = session.pipeline_route(&pipeline, &["steps", &step, "state", &key])?;
            let (value, stand_in) = session.client.get_bytes_with(&path, STAND_IN)?;
            print_value(&key, &value, stand_in.as_deref(), session.output)
        }
        StateCommand::Scan {
            pipeline,
            step,
            prefix,
            after,
            limit,
        } => {
            let parameters = query(&[
                ("prefix", Some(prefix.unwrap_or_default())),
                ("after", after),
                ("limit", Some(limit.to_string())),
            ]);
            let answer = session
                .client
                .get(&(session.pipeline_route(&pipeline, &["steps", &step, "state"])? + &parameters))?;
            session.output.show(&answer, || {
                let entries: Vec<EntryView> = read(&answer)?;
                let last = entries.last().filter(|_| entries.len() as u32 >= limit.min(PAGE));
                go_on(last.map(|last| &*last.key));
                let row =
                    |entry: EntryView| vec![entry.key, entry.partition.to_string(), entry.value.to_string()];
                Ok(table_or(
                    "there are no such entries",
                    &["key", "partition>", "value"],
                    entries.into_iter().map(row).collect(),
                ))
            })
        }
    }
}

/// Most entries that the server gives at once.
const PAGE: u32 = 1_000;

/// The header that says of an answer that another entry stands in for the key: its key.
const STAND_IN: &str = "tr-stand-in";

/// As it is where something else reads it; what a terminal shows cannot move its cursor.
fn print_value(key: &str, value: &[u8], stand_in: Option<&str>, output: Output) -> anyhow::Result<()> {
    let text = std::str::from_utf8(value);
    if output == Output::Json {
        let mut shown = match (serde_json::from_slice::<Value>(value), text) {
            (Ok(json), _) => json!({ "key": key, "value": json }),
            (_, Ok(text)) => json!({ "key": key, "text": text }),
            _ => json!({ "key": key, "hex": super::screen::hex(value) }),
        };
        if let Some(stand_in) = stand_in {
            shown["stand_in"] = stand_in.into();
        }
        return output.show(&shown, || Ok(String::new()));
    }
    if let Some(stand_in) = stand_in {
        remark(&format!(
            "there is no {key:?}; the entry {stand_in:?} stands in for it"
        ));
    }
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    if is_terminal {
        let shown = text.map_or_else(|_| super::screen::hex(value), super::screen::printable);
        super::screen::out(&shown);
        return Ok(());
    }
    Ok(std::io::stdout().lock().write_all(value)?)
}
