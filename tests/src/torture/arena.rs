//! Where a scenario takes place: a broker, an engine with the counting pipeline, a load that never
//! ceases, and the judgement at the end. A scenario makes faults and waits for recoveries; everything
//! else is here.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{
    Plan,
    checker::{self, Findings},
    load::{self, Load},
    look::{self, Counts},
    measure,
    report::Outcome,
};
use crate::{
    access::Broker,
    cluster::Cluster,
    engine::{Engine, Launch},
};

/// The pipeline.
pub const PIPELINE: &str = "torture";
/// Its partitions, where a scenario does not want more.
pub const PARTITIONS: u32 = 4;
/// Its partitions where two engines share them: so many that each engine surely has some. Of 16, with one chance in
/// 30,000 one has all.
pub const PARTITIONS_OF_TWO: u32 = 16;
/// A recovery that takes longer is a failure, where a scenario promises nothing else.
const RECOVERED_WITHIN: Duration = Duration::from_secs(30);
/// Pause between looks.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// The state follows the output, for it is applied when the broker has answered the commit.
const APPLIED_WITHIN: Duration = Duration::from_secs(5);
/// An engine that does not say its status within this says none.
const STATUS_WITHIN: Duration = Duration::from_secs(5);
/// An engine that waits for its broker uses less of a core than this; a debug build, and noise.
const WAITING_CORES: f64 = 0.1;
/// What was missed is made up for within this, or never.
const CAUGHT_UP_WITHIN: Duration = Duration::from_mins(3);

/// A scenario's place.
pub struct Arena<B = Cluster> {
    /// The broker.
    pub cluster: B,
    /// The engine, or the first of two.
    pub engine: Engine,
    /// How the engine is started again.
    pub launch: Launch,
    /// The load.
    pub load: Load,
    /// Where the scenario's choices come from.
    pub random: StdRng,
    /// What is found.
    pub outcome: Outcome,
    /// A recovery that takes longer is a failure: the promise.
    pub promised: Duration,
    folder: TempDir,
}

impl Arena {
    /// A broker with nothing special, and an engine on it.
    pub async fn set(plan: &Plan) -> anyhow::Result<Self> {
        let cluster = Cluster::start().await?;
        let launch = Launch::on(&cluster);
        Self::set_on(plan, cluster, launch).await
    }

    /// The same on this broker, with the engine started so.
    pub async fn set_on(plan: &Plan, cluster: Cluster, launch: Launch) -> anyhow::Result<Self> {
        Self::set_parted(plan, cluster, launch, PARTITIONS).await
    }
}

impl<B: Broker> Arena<B> {
    /// On this broker, with so many partitions.
    pub async fn set_parted(
        plan: &Plan,
        cluster: B,
        launch: Launch,
        partitions: u32,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = folder.path().join("engine-1");
        std::fs::create_dir(&home)?;
        let engine = Engine::start_with(&launch, &home).await?;
        let load = Load::start(&cluster, plan.seed).await?;
        engine.upload("probe", "tailrace_test_guest").await?;
        engine.apply(PIPELINE, &spec(partitions)).await?;
        let outcome = Outcome {
            scenario: plan.scenario.to_string(),
            rounds: plan.rounds,
            ..Outcome::default()
        };
        let mut arena = Self {
            cluster,
            engine,
            launch,
            load,
            random: StdRng::seed_from_u64(plan.seed),
            outcome,
            promised: RECOVERED_WITHIN,
            folder,
        };
        arena.caught_up().await?;
        arena.say("stands, and the load runs");
        Ok(arena)
    }

    /// A line of progress.
    pub fn say(&self, text: &str) {
        println!("[{}] {text}", self.outcome.scenario);
    }

    /// A fact for the report.
    pub fn note(&mut self, text: String) {
        self.say(&text);
        self.outcome.notes.push(text);
    }

