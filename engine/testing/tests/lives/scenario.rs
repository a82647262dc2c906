//! One run: clients ask, events come, engines die, are cut off and come back. Then the faults stop, and the whole
//! must settle by itself.

use std::{sync::Arc, time::Duration};

use tailrace_core::{identity::PartitionId, tasks};
use tailrace_dataplane::partition::recover::{Since, recover};
use tailrace_testing::{faults::Faults, link::Link, schedule::Schedule, store::MemoryStore};

use super::{
    check_answers, check_audit, check_left,
    check_own::{self, Effects},
    clients::Clients,
    cluster::{Cluster, INPUT, lock},
    history::History,
    plugins::{Kept, ODD},
    totals::{LEFT, Run},
};

/// In virtual time, after the faults have stopped: a run that needs longer hangs.
const SETTLES_WITHIN: Duration = Duration::from_mins(15);
/// After so long what came after the end of a life is left to the doctor: all engines that saw the end may have
/// died before they looked for it.
const LEFT_AFTER: Duration = Duration::from_mins(8);
/// Faults by which something may come after the end of a life.
const MAY_LEAVE: [&str; 2] = ["request takes effect late", "engine is cut off"];
/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a run goes on after all is settled: nothing may come back.
const QUIET: Duration = Duration::from_secs(10);
/// Longest that an engine is cut off from the broker.
const CUT_OFF_MS: u64 = 12_000;

/// Runs a seed; an error says which promise was broken.
pub fn run(seed: u64) -> Result<Run, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|cause| cause.to_string())?;
    let run = Schedule::new(seed).run(&runtime, scenario(seed));
    // What is left of the tasks ends with the runtime.
    drop(runtime);
    run
}

async fn scenario(seed: u64) -> Result<Run, String> {
    let faults = Arc::new(Faults::new(seed));
    let engines = 1 + faults.below(3);
    if engines > 1 {
        faults.note("several engines");
    }
    let cluster = Cluster::new(&faults, engines);
    for name in cluster.names() {
        cluster.start(&name);
    }
    let clients = Clients::new(&cluster);
    let chaos = [
        tasks::spawn(catch_up(cluster.clone())),
        tasks::spawn(publish(cluster.clone())),
        tasks::spawn(disturb(cluster.clone())),
    ];
    let asking = (0..=faults.below(3)).map(|_| {
        let things = 6 + faults.below(18);
        tasks::spawn(clients.clone().ask_for(things))
    });
    for client in asking.collect::<Vec<_>>() {
        client.await.map_err(|cause| cause.to_string())?;
    }
    chaos.iter().for_each(tokio::task::JoinHandle::abort);
    let mut judge = Judge {
        cluster: cluster.clone(),
        clients,
        history: History::default(),
    };
    cluster.calm_down();
    while cluster.running().iter().any(|engine| engine.is_ending()) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let some = faults.below(2) == 0;
    for name in cluster.names() {
        // Some machines never come back.
        if some || faults.below(2) == 0 || cluster.running().is_empty() {
            cluster.start(&name);
        }
    }
    judge.wait_until_settled().await?;
    tokio::time::sleep(QUIET).await;
    judge
        .check()
        .map_err(|why| format!("after all was settled: {why}"))?;
    judge.check_recovery().await?;
    judge.check_doctor().await?;
    Ok(judge.run())
}

/// The broker does what it was asked for, some time later.
async fn catch_up(cluster: Arc<Cluster>) {
    loop {
        tokio::time::sleep(Duration::from_millis(cluster.faults.below(3_000))).await;
        cluster.catch_up();
    }
}

async fn publish(cluster: Arc<Cluster>) {
    let faults = &cluster.faults;
    loop {
        for _ in 0..faults.below(4) {
            let payload = if faults.below(5) == 0 { ODD } else { b"plain" };
            cluster
                .broker
                .publish(INPUT, &format!("in.k{}", faults.below(4)), payload);
        }
        tokio::time::sleep(Duration::from_millis(faults.below(1_500))).await;
    }
}

