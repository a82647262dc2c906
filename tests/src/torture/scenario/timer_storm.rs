//! A storm of timers: a tenant has very many that one event makes due at once, in one partition. They fire batch by batch,
//! each once, although the engine is killed in the middle. Its memory keeps to the formula of any state. The load, which is
//! another tenant's, goes on meanwhile.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    tenant::Tenant,
    torture::{Form, Plan, arena::Arena, look, measure, report::Outcome},
};

/// Timers that an event sets.
const ORDER: u64 = 500;
/// When they are set, in event time, and when they are due.
const BEGIN_MS: u64 = 1_795_825_800_000;
const DUE_MS: u64 = BEGIN_MS + 60_000;
/// Pause between looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Longest that all of them may take to be set, or to fire.
const PATIENCE: Duration = Duration::from_mins(20);
/// What the engine's memory may grow by, by the formula of docs/benchmarks.md: four caches of the store, what is read
/// ahead, and ten batches; and with each timer, which is two keys of state.
const GROWTH_MIB: u64 = 4 * 64 + 64 + 10 * 8;
const GROWTH_BYTES: u64 = 2 * 48;
const MIB: u64 = 1 << 20;

const INPUT: &str = "STORM";
const OUTPUT: &str = "TR_storm_storm";
const SUBJECT: &str = "storm.orders.x";
const PIPELINE: &str = r#"
name: storm
input:
  subjects: ["storm.orders.>"]
  key: { json: /key }
  time: { json: /ts }
  watermark: { delay: 0s, idle: { advance: hold } }
steps:
  - name: storm
    plugin: storm@1.0.0
    grants: [timers]
    limits: { fuel: 1000000000, deadline: 10s }
output:
  subject: "storm.told"
"#;

/// The storm, and what is known of it.
struct Storm {
    tenant: Tenant,
    timers: u64,
    /// Most memory that the engine had, in bytes.
    peak: u64,
    /// Outputs of the load when the storm was first seen at work, and last.
    beside: Option<(u64, u64)>,
}

/// Runs it.
pub async fn run(plan: &Plan) -> anyhow::Result<Outcome> {
    let mut arena = Arena::set(plan).await?;
    let timers = match plan.form {
        Form::Short => 20_000,
        Form::Long => 1_000_000,
    };
    let stormed = storm(&mut arena, plan.rounds, timers).await;
    Ok(arena.judge(stormed).await)
}

async fn storm(arena: &mut Arena, kills: u32, timers: u64) -> anyhow::Result<()> {
    let before = measure::resident_bytes(arena.engine.pid())?;
    let mut storm = Storm {
        tenant: Tenant::make(&arena.engine, "storm").await?,
        timers,
        peak: before,
        beside: None,
    };
    let setting = Instant::now();
    storm.gather(arena).await?;
    let set = measure::resident_bytes(arena.engine.pid())?;
    arena.note(format!(
        "{timers} timers were set in {:.1} s; the engine had {} MiB before, and {} MiB behind",
        setting.elapsed().as_secs_f64(),
        before / MIB,
        set / MIB
    ));
    let breaking = Instant::now();
    storm.break_out(arena, kills).await?;
    arena.note(format!(
        "they fired in {:.1} s with {kills} kills among them; the engine had {} MiB at most",
        breaking.elapsed().as_secs_f64(),
        storm.peak / MIB
    ));
    let grown = storm.peak.saturating_sub(before);
    anyhow::ensure!(
        grown <= GROWTH_MIB * MIB + timers * GROWTH_BYTES,
        "the engine's memory grew by {} MiB with {timers} timers",
        grown / MIB
    );
    let (first, last) = storm.beside.unwrap_or_default();
    arena.note(format!("meanwhile the other tenant had {} outputs", last - first));
    anyhow::ensure!(
        last > first,
        "the other tenant had no output while the timers fired"
    );
    storm.check(arena).await
}

impl Storm {
    /// All are set.
    async fn gather(&mut self, arena: &mut Arena) -> anyhow::Result<()> {
        arena.cluster.stream(INPUT, &["storm.orders.>"]).await?;
        let tenant = &self.tenant;
        tenant.upload(&arena.engine, "storm", "examples/storm").await?;
        tenant.apply(&arena.engine, "storm", PIPELINE).await?;
        let order = |first: u64| {
            let key = format!("k{first:07}");
            json!({ "key": key, "ts": BEGIN_MS, "first": first, "count": ORDER, "at": DUE_MS }).to_string()
        };
        let orders = (0..self.timers / ORDER).map(|number| order(number * ORDER));
        arena.cluster.publish(SUBJECT, orders).await?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look(arena)?;
            let status = self.tenant.status(&arena.engine, "storm").await;
            // There is one partition.
            if status["partitions"][0]["position"].as_u64() == Some(self.timers / ORDER) {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < deadline, "they are not set: {status:#}");
            sleep(LOOK_AGAIN).await;
        }
    }

    /// One event makes all of them due.
    async fn break_out(&mut self, arena: &mut Arena, kills: u32) -> anyhow::Result<()> {
        let last = json!({ "key": "z", "ts": DUE_MS, "first": 0, "count": 0, "at": 0 }).to_string();
        arena.cluster.publish(SUBJECT, [last]).await?;
        let deadline = Instant::now() + PATIENCE;
        let mut killed = 0;
        loop {
            self.look(arena)?;
            let fired = self.fired(arena).await?;
            if fired >= self.timers {
                anyhow::ensure!(
                    killed == kills,
                    "all fired before the engine was killed {kills} times"
                );
                return Ok(());
            }
            if fired > 0
                && let Ok(counts) = look::counts(&arena.cluster).await
            {
                let beside = counts.values().sum();
                self.beside = Some((self.beside.map_or(beside, |(first, _)| first), beside));
            }
            if killed < kills && fired >= self.timers * u64::from(killed + 1) / u64::from(kills + 1) {
                killed += 1;
                arena.engine.restart(&arena.launch)?;
                arena.outcome.faults += 1;
                arena
                    .recovered(Instant::now(), &format!("killed behind {fired} timers"))
                    .await?;
            }
            anyhow::ensure!(
                Instant::now() < deadline,
                "{fired} of {} timers have fired",
                self.timers
            );
            sleep(LOOK_AGAIN).await;
        }
    }

    fn look(&mut self, arena: &Arena) -> anyhow::Result<()> {
        self.peak = self.peak.max(measure::resident_bytes(arena.engine.pid())?);
        Ok(())
    }

    /// How many have fired by now.
    async fn fired(&self, arena: &Arena) -> anyhow::Result<u64> {
        use futures::TryStreamExt as _;
        let stream = arena.cluster.jetstream.get_stream_no_info(OUTPUT).await?;
        let subjects = stream.info_with_subjects("storm.told").await?;
        let counts: Vec<(String, usize)> = subjects.try_collect().await?;
        Ok(counts.iter().map(|(_, count)| *count as u64).sum())
    }

    /// Each has fired once, in their order.
    async fn check(&self, arena: &Arena) -> anyhow::Result<()> {
        let told = arena.cluster.read(OUTPUT, "storm.told").await?;
        anyhow::ensure!(
            told.len() as u64 == self.timers,
            "{} outputs of {} timers",
            told.len(),
            self.timers
        );
        for (number, (_, name)) in told.iter().enumerate() {
            let wanted = format!("{number:07}");
            let found = String::from_utf8_lossy(name);
            anyhow::ensure!(found == wanted, "timer {found} fired where {wanted} was due");
        }
        Ok(())
    }
}
