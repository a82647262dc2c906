//! What an event costs, measured side by side in one run: `make bench`, or one part by hand.
//!
//! Figures of two things that are compared are taken in turn (A B A B …), and the median of the
//! rounds is shown with the least and the greatest. They are ratios against something in the same run:
//! seconds depend on the machine, ratios hardly.

#![allow(clippy::print_stdout, reason = "its table is its result")]
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and starts tasks"
)]

mod events;
mod jetstream;
mod memory;
mod native;
mod ports;
mod process;
mod table;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measures what an event costs.
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  bench all --markdown target/bench.md --json target/bench.json\n  bench jetstream --events 200000 --rounds 3\n  bench memory --seconds 2\n\nIt needs TAILRACE_BINARY (a release build), TAILRACE_PLUGINS and TAILRACE_NATS_SERVER; `make bench` sets them."
)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Everything.
    All(Options),
    /// Events from memory, effects dropped: the engine without a broker.
    Memory(Options),
    /// From JetStream to JetStream, against a worker written by hand.
    Jetstream(Options),
    /// The worker written by hand, as a process of its own.
    #[command(hide = true)]
    Native(native::NativeArgs),
}

/// How to measure.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Events of a round from JetStream to JetStream.
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Events of a round from memory.
    #[arg(long, default_value_t = 400_000)]
    memory_events: u64,
    /// Rounds of each; the median is shown.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where to write the table in Markdown, besides showing it.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Where to write it as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let Arguments { part } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match part {
            Part::Native(args) => native::run(args).await,
            Part::All(options) => {
                let mut table = table::Table::default();
                memory::measure(&options, &mut table).await?;
                jetstream::measure(&options, &mut table).await?;
                table.finish(&options)
            }
            Part::Memory(options) => {
                let mut table = table::Table::default();
                memory::measure(&options, &mut table).await?;
                table.finish(&options)
            }
            Part::Jetstream(options) => {
                let mut table = table::Table::default();
                jetstream::measure(&options, &mut table).await?;
                table.finish(&options)
            }
        }
    })
}
