//! `tailrace pipeline status`: what a pipeline is doing, once or until interrupted.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::cli::{
    client::read,
    global::Session,
    pipeline::{
        clock::ClockView,
        status_view::{
            AccountView, AlarmView, CandidateView, CountsView, EndedView, InputView, LatencyView,
            LimitedView, OutputView, PartitionView, StatsView, StatusView,
        },
    },
    screen::{ago, count, facts, micros, now_ms, printable, size, table},
    tables,
};

/// Pause between two looks.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// What to look at.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The pipeline.
    name: String,
    /// Refresh every second until interrupted.
    #[arg(short, long)]
    watch: bool,
}

/// Shows it.
pub fn run(args: &StatusArgs, session: &Session) -> anyhow::Result<()> {
    let route = session.pipeline_route(&args.name, &["status"])?;
    if !args.watch {
        let answer = session.client.get(&route)?;
        return session.output.show(&answer, || describe(&answer));
    }
    let clears = std::io::IsTerminal::is_terminal(&std::io::stdout());
    loop {
        let answer = session.client.get(&route)?;
        let text = describe(&answer)?;
        // On a terminal each look takes the place of the one before.
        let shown = if clears {
            format!("\u{1b}[2J\u{1b}[H{text}")
        } else {
            format!("{text}\n")
        };
        session.output.line(&answer, || shown)?;
        std::thread::sleep(WATCH_EVERY);
    }
}