    /// The scenario's own folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits for a part of so many milliseconds, as the seed says.
    pub async fn random_pause(&mut self, most_ms: u64) {
        let pause = self.random.random_range(0..most_ms);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// Lets a fault last so long, and notes what the engine does meanwhile: it must hardly use the
    /// processor, and say at the end that it is not ready, unless nothing that it asks goes unanswered.
    pub async fn endure(&mut self, length: Duration, what: &str) -> anyhow::Result<()> {
        let before = measure::processor_seconds(self.engine.pid())?;
        tokio::time::sleep(length).await;
        let used = measure::processor_seconds(self.engine.pid())? - before;
        let cores = used / length.as_secs_f64();
        let ready = self.engine.ask("GET", "/readyz", "", "").await?;
        self.note(format!(
            "{what} for {} s: the engine used {cores:.3} of a core, and /readyz said {}",
            length.as_secs(),
            ready.status
        ));
        if cores > WAITING_CORES {
            self.outcome.failures.push(format!(
                "{what}: the engine used {cores:.2} of a core while it waited"
            ));
        }
        let hindrance = self.hindrance().await;
        if ready.status == 200
            && let Some(hindrance) = hindrance
        {
            let seconds = length.as_secs();
            let lie = format!("{what} for {seconds} s: /readyz said 200, and yet {hindrance}");
            self.outcome.failures.push(lie);
        }
        Ok(())
    }

    /// What keeps a partition from coming to the end of the input; none where the broker took all that it
    /// was given.
    async fn hindrance(&self) -> Option<String> {
        let Ok(status) = self.engine.status(PIPELINE).await else {
            return Some("there is no status".to_owned());
        };
        let partitions = status["partitions"].as_array().into_iter().flatten();
        let mut troubles = partitions.filter_map(|partition| partition["trouble"].as_str());
        let lag = status["lag"].as_u64();
        let behind = || format!("the lag is {lag:?}");
        troubles
            .next()
            .map(str::to_owned)
            .or_else(|| (lag != Some(0)).then(behind))
    }

    /// Waits until every user has an output that it had not when the fault was over, and notes how long
    /// that took.
    ///
    /// Stricter than the first new output: every partition must move.
    pub async fn recovered(&mut self, over: Instant, what: &str) -> anyhow::Result<()> {
        let moved = self.moved_by(over + RECOVERED_WITHIN * 2).await;
        if let Err(cause) = moved {
            anyhow::bail!("{what}: no recovery: {cause:#}\n{}", self.diagnosis().await);
        }
        let took = over.elapsed();
        self.say(&format!("{what}: recovered in {:.2} s", took.as_secs_f64()));
        self.outcome.recoveries.push(took);
        if took > self.promised {
            let slow = format!("{what}: recovery took {:.1} s", took.as_secs_f64());
            self.outcome.failures.push(slow);
        }
        Ok(())
    }

    /// Waits until every user has an output more than when the broker first answers.
    pub async fn moved_by(&mut self, deadline: Instant) -> anyhow::Result<()> {
        let mut before: Option<Counts> = None;
        loop {
            self.still_runs()?;
            let looked = look::counts(&self.cluster).await;
            match (&before, looked) {
                (None, Ok(counts)) => before = Some(counts),
                (Some(before), Ok(counts)) if every_user_moved(before, &counts) => return Ok(()),
                (_, looked) if Instant::now() > deadline => {
                    looked.context("the broker does not answer")?;
                    anyhow::bail!("not every user has a new output");
                }
                _ => {}
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// An engine that has ended by itself needs an operator.
    fn still_runs(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.engine.exited()? {
            anyhow::bail!("the engine ended with {status}");
        }
        Ok(())
    }

    /// Waits until all that is published by now is in the output.
    pub async fn caught_up(&mut self) -> anyhow::Result<()> {
        self.caught_up_within(CAUGHT_UP_WITHIN).await
    }

    async fn caught_up_within(&mut self, patience: Duration) -> anyhow::Result<()> {
        let wanted = self.load.published();
        let deadline = Instant::now() + patience;
        loop {
            self.still_runs()?;
            let found = look::counts(&self.cluster)
                .await
                .map(|counts| counts.values().sum::<u64>());
            match found {
                Ok(outputs) if outputs >= wanted => return Ok(()),
                found if Instant::now() > deadline => {
                    let diagnosis = self.diagnosis().await;
                    anyhow::bail!("not caught up: {found:?} outputs of {wanted} events\n{diagnosis}");
                }
                _ => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Ends the load, waits for the last output of every user, and lets the checker judge. What went
    /// wrong before is a failure too, and the judgement is made all the same.
    pub async fn judge(mut self, faults: anyhow::Result<()>) -> Outcome {
        let mut patience = CAUGHT_UP_WITHIN;
        if let Err(cause) = faults {
            self.outcome.failures.push(format!("{cause:#}"));
            patience = RECOVERED_WITHIN;
        }
        self.say("the faults are over; checking");
        match self.findings(patience).await {
            Ok(findings) => {
                if let Some(first) = &findings.first {
                    self.outcome.failures.push(first.clone());
                }
                self.outcome.findings = findings;
            }
            Err(cause) => self.outcome.failures.push(format!("{cause:#}")),
        }
        self.outcome
    }

    async fn findings(&mut self, patience: Duration) -> anyhow::Result<Findings> {
        self.load.finish().await?;
        // The last window holds every user, so each partition has got past everything before it. Where
        // that never comes, what there is is judged all the same.
        if let Err(cause) = self.caught_up_within(patience).await {
            self.outcome.failures.push(format!("{cause:#}"));
        }
        let inputs = look::inputs(&self.cluster).await?;
        anyhow::ensure!(
            inputs.len() as u64 == self.load.published(),
            "the broker holds {} events and has acknowledged {}",
            inputs.len(),
            self.load.published(),
        );
        let outputs = look::outputs(&self.cluster).await?;
        self.dead_letters().await;
        let deadline = Instant::now() + APPLIED_WITHIN;
        loop {
            let findings = checker::check(&inputs, &outputs, &self.states().await)?;
            if findings.wrong_state == 0 || Instant::now() > deadline {
                return Ok(findings);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What the API says of each user's state; nothing where it does not answer.
    async fn states(&self) -> BTreeMap<String, Option<u64>> {
        let mut states = BTreeMap::new();
        for user in (0..load::USERS).map(load::user) {
            let path = format!("pipelines/{PIPELINE}/steps/probe/state/{user}");
            let answer = self.engine.own("GET", &path, "").await;
            let found = answer.ok().filter(|answer| answer.status == 200);
            states.insert(user, found.and_then(|answer| answer.text.parse().ok()));
        }
        states
    }

    async fn dead_letters(&mut self) {
        let path = format!("pipelines/{PIPELINE}/dead-letters");
        let Ok(letters) = self.engine.own("GET", &path, "").await else {
            return self
                .outcome
                .failures
                .push("the dead letters cannot be read".to_owned());
        };
        if letters.body.as_array().is_none_or(|letters| !letters.is_empty()) {
            let found: String = letters.text.chars().take(1_000).collect();
            self.outcome.failures.push(format!("dead letters: {found}"));
        }
    }

    /// What the engine says of itself, for the message of a failure.
    async fn diagnosis(&self) -> String {
        let status = tokio::time::timeout(STATUS_WITHIN, self.engine.status(PIPELINE)).await;
        let status = match status {
            Ok(Ok(status)) => format!("{status:#}"),
            Ok(Err(cause)) => format!("no status: {cause:#}"),
            Err(_) => "no status: the engine does not answer".to_owned(),
        };
        format!("{status}\n{}", self.engine.log())
    }
}

fn every_user_moved(before: &Counts, now: &Counts) -> bool {
    (0..load::USERS)
        .map(load::user)
        .all(|user| now.get(&user) > before.get(&user))
}

/// The counting pipeline, as it is applied.
pub fn spec(partitions: u32) -> String {
    format!(
        "name: {PIPELINE}\ninput:\n  subjects: [\"shop.events.>\"]\n  key: {{ json: /user }}\npartitions: {partitions}\ndelivery: exactly-once\nsteps:\n  - name: probe\n    plugin: probe@1.0.0\n    grants: [state]\noutput:\n  subject: \"shop.{PIPELINE}.{{key}}\"\n"
    )
}
