//! `tailrace stream`: streams that a tenant makes for its events.

use clap::{Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tailrace_core::units::Span;

use super::{
    client::{query, read},
    global::Session,
    screen::{count, facts, size, table_or},
};

/// Commands on streams.
#[derive(Debug, Subcommand)]
pub enum StreamCommand {
    /// Create a stream for events, or change it. Its subjects lie within the tenant's read and write grants.
    #[command(
        after_help = "Examples:\n  tailrace stream create orders --subjects 'shop.orders.>'\n  tailrace stream create orders --subjects 'shop.orders.>' --max-age 30d --max-bytes 4GiB\n  tailrace stream create all --source 'orders=shop.orders.>' --source 'PAYMENTS=shop.payments.>'\n  tailrace stream create customers --subjects 'shop.customers.*' --newest-only"
    )]
    Create {
        /// The stream.
        name: String,
        /// A subject or a pattern that it holds. The flag may be repeated.
        #[arg(long, required_unless_present = "source", value_name = "PATTERN")]
        subjects: Vec<String>,
        /// A pattern of another stream, which is named as the tenant or the broker calls it. The flag may be
        /// repeated.
        #[arg(long, value_name = "STREAM=PATTERN", value_parser = source)]
        source: Vec<SourceArg>,
        /// How long it keeps an event.
        #[arg(long, default_value = "7d", value_name = "DURATION")]
        max_age: String,
        /// How much it may hold.
        #[arg(long, default_value = "1GiB", value_name = "BYTES")]
        max_bytes: String,
        /// The behaviour of a full stream.
        #[arg(long, value_enum, default_value = "drop-oldest")]
        when_full: WhenFullArg,
        /// Keep the newest message of each subject only, and for ever, as a table needs it.
        #[arg(long, conflicts_with = "max_age")]
        newest_only: bool,
    },
    /// List the streams that the tenant has made.
    #[command(after_help = "Example:\n  tailrace stream list")]
    List,
    /// Show a stream.
    #[command(after_help = "Example:\n  tailrace stream show orders")]
    Show {
        /// The stream.
        name: String,
    },
    /// Delete a stream with its events. One that a pipeline reads, or that another stream takes in, stays without
    /// --force.
    #[command(after_help = "Example:\n  tailrace stream delete orders --yes")]
    Delete {
        /// The stream.
        name: String,
        /// Confirm the deletion.
        #[arg(long, required = true)]
        yes: bool,
        /// Delete it even if a pipeline reads it.
        #[arg(long)]
        force: bool,
    },
}

/// What happens when a stream is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhenFullArg {
    /// The oldest events go.
    DropOldest,
    /// New events are refused.
    Refuse,
}

/// What a stream takes in of another.
#[derive(Debug, Clone, Serialize)]
pub struct SourceArg {
    stream: String,
    subject: String,
}

fn source(text: &str) -> Result<SourceArg, String> {
    let (stream, subject) = text
        .split_once('=')
        .ok_or("write the stream and the pattern, as in orders=shop.orders.>")?;
    Ok(SourceArg {
        stream: stream.to_owned(),
        subject: subject.to_owned(),
    })
}

#[derive(Deserialize)]
struct SourceView {
    stream: String,
    subject: String,
}

#[derive(Deserialize)]
struct StreamView {
    name: String,
    stream: String,
    subjects: Vec<String>,
    #[serde(default)]
    sources: Vec<SourceView>,
    max_age_ms: u64,
    max_bytes: u64,
    when_full: String,
    #[serde(default)]
    newest_only: bool,
    events: u64,
    bytes: u64,
    first_sequence: u64,
    last_sequence: u64,
}

/// Runs one of them.
pub fn run(command: StreamCommand, session: &Session) -> anyhow::Result<()> {
    let client = &session.client;
    match command {
        StreamCommand::Create {
            name,
            subjects,
            source,
            max_age,
            max_bytes,
            when_full,
            newest_only,
        } => {
            let when_full = when_full
                .to_possible_value()
                .map(|value| value.get_name().to_owned());
            let request = json!({
                "subjects": subjects, "sources": source, "max-age": max_age, "max-bytes": max_bytes, "when-full": when_full, "newest-only": newest_only,
            });
            let answer = client.put(&session.tenant_route(&["streams", &name])?, &request)?;
            session.output.show(&answer, || Ok(describe(read(&answer)?)))
        }
        StreamCommand::List => {
            let answer = client.get(&session.tenant_route(&["streams"])?)?;
            session.output.show(&answer, || Ok(list(read(&answer)?)))
        }
        StreamCommand::Show { name } => {
            let answer = client.get(&session.tenant_route(&["streams", &name])?)?;
            session.output.show(&answer, || Ok(describe(read(&answer)?)))
        }
        StreamCommand::Delete { name, force, .. } => {
            let forced = query(&[("force", force.then(|| "true".to_owned()))]);
            let answer = client.delete(&(session.tenant_route(&["streams", &name])? + &forced))?;
            session
                .output
                .show(&answer, || Ok(format!("stream {name} is deleted")))
        }
    }
}

fn list(streams: Vec<StreamView>) -> String {
    let row = |stream: StreamView| {
        vec![
            stream.name,
            held(&stream.subjects, &stream.sources),
            count(stream.events),
            format!("{} of {}", size(stream.bytes), size(stream.max_bytes)),
            kept(stream.newest_only, stream.max_age_ms),
        ]
    };
    table_or(
        "there are no streams that this tenant has made",
        &["stream", "subjects", "events>", "size", "keeps"],
        streams.into_iter().map(row).collect(),
    )
}

/// What a stream holds: its subjects, and what it takes in.
fn held(subjects: &[String], sources: &[SourceView]) -> String {
    let taken = sources
        .iter()
        .map(|SourceView { stream, subject }| format!("{stream}={subject}"));
    let held: Vec<_> = subjects.iter().cloned().chain(taken).collect();
    held.join(" ")
}

fn kept(newest_only: bool, ms: u64) -> String {
    if newest_only {
        return "the newest of each subject".to_owned();
    }
    Span::from_millis(ms).to_string()
}

fn describe(stream: StreamView) -> String {
    facts(&[
        ("stream", stream.name),
        ("at the broker", stream.stream),
        ("subjects", held(&stream.subjects, &stream.sources)),
        (
            "keeps",
            format!(
                "{}, {}",
                kept(stream.newest_only, stream.max_age_ms),
                size(stream.max_bytes)
            ),
        ),
        ("when full", stream.when_full),
        (
            "events",
            format!("{}, {}", count(stream.events), size(stream.bytes)),
        ),
        (
            "sequences",
            format!("{} to {}", stream.first_sequence, stream.last_sequence),
        ),
    ])
}
