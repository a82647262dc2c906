//! The tables of numbers that rules may look at, which the documentation is made from.

use crate::alarm::numbers::{AlarmMetric, EngineNumbers, Numbers};

/// Sketches that break their promise; a pipeline that watches some has an alarm over it unasked.
pub const SKETCH_BREACHES: &str = "sketch-breaches";

macro_rules! metric {
    ($name:expr, $unit:literal, $help:literal, $read:expr) => {
        AlarmMetric {
            name: $name,
            unit: $unit,
            help: $help,
            read: $read,
        }
    };
}

/// Of a pipeline, over all engines.
pub static PIPELINE: &[AlarmMetric<Numbers>] = &[
    metric!(
        "events-per-second",
        "events",
        "Events whose effects are committed",
        |it| it.rate(|n| n.events)
    ),
    metric!(
        "outputs-per-second",
        "messages",
        "Messages published to the output",
        |it| it.rate(|n| n.outputs)
    ),
    metric!(
        "dead-letter-ratio",
        "share",
        "Share of events that became dead letters, from 0 to 1. Unknown while no event comes",
        |it| it.share(|n| n.dead_letters, |n| n.events)
    ),
    metric!(
        "dead-letters-per-second",
        "messages",
        "Dead letters written",
        |it| it.rate(|n| n.dead_letters)
    ),
    metric!(
        "duplicate-ratio",
        "share",
        "Share of events that were duplicates. Unknown while no event comes",
        |it| it.share(|n| n.duplicates, |n| n.events)
    ),
    metric!("retries", "tries a second", "Retries of events", |it| it
        .rate(|n| n.retries)),
    metric!(
        "traps",
        "calls a second",
        "Plugin calls that ended with a trap",
        |it| it.rate(|n| n.traps)
    ),
    metric!(
        "fuel-per-event",
        "fuel",
        "Fuel that an event uses. Unknown while no event comes",
        |it| it.share(|n| n.fuel, |n| n.events)
    ),
    metric!(
        "lag",
        "messages",
        "Events of the pipeline's subjects that are still to be processed",
        |it| Some(it.last.lag? as f64)
    ),
    metric!(
        "queued-events",
        "events",
        "Events that wait in partitions",
        |it| Some(it.last.queued as f64)
    ),
    metric!(
        "commit-p99",
        "milliseconds",
        "99 of 100 commits are faster, since the engine started the pipeline",
        |it| Some(it.last.commit_p99_us? / 1e3)
    ),
    metric!(
        "commit-failures",
        "tries a second",
        "Failed tries of a commit",
        |it| it.rate(|n| n.commit_failures)
    ),
    metric!(
        "fenced-commits",
        "tries a second",
        "Commits refused because another engine owns the partition",
        |it| it.rate(|n| n.fenced)
    ),
    metric!(
        "recoveries",
        "starts a second",
        "Restarts of a partition after a failure",
        |it| it.rate(|n| n.recoveries)
    ),
    metric!(
        "consumer-rebuilds",
        "consumers a second",
        "Consumers that the engine created again",
        |it| it.rate(|n| n.consumer_rebuilds)
    ),
    metric!(
        "imbalances",
        "cuts a second",
        "Reconciliations in which the counts did not agree with the broker's",
        |it| it.rate(|n| n.imbalances)
    ),
    metric!(
        SKETCH_BREACHES,
        "comparisons a second",
        "Comparisons in which the error of a watched sketch was greater than promised",
        |it| it.rate(|n| n.sketch_breaches)
    ),
    metric!(
        "memory-bytes",
        "bytes",
        "Linear memory of the pipeline's plugins",
        |it| Some(it.last.memory_bytes as f64)
    ),
    metric!(
        "state-bytes",
        "bytes",
        "Bytes on disk of the tenant's state, on the engines that run the pipeline",
        |it| Some(it.last.state_bytes as f64)
    ),
    metric!(
        "partitions-in-trouble",
        "partitions",
        "Partitions that are stuck because of an error",
        |it| Some(it.last.partitions_in_trouble as f64)
    ),
    metric!(
        "stopped",
        "",
        "1 while the pipeline is paused or parked, else 0",
        |it| Some(f64::from(u8::from(it.last.stopped)))
    ),
];

/// Of an engine.
pub static ENGINE: &[AlarmMetric<EngineNumbers>] = &[
    metric!(
        "broker-connected",
        "",
        "1 while the broker is connected, else 0",
        |it| Some(f64::from(u8::from(it.last.broker_connected)))
    ),
    metric!(
        "pipelines",
        "pipelines",
        "Pipelines that this engine knows",
        |it| Some(it.last.pipelines as f64)
    ),
    metric!(
        "pipelines-in-trouble",
        "pipelines",
        "Pipelines that wait for something or are parked",
        |it| Some(it.last.pipelines_in_trouble as f64)
    ),
    metric!(
        "events-per-second",
        "events",
        "Events of all pipelines whose effects are committed",
        |it| it.rate(|n| n.all.events)
    ),
    metric!(
        "dead-letter-ratio",
        "share",
        "Share of events that became dead letters, over all pipelines. Unknown while no event comes",
        |it| it.share(|n| n.all.dead_letters, |n| n.all.events)
    ),
    metric!(
        "traps",
        "calls a second",
        "Plugin calls that ended with a trap",
        |it| it.rate(|n| n.all.traps)
    ),
    metric!(
        "commit-p99",
        "milliseconds",
        "99 of 100 commits of the slowest pipeline are faster",
        |it| Some(it.last.all.commit_p99_us? / 1e3)
    ),
    metric!(
        "commit-failures",
        "tries a second",
        "Failed tries of a commit",
        |it| it.rate(|n| n.all.commit_failures)
    ),
    metric!(
        "imbalances",
        "cuts a second",
        "Reconciliations in which a pipeline's counts did not agree with the broker's",
        |it| it.rate(|n| n.all.imbalances)
    ),
    metric!(
        SKETCH_BREACHES,
        "comparisons a second",
        "Comparisons in which the error of a pipeline's watched sketch was greater than promised",
        |it| it.rate(|n| n.all.sketch_breaches)
    ),
    metric!(
        "memory-bytes",
        "bytes",
        "Linear memory of all plugins",
        |it| Some(it.last.all.memory_bytes as f64)
    ),
    metric!(
        "state-bytes",
        "bytes",
        "Bytes on disk of all tenants' state",
        |it| Some(it.last.all.state_bytes as f64)
    ),
    metric!(
        "watchers",
        "streams",
        "Streams of taps and logs that clients watch",
        |it| Some(it.last.watchers as f64)
    ),
    metric!(
        "spans-lost",
        "spans a second",
        "Spans of traces that did not reach the collector",
        |it| it.rate(|n| n.spans_lost)
    ),
];

/// Names of a table, as [`crate::alarm::parse::parse`] takes them.
pub fn names<T>(table: &[AlarmMetric<T>]) -> Vec<&'static str> {
    table.iter().map(|metric| metric.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_that_the_grammar_reads() {
        for names in [names(PIPELINE), names(ENGINE)] {
            for name in &names {
                assert_eq!(names.iter().filter(|other| *other == name).count(), 1);
                let rule = crate::alarm::parse::parse(&format!("{name} > 1"), &names);
                assert!(rule.is_ok(), "{name}");
            }
        }
    }
}
