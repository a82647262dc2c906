//! A swap under load: how long a partition begins no event for its sake, as the engine says; and the longest
//! time in which a partition gives no output, from the moment at which a revision is applied until a while
//! after it is at work, beside the same without a swap, for a partition gives its outputs a batch at a time
//! anyway.

use std::time::Duration;

use anyhow::Context as _;

use super::{line::Line, receiver::PARTITIONS};
use crate::{
    options::Options,
    report::{Budget, Row, Section},
    stage::{Input, Stage, Worker},
};

const ABOUT: &str = "The validator in exactly-once with 4 partitions while it is applied anew with another revision, at a tenth and \
at half of its highest rate and as fast as events come through. The pause of a swap is the longest time in which a partition began \
no event for the sake of the change, by the engine's clock. The gap is what a reader of the outputs sees: the longest time without \
one of any one partition in the 250 ms around a swap; `without a swap` is the same in the 250 ms before.";

/// Swaps at each load; a look has fewer.
const SWAPS: u32 = 100;
const SWAPS_QUICK: u32 = 20;

/// Measures at each load, once: each swap is a round.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let (stage, seconds) = (Stage::set().await?, Duration::from_secs(options.seconds()));
    let swaps = if options.is_quick() { SWAPS_QUICK } else { SWAPS };
    let input = Input {
        stream: "LIVE",
        subjects: "bench.live.x",
    };
    stage.cluster.stream(input.stream, &[input.subjects]).await?;
    let worker = Worker::validating("exactly-once", PARTITIONS);
    let running = stage.launch(&worker, "swapped", input).await?;
    let line = Line::start(&stage, &running, input.stream, input.subjects).await?;
    let highest = line.highest(seconds).await?;
    let swap = async |number| stage.swap(&worker, "swapped", input, number).await;
    let mut section = Section::new("Swaps", ABOUT);
    let loads = [
        ("a tenth of the load", Some(highest / 10.0)),
        ("half load", Some(highest / 2.0)),
        ("full speed", None),
    ];
    for (load, rate) in loads {
        println!("{swaps} swaps at {load}");
        let pauses = line.swapped(rate, swaps, swap).await?;
        let (p50, p99, most) = percentiles(pauses.around);
        section.push(
            Row::new(format!("{load}: p99 of the gap around a swap"), "ms", vec![p99])
                .also("p50", &[p50], "ms")
                .also("longest", &[most], "ms"),
        );
        let (p50, p99, most) = percentiles(pauses.without);
        section.push(
            Row::new(format!("{load}: p99 without a swap"), "ms", vec![p99])
                .also("p50", &[p50], "ms")
                .also("longest", &[most], "ms"),
        );
    }
    section.push(paused(&stage).await?);
    drop(line);
    running.end().await?;
    Ok(vec![section])
}

/// What the engine says of all swaps: how long each partition began no event.
async fn paused(stage: &Stage) -> anyhow::Result<Row> {
    let status = stage.engine.status("swapped").await?;
    let pause = &status["stats"]["swap_pause"];
    let ms = |quantile: &str| pause[quantile].as_f64().map(|us| us / 1e3);
    let (p50, p99) = (
        ms("p50_us").context("no swap was counted")?,
        ms("p99_us").context("no swap was counted")?,
    );
    let count = pause["count"].as_f64().unwrap_or_default();
    Ok(Row::new("all loads: p99 of the pause", "ms", vec![p99])
        .also("p50", &[p50], "ms")
        .also("pauses of a partition", &[count], "")
        .budget(Some(Budget::AtMost(50.0))))
}

/// Half, 99 of a hundred, all are at most this long. Of fewer than a hundred the longest stands for p99.
fn percentiles(mut pauses: Vec<f64>) -> (f64, f64, f64) {
    pauses.sort_by(f64::total_cmp);
    let at = |hundredths: usize| {
        let index = (pauses.len() * hundredths / 100).min(pauses.len().saturating_sub(1));
        pauses.get(index).copied().unwrap_or_default()
    };
    (at(50), at(99), at(100))
}
