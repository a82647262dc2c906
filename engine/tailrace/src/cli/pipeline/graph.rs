//! `tailrace pipeline graph`.

use clap::{Args, ValueEnum};

use crate::cli::{
    client::query,
    global::Session,
    screen::{out, printable},
};

/// What to draw, and how.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The pipeline. Without it, all pipelines of the tenant and the flow between them.
    name: Option<String>,
    /// Form of the graph.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Without a name, also draw the steps of every pipeline.
    #[arg(long, conflicts_with = "name")]
    steps: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// A Mermaid flowchart, for Markdown.
    #[default]
    Mermaid,
    /// For Graphviz: `| dot -Tsvg`.
    Dot,
    /// Nodes and edges as JSON.
    Json,
}

/// Draws.
pub fn run(args: &GraphArgs, session: &Session) -> anyhow::Result<()> {
    let format = match args.format {
        Format::Mermaid => "mermaid",
        Format::Dot => "dot",
        Format::Json => "json",
    };
    let path = match &args.name {
        Some(name) => session.pipeline_route(name, &["graph"])?,
        None => session.tenant_route(&["graph"])?,
    };
    let asked = query(&[
        ("format", Some(format.to_owned())),
        ("detail", args.steps.then(|| "steps".to_owned())),
    ]);
    let drawn = session.client.get_bytes(&(path + &asked))?;
    out(&printable(&String::from_utf8_lossy(&drawn)));
    Ok(())
}
