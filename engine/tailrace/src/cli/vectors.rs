//! `tailrace vectors`: the embeddings of a pipeline, as of the last commit.

use clap::Subcommand;
use serde::Deserialize;

use super::{
    client::{query, read},
    global::Session,
    screen::{facts, go_on, table_or},
};

/// Queries of embeddings.
#[derive(Debug, Subcommand)]
pub enum VectorsCommand {
    /// Print a vector.
    #[command(after_help = "Example:\n  tailrace vectors get recommendations users 383")]
    Get {
        /// The pipeline.
        pipeline: String,
        /// Its collection.
        collection: String,
        /// The vector's id.
        id: String,
    },
    /// List the vectors of a collection in the order of their ids.
    #[command(after_help = "Example:\n  tailrace vectors list recommendations users --limit 20")]
    List {
        /// The pipeline.
        pipeline: String,
        /// Its collection.
        collection: String,
        /// List only ids after this one.
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// The most vectors to list. A page holds at most 1,000, and fewer of long ones.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

#[derive(Deserialize)]
struct Page {
    vectors: Vec<VectorView>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct VectorView {
    id: String,
    vector: Vec<f32>,
    partition: u32,
}

/// Runs one of them.
pub fn run(command: VectorsCommand, session: &Session) -> anyhow::Result<()> {
    match command {
        VectorsCommand::Get {
            pipeline,
            collection,
            id,
        } => {
            let route = session.pipeline_route(&pipeline, &["vectors", &collection, &id])?;
            let answer = session.client.get(&route)?;
            session.output.show(&answer, || {
                let found: VectorView = read(&answer)?;
                Ok(facts(&[
                    ("id", found.id),
                    ("partition", found.partition.to_string()),
                    ("dimensions", found.vector.len().to_string()),
                    ("vector", numbers(&found.vector)),
                ]))
            })
        }
        VectorsCommand::List {
            pipeline,
            collection,
            after,
            limit,
        } => {
            let parameters = query(&[("after", after), ("limit", Some(limit.to_string()))]);
            let route = session.pipeline_route(&pipeline, &["vectors", &collection])?;
            let answer = session.client.get(&(route + &parameters))?;
            session.output.show(&answer, || {
                let page: Page = read(&answer)?;
                go_on(page.next.as_deref());
                let row = |found: VectorView| {
                    let partition = found.partition.to_string();
                    vec![found.id, partition, numbers(&found.vector)]
                };
                Ok(table_or(
                    "the collection has no such vectors",
                    &["id", "partition>", "vector"],
                    page.vectors.into_iter().map(row).collect(),
                ))
            })
        }
    }
}

fn numbers(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(|number| format!("{number:.4}")).collect();
    numbers.join(" ")
}
