//! What an event costs, measured side by side in one run: `make bench`, or one part by hand.
//!
//! Figures that are compared are taken in turn (A B A B …), and the median of the rounds is shown with
//! the least and the greatest. They are ratios against something in the same run: seconds depend on
//! the machine, ratios hardly.

#![allow(clippy::print_stdout, reason = "its table is its result")]
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and starts tasks"
)]

mod events;
mod growth;
mod guard;
mod jetstream;
mod latency;
mod memory;
mod native;
mod neighbours;
mod nexmark;
mod options;
mod over_time;
mod overhead;
mod process;
mod profile;
mod recommendations;
mod replicas;
mod report;
mod resident;
mod stage;

use std::{path::PathBuf, time::Instant};

use clap::{Args, Parser, Subcommand};

use options::Options;
use report::{Report, Section};

/// Measures what an event costs.
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  bench all --quick\n  bench all --markdown target/bench.md --json target/bench.json\n  bench memory --memory-events 1000000 --rounds 5\n  bench jetstream --events 500000 --peer 'mine=./worker --nats {nats} --stream {stream} --prefix {prefix}'\n  bench latency --seconds 30\n  bench profile --events 400000 --seconds 4\n\nIt needs TAILRACE_BINARY (a release build), TAILRACE_PLUGINS and TAILRACE_NATS_SERVER; `make bench` sets them."
)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Everything.
    All(AllArgs),
    /// Events from memory, effects dropped: the engine without a broker.
    Memory(Options),
    /// From JetStream to JetStream, against a worker written by hand and the peers.
    Jetstream(Options),
    /// Windows and joins from JetStream to JetStream, beside a peer.
    OverTime(Options),
    /// Latency from end to end at half and nine tenths of the highest rate, and of queries.
    Latency(Options),
    /// What a pipeline keeps of its latency beside another tenant's plugin that loops.
    Disturbances(Options),
    /// The pause of a swap of the revision, at half of the highest rate and at the highest.
    Swaps(Options),
    /// Nexmark queries 0, 1 and 2 as plugins, results compared with a plain computation.
    Nexmark(Options),
    /// The pipeline of the demonstration under load, with queries meanwhile.
    Recommendations(Options),
    /// How cost grows with keys, state, partitions, payloads, and pipelines that idle.
    Growth(Options),
    /// How much memory the engine takes, against the formula of the README.
    Resident(Options),
    /// Where an event's time goes, sampled by `perf` (not part of `all`).
    Profile(Options),
    /// A pipeline whose own stream has three copies, against one.
    Replicas(Options),
    /// What traces, metrics, logs and taps cost.
    Overhead(Options),
    /// What forty-nine tenants keep beside a hostile one.
    Neighbours(Options),
    /// A few ratios in seconds, for `make test`.
    #[command(hide = true)]
    Guard(Options),
    /// The worker written by hand, as a process of its own.
    #[command(hide = true)]
    Native(native::NativeArgs),
}

#[derive(Debug, Args)]
struct AllArgs {
    #[command(flatten)]
    options: Options,
    /// What `cargo bench -p tailrace-wasm --bench call -- --rows FILE` wrote.
    #[arg(long)]
    call_rows: Option<PathBuf>,
    /// What `cargo bench -p tailrace-store --bench nearest -- --rows FILE` wrote.
    #[arg(long)]
    nearest_rows: Option<PathBuf>,
}

const CALL: &str = "One call of a plugin with a payload of 256 bytes, against the bare wasmtime call of the same guest with the \
same fuel, epochs and pool, but no caps, no host, no verdict. The guests are the smallest there are, which shows the sandbox \
at its worst.";
const NEAREST: &str = "The ten nearest of 64 dimensions by inner product, against a plain SIMD scan over one flat list. Up \
to 128,000 vectors a search is always exact. An index grows by being searched: what a search takes meanwhile, and what a vector \
takes that is put in.";

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<()> {
    let Arguments { part } = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut report = Report::default();
        let options = match part {
            Part::Native(args) => return native::run(args).await,
            Part::All(args) => all(args, &mut report).await?,
            Part::Memory(options) => {
                report.add_all(memory::measure(&options).await?);
                options
            }
            Part::Jetstream(options) => {
                report.add_all(jetstream::measure(&options).await?);
                options
            }
            Part::OverTime(options) => {
                report.add_all(over_time::measure(&options).await?);
                options
            }
            Part::Latency(options) => {
                report.add_all(latency::measure(&options).await?);
                options
            }
            Part::Disturbances(options) => {
                report.add_all(latency::disturbed::measure(&options).await?);
                options
            }
            Part::Swaps(options) => {
                report.add_all(latency::swaps::measure(&options).await?);
                options
            }
            Part::Nexmark(options) => {
                report.add_all(nexmark::measure(&options).await?);
                options
            }
            Part::Recommendations(options) => {
                report.add_all(recommendations::measure(&options).await?);
                options
            }
            Part::Resident(options) => {
                report.add_all(resident::measure(&options).await?);
                options
            }
            Part::Profile(options) => {
                report.add_all(profile::measure(&options).await?);
                options
            }
            Part::Guard(options) => {
                report.add_all(guard::measure(&options).await?);
                options
            }
            Part::Overhead(options) => {
                report.add_all(overhead::measure(&options).await?);
                options
            }
            Part::Replicas(options) => {
                report.add_all(replicas::measure(&options).await?);
                options
            }
            Part::Neighbours(options) => {
                report.add_all(neighbours::measure(&options).await?);
                options
            }
            Part::Growth(options) => {
                report.add_all(growth::measure(&options).await?);
                options
            }
        };
        report.finish(&options.output)
    })
}

async fn all(args: AllArgs, report: &mut Report) -> anyhow::Result<Options> {
    let began = Instant::now();
    let said = |part: &str| println!("\n[{:>4} s] {part}", began.elapsed().as_secs());
    let options = args.options;
    if let Some(file) = args.call_rows {
        report.collect(Section::new("One plugin call", CALL), &file)?;
    }
    said("in memory");
    report.add_part("in memory", memory::measure(&options).await);
    said("JetStream to JetStream");
    report.add_part("JetStream to JetStream", jetstream::measure(&options).await);
    said("windows and joins");
    report.add_part("windows and joins", over_time::measure(&options).await);
    said("replicas");
    report.add_part("replicas", replicas::measure(&options).await);
    said("overhead");
    report.add_part("overhead", overhead::measure(&options).await);
    said("latency");
    report.add_part("latency", latency::measure(&options).await);
    said("disturbances");
    report.add_part("disturbances", latency::disturbed::measure(&options).await);
    said("swaps");
    report.add_part("swaps", latency::swaps::measure(&options).await);
    said("neighbours");
    report.add_part("neighbours", neighbours::measure(&options).await);
    said("nexmark");
    report.add_part("nexmark", nexmark::measure(&options).await);
    said("recommendations");
    report.add_part("recommendations", recommendations::measure(&options).await);
    said("growth");
    report.add_part("growth in memory", growth::in_memory(&options).await);
    report.add_part(
        "growth from JetStream to JetStream",
        growth::on_jetstream(&options).await,
    );
    report.add_part("idle pipelines", growth::idle(&options).await);
    said("memory");
    report.add_part("memory", resident::measure(&options).await);
    if let Some(file) = args.nearest_rows {
        report.collect(Section::new("Nearest vectors", NEAREST), &file)?;
    }
    Ok(options)
}
