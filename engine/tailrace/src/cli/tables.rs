//! `tailrace table`: the tables of a pipeline, and their rows as of the last commit.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::{query, read},
    global::Session,
    screen::{count, go_on, printable, table, table_or},
};

/// Queries of tables.
#[derive(Debug, Subcommand)]
pub enum TableCommand {
    /// List the tables of a pipeline, and how far each was read.
    #[command(after_help = "Example:\n  tailrace table list orders")]
    List {
        /// The pipeline.
        pipeline: String,
    },
    /// Print the row of a key, as its message brought it.
    #[command(after_help = "Example:\n  tailrace table get orders customers ada")]
    Get {
        /// The pipeline.
        pipeline: String,
        /// Its table.
        table: String,
        /// The key.
        key: String,
    },
    /// List rows in the order of their keys.
    #[command(after_help = "Example:\n  tailrace table scan orders customers --prefix a --limit 20")]
    Scan {
        /// The pipeline.
        pipeline: String,
        /// Its table.
        table: String,
        /// List only keys with this prefix.
        #[arg(long)]
        prefix: Option<String>,
        /// List only keys after this one.
        #[arg(long, value_name = "KEY")]
        after: Option<String>,
        /// The most rows to list.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

/// A table, as the status of a pipeline shows it.
#[derive(Deserialize)]
pub(super) struct TableView {
    stream: String,
    /// What of which pipeline it is, where it is what another pipeline keeps.
    #[serde(default)]
    upstream: Option<String>,
    read_sequence: u64,
    #[serde(default)]
    behind: Option<u64>,
    is_loaded: bool,
    #[serde(default)]
    refused: u64,
    #[serde(default)]
    last_refusal: Option<String>,
    #[serde(default)]
    trouble: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    tables: BTreeMap<String, TableView>,
}

#[derive(Deserialize)]
struct Page {
    rows: Vec<RowView>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct RowView {
    key: String,
    partition: u32,
    value: Value,
}

/// Runs one of them.
pub fn run(command: TableCommand, session: &Session) -> anyhow::Result<()> {
    match command {
        TableCommand::List { pipeline } => {
            let route = session.pipeline_route(&pipeline, &["status"])?;
            let answer = session.client.get(&route)?;
            session.output.show(&answer["tables"], || {
                let status: Status = read(&answer)?;
                if status.tables.is_empty() {
                    return Ok("the pipeline has no tables, or runs nowhere".to_owned());
                }
                Ok(listed(&status.tables))
            })
        }
        TableCommand::Get { pipeline, table, key } => {
            let route = session.pipeline_route(&pipeline, &["tables", &table])?;
            let answer = session.client.get(&(route + &query(&[("key", Some(key))])))?;
            let row = &answer["rows"][0];
            session.output.show(row, || {
                let row: RowView = read(row)?;
                Ok(match row.value {
                    Value::String(text) => printable(&text),
                    value => value.to_string(),
                })
            })
        }
        TableCommand::Scan {
            pipeline,
            table,
            prefix,
            after,
            limit,
        } => {
            let parameters = query(&[
                ("prefix", prefix),
                ("after", after),
                ("limit", Some(limit.to_string())),
            ]);
            let route = session.pipeline_route(&pipeline, &["tables", &table])?;
            let answer = session.client.get(&(route + &parameters))?;
            session.output.show(&answer, || {
                let page: Page = read(&answer)?;
                go_on(page.next.as_deref());
                let row = |row: RowView| vec![row.key, row.partition.to_string(), row.value.to_string()];
                Ok(table_or(
                    "the table has no such rows",
                    &["key", "partition>", "value"],
                    page.rows.into_iter().map(row).collect(),
                ))
            })
        }
    }
}

/// Tables with how far they were read.
pub(super) fn listed(tables: &BTreeMap<String, TableView>) -> String {
    let row = |(name, view): (&String, &TableView)| {
        let read = match view.behind.filter(|behind| *behind > 0) {
            _ if !view.is_loaded => "loading".to_owned(),
            Some(behind) => format!("{} behind", count(behind)),
            None => "to its end".to_owned(),
        };
        let word = view.trouble.as_ref().or(view.last_refusal.as_ref());
        vec![
            name.clone(),
            view.upstream.clone().unwrap_or_else(|| view.stream.clone()),
            count(view.read_sequence),
            read,
            count(view.refused),
            word.map(|word| printable(word)).unwrap_or_default(),
        ]
    };
    table(
        &["table", "stream", "sequence>", "read", "refused>", "trouble"],
        tables.iter().map(row),
    )
}
