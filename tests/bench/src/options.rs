//! How much to measure, and where to write it. `--quick` makes everything small, for a look; what is
//! said besides counts in any case.

use std::path::PathBuf;

use clap::Args;

/// How to measure.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rounds of each measurement; the median is shown [default: 3, quick 1].
    #[arg(long)]
    rounds: Option<usize>,
    /// Events of a round from JetStream to JetStream [default: 200000, quick 40000].
    #[arg(long)]
    events: Option<u64>,
    /// Events of a round from memory [default: 600000, quick 200000].
    #[arg(long)]
    memory_events: Option<u64>,
    /// Seconds at each load, where latency is measured [default: 8, quick 2].
    #[arg(long)]
    seconds: Option<u64>,
    /// A run of some ten minutes for all of it: few events, one round. Its figures are a look, no result.
    #[arg(long)]
    quick: bool,
    /// A peer that does the same job: `name=command`, where {nats}, {stream}, {prefix} and {output}, the stream of its outputs, are filled in.
    /// It consumes the stream and publishes each event to `<prefix>.<key>`. May be given again.
    #[arg(long = "peer", value_name = "NAME=COMMAND")]
    pub peers: Vec<String>,
    /// A peer that does windows and joins: `name=command`, where {job} is filled in as well: `window` or `join`. May be given again.
    #[arg(long = "peer-over-time", value_name = "NAME=COMMAND")]
    pub peers_over_time: Vec<String>,
    /// Where it goes.
    #[command(flatten)]
    pub output: Output,
}

/// Where results go, besides the terminal.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// File for the tables in Markdown.
    #[arg(long)]
    pub markdown: Option<PathBuf>,
    /// File for the same as JSON, with every round.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

impl Options {
    /// Rounds of each; at least one.
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 }).max(1)
    }

    /// Events of a round from JetStream to JetStream.
    pub fn events(&self) -> u64 {
        self.events.unwrap_or(if self.quick { 40_000 } else { 200_000 })
    }

    /// Events of a round from memory.
    pub fn memory_events(&self) -> u64 {
        self.memory_events
            .unwrap_or(if self.quick { 200_000 } else { 600_000 })
    }

    /// Seconds at each load.
    pub fn seconds(&self) -> u64 {
        self.seconds.unwrap_or(if self.quick { 2 } else { 8 }).max(1)
    }

    /// Whether this is only a look.
    pub fn is_quick(&self) -> bool {
        self.quick
    }
}
