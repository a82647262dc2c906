//! Which part of an event's walk a sample belongs to: that of the innermost frame that names one.

use std::collections::BTreeMap;

use super::sample::Sample;

/// Part of the walk, and what the names of its functions contain. The first that matches is taken, so
/// what is narrow stands before what is wide.
const AREAS: &[(&str, &[&str])] = &[
    (
        "the call: wasmtime, lowering, lifting",
        &["wasmtime", "tailrace_wasm"],
    ),
    (
        "commit: the record",
        &["tailrace_core::record", "postcard", "lz4_flex", "crc32"],
    ),
    ("the local state store in sled", &["sled::", "tailrace_store"]),
    (
        "commit: the batch to the broker",
        &["tailrace_nats::commit", "tailrace_dataplane::partition::commit"],
    ),
    (
        "consume: deliveries",
        &["tailrace_nats::consume", "pull::Stream", "pull::Config"],
    ),
    (
        "intake: key, time, partition",
        &[
            "tailrace_dataplane::intake",
            "tailrace_core::extract",
            "tailrace_core::trace",
        ],
    ),
    (
        "process and effects",
        &[
            "tailrace_dataplane::process",
            "tailrace_dataplane::effects",
            "tailrace_dataplane::turn",
            "tailrace_dataplane::message",
            "tailrace_dataplane::plan",
            "OutputManifest",
            "tailrace_core::dead_letter",
        ],
    ),
    (
        "partition and scheduling",
        &[
            "tailrace_dataplane::partition",
            "tailrace_dataplane::schedule",
            "tailrace_core::observe::progress",
            "tailrace_core::observe::stats",
        ],
    ),
    ("the broker's connection", &["async_nats"]),
    (
        "the runtime: wake-ups, timers, idling",
        &["tokio", "mio::", "std::thread", "Condvar"],
    ),
];
const GUEST: &str = "the guest's own code";
const OTHER: &str = "everything else";

const ALLOCATOR: &[&str] = &[
    "malloc", "free", "realloc", "calloc", "_rjem_", "tcache_", "arena_", "__rust_",
];
const COPYING: &[&str] = &["memmove", "memcpy", "memset"];

/// Samples by area.
#[derive(Debug, Default)]
pub struct Areas {
    counts: BTreeMap<&'static str, Share<u64>>,
    samples: u64,
}

/// What an area had: in all, and of that.
#[derive(Debug, Default, Clone, Copy)]
pub struct Share<T> {
    /// All of it.
    pub all: T,
    /// While the allocator ran.
    pub allocator: T,
    /// While bytes were copied.
    pub copying: T,
    /// While the kernel ran.
    pub kernel: T,
}

impl Areas {
    /// Whether there was no sample.
    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// Counts a sample.
    pub fn add(&mut self, sample: &Sample) {
        let Some(leaf) = sample.frames.first() else { return };
        let count = self.counts.entry(area(sample)).or_default();
        let is = |names: &[&str]| !leaf.kernel && names.iter().any(|name| leaf.symbol.contains(name));
        self.samples += 1;
        count.all += 1;
        count.allocator += u64::from(is(ALLOCATOR));
        count.copying += u64::from(is(COPYING));
        count.kernel += u64::from(leaf.kernel);
    }

    /// Each area's share of all samples, the greatest first.
    pub fn shares(&self) -> Vec<(&'static str, Share<f64>)> {
        let of = |count: u64| count as f64 / self.samples as f64;
        let share = |count: &Share<u64>| Share {
            all: of(count.all),
            allocator: of(count.allocator),
            copying: of(count.copying),
            kernel: of(count.kernel),
        };
        let mut shares: Vec<_> = self
            .counts
            .iter()
            .map(|(area, count)| (*area, share(count)))
            .collect();
        shares.sort_by(|(_, one), (_, other)| other.all.total_cmp(&one.all));
        shares
    }
}

fn area(sample: &Sample) -> &'static str {
    // Code of a guest has no names, and nobody can look through it at who called.
    let in_guest = sample
        .frames
        .first()
        .is_some_and(|leaf| leaf.symbol == "[unknown]");
    if in_guest && sample.thread.starts_with("guest") {
        return GUEST;
    }
    let named = sample.frames.iter().find_map(|frame| {
        let matches = |names: &[&str]| names.iter().any(|name| frame.symbol.contains(name));
        AREAS.iter().find(|(_, names)| matches(names))
    });
    named.map_or(OTHER, |(area, _)| area)
}

#[cfg(test)]
mod tests {
    use super::super::sample::Frame;
    use super::*;

    fn sample(thread: &str, symbols: &[&str]) -> Sample {
        let frame = |symbol: &&str| Frame {
            symbol: (*symbol).to_owned(),
            kernel: symbol.starts_with("sys_"),
        };
        Sample {
            thread: thread.to_owned(),
            frames: symbols.iter().map(frame).collect(),
        }
    }

    #[test]
    fn a_sample_belongs_to_the_innermost_part_that_its_frames_name() {
        let mut areas = Areas::default();
        areas.add(&sample(
            "tokio",
            &["malloc", "tailrace_core::record::encode", "tokio::run"],
        ));
        areas.add(&sample("tokio", &["sys_futex", "syscall", "tokio::park"]));
        areas.add(&sample("guest-0", &["[unknown]"]));
        areas.add(&sample("tokio", &["strange"]));
        let shares = areas.shares();
        let of = |name: &str| {
            shares
                .iter()
                .find(|(area, _)| *area == name)
                .map(|(_, share)| share.all)
        };
        assert_eq!(of("commit: the record"), Some(0.25));
        assert_eq!(of(GUEST), Some(0.25));
        assert_eq!(of(OTHER), Some(0.25));
        let allocated: f64 = shares.iter().map(|(_, share)| share.allocator).sum();
        let kernel: f64 = shares.iter().map(|(_, share)| share.kernel).sum();
        assert_eq!((allocated, kernel), (0.25, 0.25));
    }
}
