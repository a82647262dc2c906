//! `tailrace pipeline`: run pipelines, watch them, change them, take changes back.

mod apply;
mod candidate;
mod graph;
mod logs;
mod revisions;
mod schema;
mod show;
mod shown;
mod status;
mod tap;

use clap::Subcommand;
use serde_json::json;

use super::global::{GlobalArgs, Session};

/// Commands on pipelines.
#[derive(Debug, Subcommand)]
pub enum PipelineCommand {
    /// Make a pipeline, or change it: a new revision takes effect between two batches.
    #[command(
        after_help = "Examples:\n  tailrace pipeline apply -f pipeline.yaml\n  generate | tailrace pipeline apply -f -\n  tailrace pipeline apply -f pipeline.yaml --shadow\n  tailrace pipeline apply -f pipeline.yaml --canary 5% --max-error-ratio 0.01 --max-p99 50ms"
    )]
    Apply(apply::ApplyArgs),
    /// List all pipelines of the tenant.
    #[command(after_help = "Example:\n  tailrace pipeline list")]
    List,
    /// Print a pipeline's description.
    #[command(
        after_help = "Examples:\n  tailrace pipeline show recommendations\n  tailrace pipeline show recommendations --revision 3"
    )]
    Show(show::ShowArgs),
    /// Show what a pipeline is doing: its positions, its lag, its counters.
    #[command(after_help = "Example:\n  tailrace pipeline status recommendations --watch")]
    Status(status::StatusArgs),
    /// Draw the flow: subjects, steps, what they keep, outputs, what feeds what.
    #[command(
        after_help = "Examples:\n  tailrace pipeline graph recommendations\n  tailrace pipeline graph --format dot | dot -Tsvg > flow.svg"
    )]
    Graph(graph::GraphArgs),
    /// Watch events before and after each step, as they are processed: a bounded sample.
    #[command(
        after_help = "Examples:\n  tailrace pipeline tap recommendations --step rank\n  tailrace pipeline tap recommendations --key 383 --limit 10 --output json"
    )]
    Tap(tap::TapArgs),
    /// Show what the pipeline's plugins have logged.
    #[command(after_help = "Example:\n  tailrace pipeline logs recommendations --follow")]
    Logs(logs::LogsArgs),
    /// Stop processing events; nothing is lost.
    #[command(
        after_help = "Example:\n  tailrace pipeline pause recommendations --reason 'bad prices since noon'"
    )]
    Pause {
        /// The pipeline.
        name: String,
        /// Why; shown in its status.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Go on after a pause.
    #[command(after_help = "Example:\n  tailrace pipeline resume recommendations")]
    Resume {
        /// The pipeline.
        name: String,
    },
    /// Show the revision that runs beside the active one: differences, errors, fuel, latency.
    #[command(after_help = "Example:\n  tailrace pipeline candidate recommendations")]
    Candidate {
        /// The pipeline.
        name: String,
    },
    /// Make the revision that runs beside the active one active.
    #[command(after_help = "Example:\n  tailrace pipeline promote recommendations")]
    Promote {
        /// The pipeline.
        name: String,
    },
    /// End the revision that runs beside the active one.
    #[command(after_help = "Example:\n  tailrace pipeline abandon recommendations")]
    Abandon {
        /// The pipeline.
        name: String,
    },
    /// List the revisions that are kept.
    #[command(after_help = "Example:\n  tailrace pipeline revisions recommendations")]
    Revisions {
        /// The pipeline.
        name: String,
    },
    /// Go back to an earlier revision, as a new one; or end the one that runs beside the active one.
    #[command(
        after_help = "Examples:\n  tailrace pipeline rollback recommendations\n  tailrace pipeline rollback recommendations --to 3"
    )]
    Rollback {
        /// The pipeline.
        name: String,
        /// The revision; left out, the one before, unless one runs beside the active one.
        #[arg(long, value_name = "N")]
        to: Option<u64>,
        /// Even if a step's `state-version` differs: its state is kept as it is.
        #[arg(long)]
        force: bool,
    },
    /// Delete a pipeline with its state, its outputs and its dead letters.
    #[command(after_help = "Example:\n  tailrace pipeline delete recommendations --yes")]
    Delete {
        /// The pipeline.
        name: String,
        /// Really: this cannot be taken back.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Print the JSON Schema of a pipeline's description, for editors.
    #[command(after_help = "Example:\n  tailrace pipeline schema > pipeline.schema.json")]
    Schema,
}

/// Runs one of them.
pub fn run(command: PipelineCommand, global: GlobalArgs) -> anyhow::Result<()> {
    if matches!(command, PipelineCommand::Schema) {
        return schema::print();
    }
    let session = &Session::new(global)?;
    match command {
        PipelineCommand::Apply(args) => apply::run(&args, session),
        PipelineCommand::List => show::list(session),
        PipelineCommand::Show(args) => show::run(&args, session),
        PipelineCommand::Status(args) => status::run(&args, session),
        PipelineCommand::Graph(args) => graph::run(&args, session),
        PipelineCommand::Tap(args) => tap::run(&args, session),
        PipelineCommand::Logs(args) => logs::run(&args, session),
        PipelineCommand::Pause { name, reason } => {
            let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
            let answer = session
                .client
                .post(&session.pipeline_route(&name, &["pause"])?, &body)?;
            session.output.show(&answer, || Ok(format!("{name} is paused")))
        }
        PipelineCommand::Resume { name } => {
            let answer = session
                .client
                .post(&session.pipeline_route(&name, &["resume"])?, &json!({}))?;
            session.output.show(&answer, || Ok(format!("{name} goes on")))
        }
        PipelineCommand::Candidate { name } => candidate::show(&name, session),
        PipelineCommand::Promote { name } => candidate::promote(&name, session),
        PipelineCommand::Abandon { name } => candidate::abandon(&name, session),
        PipelineCommand::Revisions { name } => revisions::list(&name, session),
        PipelineCommand::Rollback { name, to, force } => revisions::roll_back(&name, to, force, session),
        PipelineCommand::Delete { name, .. } => {
            let answer = session.client.delete(&session.pipeline_route(&name, &[])?)?;
            session.output.show(&answer, || Ok(format!("{name} is deleted")))
        }
        PipelineCommand::Schema => schema::print(),
    }
}