/// Engines die in their sleep or at any request, end, are cut off, and come back.
async fn disturb(cluster: Arc<Cluster>) {
    let faults = cluster.faults.clone();
    loop {
        tokio::time::sleep(Duration::from_millis(faults.below(2_500))).await;
        let running = cluster.running();
        for engine in running.iter().filter(|engine| !engine.is_ending()) {
            if faults.strikes("engine dies soon", 20) {
                engine.link.die_with(Some(1 + faults.below(60)));
            } else if faults.strikes("engine dies in its sleep", 3) {
                engine.kill();
            } else if faults.strikes("engine ends", 4) {
                let engine = engine.clone();
                tasks::spawn(async move { engine.end().await });
            } else if faults.strikes("engine is cut off", 8) {
                let (engine, most) = (engine.clone(), faults.below(CUT_OFF_MS));
                engine.link.set_connected(false);
                tasks::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(most)).await;
                    engine.link.set_connected(true);
                });
            }
        }
        if running.len() < cluster.names().len() && faults.below(2) == 0 {
            for name in cluster.names() {
                cluster.start(&name);
            }
        }
    }
}

struct Judge {
    cluster: Arc<Cluster>,
    clients: Arc<Clients>,
    history: History,
}

impl Judge {
    async fn wait_until_settled(&mut self) -> Result<(), String> {
        let began = tokio::time::Instant::now();
        loop {
            self.read_on()?;
            let Err(why) = self.check() else { return Ok(()) };
            if began.elapsed() > SETTLES_WITHIN {
                return Err(format!("it does not settle: {why}; {}", self.states()));
            }
            if began.elapsed() > LEFT_AFTER && self.is_for_the_doctor() {
                self.cluster.faults.note(LEFT);
                self.clients.mend().await;
            }
            self.take_the_way_out().await;
            tokio::time::sleep(LOOK_EVERY.max(began.elapsed() / 20)).await;
        }
    }

    /// What the engines say that they do.
    fn states(&self) -> String {
        let mut states = Vec::new();
        for engine in self.cluster.running() {
            for (id, status) in engine.queries.context().overview().all() {
                let (state, partitions) = (status.state(), status.partitions());
                states.push(format!("{}: {id} {state:?} {partitions:?}", engine.name));
            }
        }
        states.join(", ")
    }

    /// Whether all that is wrong is what lies on the broker, and it may have come there after its life had ended.
    fn is_for_the_doctor(&self) -> bool {
        let happened = self.cluster.faults.happened();
        if !MAY_LEAVE.iter().any(|what| happened.contains_key(what)) {
            return false;
        }
        let asked = self.clients.ledger.all();
        let is_registered = check_left::check_registry(&self.history, &asked).is_ok()
            || check_left::wait_for_streams(&self.cluster, &self.history);
        is_registered && check_left::check_broker(&self.cluster, &self.history).is_err()
    }

    /// What waits for a person is done as it says itself: a stream that is gone, a pause.
    async fn take_the_way_out(&self) {
        for (id, pipeline) in &self.history.registry.pipelines {
            if !pipeline.phase.is_ready() {
                continue;
            }
            if lock(&self.cluster.lost).contains(&pipeline.life) {
                self.clients.renew(id).await;
            }
            if pipeline.paused.is_some() {
                self.clients.resume(id).await;
            }
        }
    }

    /// What holds at every moment.
    fn read_on(&mut self) -> Result<(), String> {
        for entry in self
            .cluster
            .registry
            .written_after(self.history.registry.revision)
        {
            self.history.take(&entry)?;
        }
        Ok(())
    }

    /// What holds when all is settled.
    fn check(&mut self) -> Result<(), String> {
        self.read_on()?;
        let asked = self.clients.ledger.all();
        check_left::check_registry(&self.history, &asked)?;
        check_left::check_broker(&self.cluster, &self.history)?;
        self.check_streams()?;
        check_audit::check(&self.history, &asked, &self.cluster.audit.records())?;
        check_answers::check(&self.history, &asked, &lock(&self.cluster.lost))
    }

