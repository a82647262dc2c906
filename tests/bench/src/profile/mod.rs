//! Where an event's time goes: the engine under full load from JetStream to JetStream, sampled by
//! `perf`, each sample put down to the part of the walk that it was taken in.
//!
//! It needs Linux's `perf` and the right to sample one's own processes (`kernel.perf_event_paranoid` of
//! 1 or less). It is no part of `bench all`, for not every machine has it.

mod areas;
mod sample;
mod samples;

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    events::BYTES,
    jetstream::{INPUT, committed, store},
    options::Options,
    process::cpu_seconds,
    report::{Row, Section},
    stage::{Stage, Worker},
};
use areas::Areas;

const ABOUT: &str = "The engine in exactly-once with the validator, 4 partitions, events of 256 bytes, as fast as it goes, \
sampled by `perf`. Processor time of an event in all threads of the engine, by the part of the walk in which a sample was \
taken; kernel time counts where the system call was made. `allocator` and `copying` are shares of the same time by what the \
processor did at that moment.";

/// Samples a second of each thread: odd, so that it keeps no step with the epochs.
const SAMPLES_A_SECOND: &str = "497";
/// Bytes of stack kept with a sample, to see who called: what the deepest walk was seen to need.
const STACK: &str = "dwarf,16384";
/// Longest that may pass until the pipeline is at work.
const PATIENCE: Duration = Duration::from_mins(1);

/// Measures it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let stage = Stage::set().await?;
    store(&stage, options.events(), BYTES).await?;
    let running = stage
        .launch(&Worker::validating("exactly-once", 4), "profile", INPUT)
        .await?;
    let folder = tempfile::tempdir()?;
    let samples = folder.path().join("perf.data");
    at_work(&stage, options.events() / 20).await?;
    let (events, cpu) = (committed(&stage, "profile").await?, cpu_seconds(running.pid())?);
    record(running.pid(), options.seconds(), &samples).await?;
    let (events, cpu) = (
        committed(&stage, "profile").await? - events,
        cpu_seconds(running.pid())? - cpu,
    );
    anyhow::ensure!(events > 0, "nothing was processed while it was sampled");
    running.end().await?;
    let areas = samples::read(&samples)?;
    Ok(vec![section(&areas, cpu / events as f64 * 1e6)])
}

async fn at_work(stage: &Stage, events: u64) -> anyhow::Result<()> {
    let work = async {
        while committed(stage, "profile").await? < events {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, work)
        .await
        .context("the pipeline did not begin")?
}

/// Samples a process for so long.
async fn record(pid: u32, seconds: u64, file: &Path) -> anyhow::Result<()> {
    let mut perf = Command::new("perf");
    perf.args([
        "record",
        "--quiet",
        "--freq",
        SAMPLES_A_SECOND,
        "--call-graph",
        STACK,
        "--output",
    ])
    .arg(file)
    .args(["--pid", &pid.to_string(), "--", "sleep", &seconds.to_string()])
    .stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || perf.status()).await?;
    let status = ended.context("cannot run `perf`; is it installed? (Debian: linux-perf)")?;
    anyhow::ensure!(
        status.success(),
        "perf record: {status}; may this user sample processes (sysctl kernel.perf_event_paranoid)?"
    );
    Ok(())
}

fn section(areas: &Areas, cpu_us: f64) -> Section {
    let mut section = Section::new("Where an event's time goes", ABOUT);
    section.push(Row::new("an event, all threads".to_owned(), "µs", vec![cpu_us]));
    for (area, share) in areas.shares() {
        let of = |part: f64| part * cpu_us;
        let row = Row::new(area.to_owned(), "µs", vec![of(share.all)])
            .also("share", &[share.all * 100.0], "%")
            .also("allocator", &[of(share.allocator)], "µs")
            .also("copying", &[of(share.copying)], "µs")
            .also("kernel", &[of(share.kernel)], "µs");
        section.push(row);
    }
    section
}