fn describe(answer: &Value) -> anyhow::Result<String> {
    let status: StatusView = read(answer)?;
    let parts = [
        Some(overview(&status)),
        Some(warnings(&status)).filter(|_| !status.warnings.is_empty()),
        Some(partitions(&status)).filter(|_| !status.partitions.is_empty()),
        Some(tables::listed(&status.tables)).filter(|_| !status.tables.is_empty()),
        status.input.clock.as_ref().and_then(ClockView::sources),
        Some(latencies(&status.stats)),
        Some(alarms(&status.alarms)).filter(|_| !status.alarms.is_empty()),
    ];
    Ok(parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
}

fn overview(status: &StatusView) -> String {
    let counts = &status.stats.counts;
    let state = status.reason.as_ref().map_or_else(
        || status.state.clone(),
        |reason| format!("{}: {reason}", status.state),
    );
    let revision = if status.revision == status.active_revision {
        status.revision.to_string()
    } else {
        format!("{}, changing over to {}", status.revision, status.active_revision)
    };
    let candidate = match (&status.candidate, &status.last_candidate) {
        (Some(CandidateView { revision, mode }), _) => format!("revision {revision} as a {mode}"),
        (None, Some(EndedView { revision, reason })) => format!("none; revision {revision} ended: {reason}"),
        (None, None) => "none".to_owned(),
    };
    let unknown = || "unknown".to_owned();
    facts(&[
        ("state", state),
        ("revision", revision),
        ("candidate", candidate),
        (
            "input",
            format!(
                "{}, read up to {}",
                status.input.stream,
                count(status.input.read_sequence)
            ),
        ),
        ("output", output(status)),
        ("nats account", account(status)),
        ("lag", status.lag.map_or_else(unknown, count)),
        ("lost", lost(&status.input)),
        (
            "events",
            format!("{} ({})", count(counts.events), size(counts.bytes_in)),
        ),
        (
            "outputs",
            format!("{} ({})", count(counts.outputs), size(counts.bytes_out)),
        ),
        ("dropped", count(counts.dropped)),
        ("rejected", count(counts.rejected)),
        ("duplicates", count(counts.duplicates)),
        (
            "watermark",
            status.input.clock.as_ref().map_or_else(unknown, ClockView::line),
        ),
        ("late", count(counts.late)),
        ("ahead", ahead(&status.stats)),
        ("joins", joins(counts)),
        ("windows", windows(counts)),
        ("timers", timers(counts)),
        ("markers", count(counts.markers)),
        ("skipped", count(counts.skipped)),
        ("shed", count(counts.shed)),
        ("limited", limited(status)),
        ("retried", count(counts.retried)),
        ("traps", count(counts.traps)),
        ("dead letters", status.dead_letters.map_or_else(unknown, count)),
        ("books", reconciliation(status)),
    ])
}

/// What somebody should look at, though it goes on.
fn warnings(status: &StatusView) -> String {
    let lines = status
        .warnings
        .iter()
        .map(|warning| format!("warning: {}", printable(warning)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Events whose time is not believed, with the last of them.
fn ahead(stats: &StatsView) -> String {
    let example = stats.times.ahead_example.as_ref();
    let example = example.map(|example| format!("; the last, {}", printable(example)));
    count(stats.counts.ahead) + &example.unwrap_or_default()
}

/// What came of joins.
fn joins(counts: &CountsView) -> String {
    let CountsView {
        joined,
        unmatched,
        joins_lost,
        ..
    } = counts;
    let [pairs, alone, lost] = [joined, unmatched, joins_lost].map(|number| count(*number));
    format!("{pairs} pairs, {alone} events without a partner, {lost} kept in vain")
}

/// What came of windows.
fn windows(counts: &CountsView) -> String {
    let CountsView {
        window_results,
        window_late,
        windows_lost,
        ..
    } = counts;
    let [results, late, lost] = [window_results, window_late, windows_lost].map(|number| count(*number));
    format!("{results} results, {late} late events, {lost} ended without a result")
}

/// Events that the input stream dropped before they were processed.
fn lost(input: &InputView) -> String {
    let InputView {
        lost,
        possibly_lost,
        last_loss,
        ..
    } = input;
    let certain = count(*lost);
    let possible = if *possibly_lost > 0 {
        format!(
            ", and up to {} that may have been of other pipelines",
            count(*possibly_lost)
        )
    } else {
        String::new()
    };
    let last = last_loss
        .as_ref()
        .map(|loss| format!("; the last, sequences {} to {}", loss.from, loss.to));
    certain + &possible + &last.unwrap_or_default()
}

/// Where results are found.
fn output(status: &StatusView) -> String {
    status.output.as_ref().map_or_else(
        || "none".to_owned(),
        |OutputView { stream, subjects }| format!("{subjects}, in stream {stream}"),
    )
}

/// The account that its streams lie in, and how it is.
fn account(status: &StatusView) -> String {
    match &status.nats_account {
        None => "the engine's own".to_owned(),
        Some(AccountView { name, connected, .. }) if *connected => format!("{name}, connected"),
        Some(AccountView { name, trouble, .. }) => {
            let trouble = trouble.as_deref().unwrap_or("not connected yet");
            format!("{name}: {trouble}")
        }
    }
}

/// What holds it back, and since when.
fn limited(status: &StatusView) -> String {
    let Some(LimitedView { since_ms, by }) = &status.limited else {
        return "no".to_owned();
    };
    let by = match (by.as_str(), by.strip_prefix("tenant-")) {
        ("stopped-calls", _) => "rest: call after call is stopped by its deadline or its fuel".to_owned(),
        (_, Some(quota)) => format!("the tenant's rate of {quota}"),
        (_, None) => format!("the pipeline's rate of {by}"),
    };
    format!("by {by}, since {}", ago(*since_ms, now_ms()))
}

/// The last balance in a line: what came in, what became of it, what the broker says.
fn reconciliation(status: &StatusView) -> String {
    let Some(balance) = &status.balance else {
        return "not balanced yet".to_owned();
    };
    let verdict = match &balance.imbalance {
        Some(why) => format!("DO NOT BALANCE: {why}"),
        None if status.imbalances == 0 => "balanced".to_owned(),
        None => format!("balanced, after {} times that they did not", status.imbalances),
    };
    let broker = |known: Option<u64>| known.map_or_else(|| "unknown".to_owned(), count);
    let outcomes = [
        ("emitted", balance.emitted),
        ("forwarded", balance.forwarded),
        ("dropped", balance.dropped),
        ("rejected", balance.rejected),
        ("dead", balance.dead),
        ("duplicates", balance.duplicates),
        ("shed", balance.shed),
    ];
    let outcomes = outcomes.iter().filter(|(_, events)| *events > 0);
    let outcomes: Vec<_> = outcomes
        .map(|(outcome, events)| format!("{} {outcome}", count(*events)))
        .collect();
    format!(
        "{verdict}; last: {} read (broker: {}), {} finished = {}; stored {} (broker: {})",
        count(balance.read),
        broker(balance.broker_input),
        count(balance.events),
        if outcomes.is_empty() {
            "0".to_owned()
        } else {
            outcomes.join(" + ")
        },
        broker(balance.committed_messages),
        broker(balance.broker_messages),
    )
}

fn partitions(status: &StatusView) -> String {
    let row = |partition: &PartitionView| {
        vec![
            partition.partition.to_string(),
            count(partition.position),
            count(partition.commit),
            partition
                .owner
                .clone()
                .unwrap_or_else(|| "this engine".to_owned()),
            partition.trouble.clone().unwrap_or_default(),
        ]
    };
    table(
        &["partition>", "position>", "commit>", "owner", "trouble"],
        status.partitions.iter().map(row),
    )
}

fn alarms(alarms: &[AlarmView]) -> String {
    let row = |alarm: &AlarmView| {
        vec![
            alarm.name.clone(),
            alarm.state.clone(),
            alarm
                .value
                .map_or_else(|| "-".to_owned(), |value| format!("{value:.3}")),
            alarm.when.clone(),
            if alarm.unsent == 0 {
                String::new()
            } else {
                alarm.unsent.to_string()
            },
        ]
    };
    table(
        &["alarm", "state", "value>", "when", "unsent>"],
        alarms.iter().map(row),
    )
}

fn timers(counts: &CountsView) -> String {
    let fired = format!("{} fired", count(counts.timers));
    match counts.timers_lost {
        0 => fired,
        lost => format!("{fired}, {} lost, for their step is gone", count(lost)),
    }
}

fn latencies(stats: &StatsView) -> String {
    let row = |(name, latency): (&str, &LatencyView)| {
        let quantile = |value: Option<f64>| value.map_or("-".to_owned(), micros);
        vec![
            name.to_owned(),
            count(latency.count),
            quantile(latency.p50_us),
            quantile(latency.p99_us),
        ]
    };
    let steps = stats.steps.iter().map(|(name, latency)| (name.as_str(), latency));
    let commit = [("(commit)", &stats.commit_latency)];
    let swap = (stats.swap_pause.count > 0).then_some(("(swap)", &stats.swap_pause));
    table(
        &["latency", "calls>", "p50>", "p99>"],
        steps.chain(commit).chain(swap).map(row),
    )
}
