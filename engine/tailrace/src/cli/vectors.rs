//! `tailrace vectors`: the embeddings of a pipeline, as of the last commit.

use clap::Subcommand;
use serde::Deserialize;

use super::{client::read, global::Session, screen::facts};

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
}

#[derive(Deserialize)]
struct VectorView {
    id: String,
    vector: Vec<f32>,
    partition: u32,
}

/// Runs it.
pub fn run(command: VectorsCommand, session: &Session) -> anyhow::Result<()> {
    let VectorsCommand::Get {
        pipeline,
        collection,
        id,
    } = command;
    let answer = session
        .client
        .get(&session.pipeline_route(&pipeline, &["vectors", &collection, &id])?)?;
    session.output.show(&answer, || {
        let VectorView {
            id,
            vector,
            partition,
        } = read(&answer)?;
        let numbers: Vec<String> = vector.iter().map(|number| format!("{number:.4}")).collect();
        Ok(facts(&[
            ("id", id),
            ("partition", partition.to_string()),
            ("dimensions", vector.len().to_string()),
            ("vector", numbers.join(" ")),
        ]))
    })
}
