//! Generator, worker and receiver in a line: the highest rate that comes through, and latency at a rate.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{
    generator::Generator,
    queries::{Queried, Queries, of_every_key},
    receiver::{Percentiles, Receiver},
};
use crate::{
    process::{cpu_seconds, resident_mib},
    stage::{Running, Stage},
};

/// Longest that may pass until everything that was sent has come out.
const DRAIN: Duration = Duration::from_secs(30);

/// How long is watched after a swap, and before it for comparison: many times the pause looked for.
const WATCHED: Duration = Duration::from_millis(250);
/// A swap that takes longer to be answered ends the load too soon.
const SWAP_WITHIN: Duration = Duration::from_millis(250);

/// A load and what came of it.
pub struct Loaded {
    /// Events a second that were offered.
    pub rate: f64,
    /// From intended time to output.
    pub latency: Percentiles,
    /// The worker's processor time.
    pub worker_cores: f64,
    /// The broker's.
    pub broker_cores: f64,
    /// The worker's memory.
    pub resident_mib: f64,
    /// The broker's.
    pub broker_mib: f64,
    /// What was asked meanwhile.
    pub queries: Option<Queried>,
}

/// Longest times without an output of a partition, in milliseconds.
#[derive(Debug, Default)]
pub struct Pauses {
    /// Around each swap.
    pub around: Vec<f64>,
    /// As long before each.
    pub without: Vec<f64>,
}

/// Generator, worker and receiver in a line.
pub struct Line<'a> {
    stage: &'a Stage,
    running: &'a Running<'a>,
    generator: Generator,
    receiver: Receiver,
    input: String,
}

impl<'a> Line<'a> {
    /// From a subject, which stream `input` holds, through a worker.
    pub async fn start(
        stage: &'a Stage,
        running: &'a Running<'a>,
        input: &str,
        subject: &str,
    ) -> anyhow::Result<Self> {
        let generator = Generator::new(stage.cluster.client.clone(), subject.to_owned());
        Ok(Self {
            stage,
            running,
            receiver: Receiver::start(&stage.cluster, running, generator.origin()).await?,
            generator,
            input: input.to_owned(),
        })
    }

    /// The rate that comes through when there is always more to do. The first third warms up.
    pub async fn highest(&self, seconds: Duration) -> anyhow::Result<f64> {
        let received = self.receiver.count();
        let pushing = self.generator.push(seconds + seconds / 2, received.clone());
        tokio::time::sleep(seconds / 2).await;
        let (began, first) = (Instant::now(), received.load(Ordering::Acquire));
        tokio::time::sleep(seconds).await;
        let rate = (received.load(Ordering::Acquire) - first) as f64 / began.elapsed().as_secs_f64();
        pushing.await??;
        self.drained().await?;
        anyhow::ensure!(rate > 0.0, "nothing came through");
        Ok(rate)
    }

    /// Latency at a rate; the first quarter more is not counted.
    pub async fn at(&self, rate: f64, seconds: Duration, queried: Option<&str>) -> anyhow::Result<Loaded> {
        let (pid, broker) = (self.running.pid(), self.stage.cluster.pid()?);
        let warm_up = seconds / 4;
        self.receiver
            .record(self.generator.now_us() + warm_up.as_micros() as u64);
        let sending = self.generator.send(rate, warm_up + seconds);
        tokio::time::sleep(warm_up).await;
        let (worker_cpu, broker_cpu) = (cpu_seconds(pid)?, cpu_seconds(broker)?);
        let queries = queried
            .map(|pipeline| of_every_key(self.stage, pipeline))
            .transpose()?;
        tokio::time::sleep(seconds).await;
        let took = seconds.as_secs_f64();
        let (worker_cpu, broker_cpu) = (cpu_seconds(pid)? - worker_cpu, cpu_seconds(broker)? - broker_cpu);
        let queries = queries.map(Queries::end).transpose()?;
        sending.await??;
        self.drained().await?;
        Ok(Loaded {
            rate,
            latency: self.receiver.percentiles(),
            worker_cores: worker_cpu / took,
            broker_cores: broker_cpu / took,
            resident_mib: resident_mib(pid)?,
            broker_mib: resident_mib(broker)?,
            queries,
        })
    }

    /// Swaps the pipeline's revision so many times, at a rate or as fast as events come through.
    pub async fn swapped(
        &self,
        rate: Option<f64>,
        swaps: u32,
        swap: impl AsyncFn(u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<Pauses> {
        let time = (WATCHED * 2 + SWAP_WITHIN) * (swaps + 2);
        let sending = match rate {
            Some(rate) => self.generator.send(rate, time),
            None => self.generator.push(time, self.receiver.count().clone()),
        };
        tokio::time::sleep(WATCHED * 4).await;
        let mut pauses = Pauses::default();
        for number in 0..swaps {
            self.receiver.take_longest_gap_ms();
            tokio::time::sleep(WATCHED).await;
            pauses.without.push(self.receiver.take_longest_gap_ms());
            swap(number).await?;
            tokio::time::sleep(WATCHED).await;
            pauses.around.push(self.receiver.take_longest_gap_ms());
        }
        anyhow::ensure!(
            !sending.is_finished(),
            "the swaps took longer than the load; the last had none"
        );
        sending.await??;
        self.drained().await?;
        Ok(pauses)
    }

    /// Waits until all that was sent has come out; what the broker did not take is no result.
    async fn drained(&self) -> anyhow::Result<()> {
        let (received, sent) = (self.receiver.count(), self.generator.sent());
        let began = Instant::now();
        while received.load(Ordering::Acquire) < sent {
            if began.elapsed() > DRAIN {
                let mut stream = self.stage.cluster.jetstream.get_stream(&self.input).await?;
                let stored = stream.info().await?.state.messages;
                let out = self.running.counter().await?.count().await?;
                let read = received.load(Ordering::Acquire);
                anyhow::bail!(
                    "of {sent} events that were sent the broker stored {stored}, {out} outputs of them, and {read} were read"
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}
