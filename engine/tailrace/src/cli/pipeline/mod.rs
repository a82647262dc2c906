//! `tailrace pipeline`: run pipelines, watch them, change them, take changes back.

mod apply;
mod candidate;
mod clock;
mod graph;
mod logs;
mod revisions;
mod schema;
mod show;
pub(super) mod shown;
mod status;
mod status_view;
mod tap;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::query,
    global::{GlobalArgs, Session},
};

/// Commands on pipelines.
#[derive(Debug, Subcommand)]
pub enum PipelineCommand {
    /// Create or change a pipeline. A new revision takes effect between two batches.
    #[command(
        after_help = "Examples:\n  tailrace pipeline apply -f pipeline.yaml\n  generate | tailrace pipeline apply -f -\n  tailrace pipeline apply -f pipeline.yaml --shadow\n  tailrace pipeline apply -f pipeline.yaml --canary 5% --max-error-ratio 0.01 --max-p99 50ms"
    )]
    Apply(apply::ApplyArgs),
    /// List all pipelines of the tenant.
    #[command(after_help = "Example:\n  tailrace pipeline list")]
    List,
    /// Print the manifest of a pipeline.
    #[command(
        after_help = "Examples:\n  tailrace pipeline show recommendations\n  tailrace pipeline show recommendations --revision 3"
    )]
    Show(show::ShowArgs),
    /// Show the status of a pipeline: positions, lag and counters.
    #[command(after_help = "Example:\n  tailrace pipeline status recommendations --watch")]
    Status(status::StatusArgs),
    /// Draw the flow from subjects through steps to outputs.
    #[command(
        after_help = "Examples:\n  tailrace pipeline graph recommendations\n  tailrace pipeline graph --format dot | dot -Tsvg > flow.svg"
    )]
    Graph(graph::GraphArgs),
    /// Watch a bounded sample of events before and after each step.
    #[command(
        after_help = "Examples:\n  tailrace pipeline tap recommendations --step rank\n  tailrace pipeline tap recommendations --key 383 --limit 10 --output json"
    )]
    Tap(tap::TapArgs),
    /// Show the log lines of the pipeline's plugins.
    #[command(after_help = "Example:\n  tailrace pipeline logs recommendations --follow")]
    Logs(logs::LogsArgs),
    /// Pause a pipeline. No event is lost.
    #[command(
        after_help = "Example:\n  tailrace pipeline pause recommendations --reason 'bad prices since noon'"
    )]
    Pause {
        /// The pipeline.
        name: String,
        /// Reason that the status shows.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Resume a pipeline that is paused or parked. The reason in its status says which option helps.
    #[command(
        after_help = "Examples:\n  tailrace pipeline resume recommendations\n  tailrace pipeline resume recommendations --accept-loss\n  tailrace pipeline resume recommendations --from first\n  tailrace pipeline resume recommendations --new-stream"
    )]
    Resume {
        /// The pipeline.
        name: String,
        /// Go on without the events that the input stream dropped. They are counted as lost. The state is kept.
        #[arg(long)]
        accept_loss: bool,
        /// Go on from the last commit record, where newer ones are gone. Events since then are processed again, and
        /// their outputs are published a second time.
        #[arg(long, conflicts_with = "accept_loss")]
        accept_repeats: bool,
        /// Read the input from this sequence on, or from `first`. The state is kept. Events that were processed before are
        /// processed again.
        #[arg(long, value_name = "SEQUENCE", conflicts_with_all = ["accept_loss", "accept_repeats"])]
        from: Option<String>,
        /// Read another input stream, from where `--from` says. The state is kept.
        #[arg(long, requires = "from")]
        stream: Option<String>,
        /// Begin again with a new stream of its own and an empty state, where the manifest says that it starts.
        #[arg(long, conflicts_with_all = ["accept_loss", "accept_repeats", "from", "stream"])]
        new_stream: bool,
    },
    /// Show the candidate revision: differences, errors, fuel and latency.
    #[command(after_help = "Example:\n  tailrace pipeline candidate recommendations")]
    Candidate {
        /// The pipeline.
        name: String,
    },
    /// Promote the candidate revision to the active one.
    #[command(after_help = "Example:\n  tailrace pipeline promote recommendations")]
    Promote {
        /// The pipeline.
        name: String,
    },
    /// Abandon the candidate revision.
    #[command(after_help = "Example:\n  tailrace pipeline abandon recommendations")]
    Abandon {
        /// The pipeline.
        name: String,
    },
    /// List the kept revisions.
    #[command(after_help = "Example:\n  tailrace pipeline revisions recommendations")]
    Revisions {
        /// The pipeline.
        name: String,
    },
    /// Go back to an earlier revision, or abandon a candidate.
    #[command(
        after_help = "Examples:\n  tailrace pipeline rollback recommendations\n  tailrace pipeline rollback recommendations --to 3"
    )]
    Rollback {
        /// The pipeline.
        name: String,
        /// The revision [default: the previous one, or the active one if there is a candidate].
        #[arg(long, value_name = "N")]
        to: Option<u64>,
        /// Accept a different `state-version` of a step. Its state is kept as it is.
        #[arg(long)]
        force: bool,
    },
    /// Delete a pipeline with its state, its outputs and its dead letters.
    #[command(after_help = "Example:\n  tailrace pipeline delete recommendations --yes")]
    Delete {
        /// The pipeline.
        name: String,
        /// Confirm the deletion. It cannot be undone.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Print the JSON Schema of a pipeline manifest for editors.
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
        PipelineCommand::Resume {
            name,
            accept_loss,
            accept_repeats,
            from,
            stream,
            new_stream,
        } => {
            let has_flag = accept_loss || accept_repeats || new_stream;
            let is_plain = !has_flag && from.is_none() && stream.is_none();
            if is_plain && runs(&name, session)? {
                return session.output.show(&Value::Null, || {
                    Ok(format!("{name} runs already; nothing was changed"))
                });
            }
            let flag = |set: bool| set.then(|| "true".to_owned());
            let how = query(&[
                ("accept-loss", flag(accept_loss)),
                ("accept-repeats", flag(accept_repeats)),
                ("from", from),
                ("stream", stream),
                ("new-stream", flag(new_stream)),
            ]);
            let route = session.pipeline_route(&name, &["resume"])? + &how;
            let answer = session.client.post(&route, &json!({}))?;
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

/// Whether it runs, so that there is nothing to resume.
fn runs(name: &str, session: &Session) -> anyhow::Result<bool> {
    let status = session.client.get(&session.pipeline_route(name, &["status"])?)?;
    Ok(status["state"] == "running")
}