    fn check_streams(&self) -> Result<Vec<Effects>, String> {
        let input = self.cluster.broker.messages(INPUT, ">");
        let (held, removed) = self.cluster.broker.own();
        for own in &removed {
            let life = self.history.life(own.life);
            let life = life.ok_or_else(|| format!("{} was of no life: {}", own.name, own.life))?;
            check_own::check(own, life, &input, false)?;
            if life.deleting.is_none() && !lock(&self.cluster.lost).contains(&own.life) {
                return Err(format!(
                    "{} was removed, and its life {} is there",
                    own.name, own.life
                ));
            }
        }
        let mut all = Vec::new();
        for own in &held {
            let life = self.history.life(own.life);
            let life = life.ok_or_else(|| format!("{} is of no life: {}", own.name, own.life))?;
            all.push(check_own::check(own, life, &input, true)?);
        }
        Ok(all)
    }

    /// From nothing but what the broker holds, each life comes to the state that its outputs came out of; and the
    /// local state of its engine is that as well.
    async fn check_recovery(&self) -> Result<(), String> {
        let disk = MemoryStore::default();
        let world = self.cluster.world(&Link::new(None), disk.clone());
        let (held, _) = self.cluster.broker.own();
        let effects = self.check_streams()?;
        for (own, effects) in held.iter().zip(effects) {
            let life = self.history.life(own.life).ok_or("no life")?;
            let registry = &self.history.registry;
            let tenant = registry.tenants.get(&life.id.tenant).ok_or("no tenant")?;
            let pipeline = registry.pipelines.get(&life.id).ok_or("no pipeline")?;
            for partition in 0..life.partitions {
                let place = PartitionId {
                    pipeline: life.id.clone(),
                    life: life.life,
                    partition,
                };
                let recovered = recover(
                    &world,
                    &place,
                    &pipeline.active.manifest,
                    tenant.seed,
                    Since {
                        rebase: pipeline.rebase,
                        accepted_repeats: 0,
                    },
                )
                .await;
                recovered.map_err(|cause| cause.to_string())?;
            }
            let mut kept = std::collections::BTreeMap::new();
            for (_, content) in disk
                .held()
                .into_iter()
                .filter(|(place, _)| place.life == life.life)
            {
                for ((_, key), value) in content.state {
                    kept.insert(key, Kept::of(&value.value).ok_or("state that no plugin wrote")?);
                }
            }
            if kept != effects.kept {
                return Err(format!(
                    "{} of life {} recovers to {kept:?}, and its outputs came out of {:?}",
                    life.id, life.life, effects.kept
                ));
            }
        }
        self.check_disks(&disk)
    }

    /// Local state is that of the broker, or is behind it.
    fn check_disks(&self, recovered: &MemoryStore) -> Result<(), String> {
        let recovered: std::collections::BTreeMap<_, _> = recovered.held().into_iter().collect();
        for (engine, disk) in self.cluster.disks() {
            for (place, content) in disk.held() {
                let Some(whole) = recovered.get(&place) else {
                    return Err(format!("{engine} has local state of {}", place.place()));
                };
                let is_same = content.applied == whole.applied && content.state == whole.state;
                let is_behind = content.applied.commit < whole.applied.commit;
                if !is_same && !is_behind {
                    return Err(format!(
                        "local state of {} on {engine} is {content:?}, and the broker's is {whole:?}",
                        place.place()
                    ));
                }
            }
        }
        Ok(())
    }

    /// The doctor has nothing to say either.
    async fn check_doctor(&self) -> Result<(), String> {
        for engine in self.cluster.running() {
            let queries = engine.queries.clone();
            let asked = engine
                .group
                .within(|| tasks::spawn(async move { queries.examine().await }));
            let found = asked.await.map_err(|cause| cause.to_string())?;
            let found = found.map_err(|cause| cause.to_string())?.findings;
            if let Some(finding) = found.first() {
                return Err(format!(
                    "the doctor of {} finds {} {}: {}",
                    engine.name, finding.kind, finding.what, finding.detail
                ));
            }
        }
        Ok(())
    }

    fn run(&self) -> Run {
        let (held, removed) = self.cluster.broker.own();
        Run {
            events: self.cluster.broker.last_sequence(INPUT),
            entries: self.cluster.registry.entries(),
            lives: self.history.lives.len() as u64,
            tenants: self.history.tenants.len() as u64,
            messages: held
                .iter()
                .chain(&removed)
                .map(|own| own.messages.len() as u64)
                .sum(),
            happened: self.cluster.faults.happened(),
        }
    }
}
