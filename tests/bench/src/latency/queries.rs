//! Asks an engine for state by HTTP, at intended times, on a thread of its own and over one connection
//! that stays open, and counts how long the answers took.
//!
//! A query that has to wait for the answer before it counts from its intended time, so that a slow answer
//! hides nothing (coordinated omission). Where nothing was under way, it counts from when it was sent:
//! that the system woke the client late is not the engine's doing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tailrace_tests::engine::{Engine, TENANT};

use super::{
    echo::Echo,
    receiver::{Percentiles, histogram},
};
use crate::{events::KEYS, process::stolen_seconds, stage::Stage};

/// Queries a second, where they are measured.
const QUERIES_A_SECOND: f64 = 200.0;
/// Longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Priority of the client's thread, where the system grants it (it is root's to give).
const FIRST: i32 = -20;

/// What came of them.
#[derive(Debug, Clone, Copy)]
pub struct Queried {
    /// To the whole answer.
    pub latency: Percentiles,
    /// Of a byte there and back, after each query.
    pub echo: Percentiles,
    /// How many there were.
    pub count: u64,
    /// Share of all processors' time that the host of this machine gave to others meanwhile.
    pub stolen: f64,
}

/// Queries under way.
pub struct Queries {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<anyhow::Result<Queried>>,
}

impl Queries {
    /// Asks for the state of these keys of a step, in turn.
    pub fn start(
        engine: &Engine,
        pipeline: &str,
        step: &str,
        keys: Vec<String>,
        a_second: f64,
    ) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let base = format!(
            "{}/v1/tenants/{TENANT}/pipelines/{pipeline}/steps/{step}/state",
            engine.url()
        );
        let token = format!("Bearer {}", engine.token);
        let is_stopped = stop.clone();
        let mut echo = Echo::start()?;
        let thread = thread::Builder::new().name("queries".to_owned()).spawn(move || {
            // It stands for a client on another machine, which does not wait for the cores of this one.
            let _ = rustix::process::setpriority_process(None, FIRST);
            // No limit for the whole: with one, ureq starts a thread for each call, to look the name up.
            let agent: ureq::Agent = ureq::Agent::config_builder()
                .timeout_recv_response(Some(PATIENCE))
                .timeout_recv_body(Some(PATIENCE))
                .build()
                .into();
            let (mut latency, mut echoes) = (histogram()?, histogram()?);
            let stolen_before = stolen_seconds()?;
            let (began, gap) = (Instant::now(), Duration::from_secs_f64(1.0 / a_second));
            let mut count = 0_u64;
            for key in keys.iter().cycle() {
                let intended = began + gap * count as u32;
                let early = intended.saturating_duration_since(Instant::now());
                thread::sleep(early);
                if is_stopped.load(Ordering::Relaxed) {
                    break;
                }
                let asked = if early.is_zero() { intended } else { Instant::now() };
                let mut answer = agent
                    .get(format!("{base}/{key}"))
                    .header("authorization", &token)
                    .call()?;
                answer.body_mut().read_to_vec()?;
                latency.saturating_record(asked.elapsed().as_micros() as u64);
                echoes.saturating_record(echo.ask()?.as_micros() as u64);
                count += 1;
            }
            let all = began.elapsed().as_secs_f64() * thread::available_parallelism()?.get() as f64;
            Ok(Queried {
                latency: Percentiles::of(&latency),
                echo: Percentiles::of(&echoes),
                count,
                stolen: (stolen_seconds()? - stolen_before) / all,
            })
        })?;
        Ok(Self { stop, thread })
    }

    /// Stops asking and tells what came of it; an answer that was an error is one here.
    pub fn end(self) -> anyhow::Result<Queried> {
        self.stop.store(true, Ordering::Relaxed);
        let joined = self.thread.join();
        joined.map_err(|_| anyhow::anyhow!("the thread of queries panicked"))?
    }
}

/// Asks for the state of every key in turn.
pub fn of_every_key(stage: &Stage, pipeline: &str) -> anyhow::Result<Queries> {
    let keys = (0..KEYS).map(|key| format!("u{key}")).collect();
    Queries::start(&stage.engine, pipeline, "step", keys, QUERIES_A_SECOND)
}
