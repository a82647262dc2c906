//! The life of one pipeline on this engine: make it ready, run its partitions, start again from what
//! is committed when something breaks, stand by when another engine has it, wait when it is paused.
//!
//! - [`start`]: from nothing to running;
//! - [`supervise`]: while it runs: changes of the registry, of the engines, reconciliation;
//! - [`ended`]: why it ended, and whose fault that is;
//! - `audit`: what the engine itself changes, in the audit log;
//! - [`engine`]: all pipelines of this engine, by the registry;
//! - [`parked`]: while it waits for somebody: why, as it is now;
//! - [`reclaim`]: disk that is given back;
//! - [`records`]: whether what partitions are rebuilt from is there;
//! - [`settings`]: what an operator can set.
//!
//! Whatever goes wrong below, the answer is the same: stop all partitions, recover, go on. That is cheap,
//! because positions and state stores are durable, and it leaves one way to test.

mod audit;
pub mod ended;
pub mod engine;
mod parked;
mod reclaim;
mod records;
pub mod settings;
pub mod start;
pub mod supervise;
mod unassigned;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use serde_json::json;
pub use tailrace_core::load::{LoadError, load_component, load_plugin};
use tailrace_core::{
    codec::Registered,
    identity::PipelineId,
    membership::Membership,
    observe::status::{PipelineStatus, State},
    ports::broker::own_stream,
    registry,
    world::World,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    limits::tenants::TenantLimiter,
    partition::{commit::jittered, end::Pauser},
    run::{ended::Ended, settings::Settings},
};

/// First pause before a pipeline is started again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause before a pipeline is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A start that ends sooner, as the last one did, is not shown: until then the pipeline is what it was.
const SHOW_START_AFTER: Duration = Duration::from_secs(1);

/// What the registry says of a pipeline: none once it is deleted.
pub type Entry = Option<(Arc<registry::Pipeline>, Arc<registry::Tenant>)>;

/// One pipeline.
pub struct PipelineRun {
    /// The engine's world; once it runs, that of its tenant's account.
    pub world: World,
    /// Which one.
    pub pipeline: PipelineId,
    /// What the registry says of it.
    pub entry: watch::Receiver<Entry>,
    /// The registry, for the versions of schemas.
    pub registered: Registered,
    /// Which engines share the work.
    pub members: watch::Receiver<Option<Arc<Membership>>>,
    /// What the operator has set.
    pub settings: Settings,
    /// Ends it gracefully.
    pub stop: CancellationToken,
    /// What it is doing.
    pub status: Arc<PipelineStatus>,
    /// The limits of its tenant.
    pub tenant_gate: Arc<TenantLimiter>,
}

impl PipelineRun {
    /// Runs until it is stopped or the pipeline is deleted.
    pub async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let engine = self.world.clone();
        // What was tried last, if the status says why that ended.
        let mut told: Option<Entry> = None;
        while !self.stop.is_cancelled() {
            let entry = self.entry.borrow_and_update().clone();
            let Some((pipeline, tenant)) = entry.clone() else {
                break;
            };
            if let Some(reason) = &pipeline.paused {
                self.status.enter(State::Paused {
                    reason: reason.clone(),
                });
                self.wait_for_change(None).await;
                continue;
            }
            let began = self.world.clock.monotonic();
            if told.as_ref() != Some(&entry) {
                self.status.enter(State::Starting);
            }
            let ended = self.attempt(&engine, &pipeline, &tenant).await;
            if self.world.clock.monotonic().saturating_sub(began) > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            told = ended.has_reason().then_some(entry);
            self.after(ended, pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        self.status.enter(State::Stopped);
    }

    /// Shows why it ended, and waits for what mends it.
    async fn after(&mut self, ended: Ended, pause: Duration) {
        self.status.set_lacks_disk(matches!(ended, Ended::NoRoom(_)));
        match ended {
            Ended::Stopped | Ended::Changed => {}
            Ended::Again(reason) | Ended::NoRoom(reason) => {
                // The broker tells of a denial apart from the answer that does not come.
                let reason = self.denied().unwrap_or(reason);
                tracing::warn!(reason, "the pipeline starts again from what is committed");
                self.status.stats.recovered();
                self.status.enter(State::Waiting { reason });
                self.wait_for_change(Some(jittered(pause, &*self.world.random)))
                    .await;
            }
            Ended::Fenced => {
                let reason = "another engine has committed for this pipeline".to_owned();
                tracing::warn!("fenced: {reason}");
                self.status.enter(State::StandingBy { reason });
                self.wait_for_change(Some(jittered(pause, &*self.world.random)))
                    .await;
            }
            Ended::NotOurs(reason) => {
                self.status.set_partitions(BTreeMap::new());
                self.status.enter(State::StandingBy { reason });
                self.wait_for_change(None).await;
            }
            Ended::Pause(by, reason) => {
                tracing::warn!(reason, "the pipeline is paused");
                self.status.enter(State::Paused {
                    reason: reason.clone(),
                });
                self.write_pause(by, reason).await;
            }
            Ended::Parked(reason) => self.park(reason).await,
            Ended::LacksRecords(reason) => {
                self.status.set_lacks_records(true);
                self.park(reason).await;
                self.status.set_lacks_records(false);
            }
        }
    }

    /// What the broker's permissions keep the pipeline from, or the engine.
    fn denied(&self) -> Option<String> {
        let denied = self.world.streams.denied();
        if denied.is_empty() {
            return None;
        }
        let entry = self.entry.borrow();
        let own = entry.as_ref().map(|(pipeline, _)| {
            own_stream(&self.pipeline, pipeline.life, &pipeline.active.manifest).subjects()
        });
        let own = own.unwrap_or_default();
        let found = denied
            .iter()
            .find(|denied| denied.is_engines() || denied.is_about(&own));
        found.map(ToString::to_string)
    }

    /// Says whether something has changed, and not only time has passed.
    async fn wait_for_change(&mut self, most: Option<Duration>) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => true,
            _ = self.entry.changed() => true,
            _ = self.members.changed() => true,
            () = sleep(most) => false,
        }
    }

    /// Writes a pause that a step's policy or the circuit breaker asks for into the registry, so that it outlives
    /// the engine.
    async fn write_pause(&mut self, by: Pauser, reason: String) {
        let after = json!({ "by": by, "reason": reason });
        let Some(record) = self.own_change("pipeline-paused", None, after) else {
            return;
        };
        let mut is_tried = false;
        while !self.stop.is_cancelled() {
            let mut is_ours = false;
            let changed = self.change_entry(|pipeline| {
                // A person may have paused it meanwhile, or another engine, or the last try, whose answer was lost.
                let by_us = is_tried && pipeline.paused.as_ref() == Some(&reason);
                is_ours = by_us || pipeline.paused.is_none();
                pipeline.paused.get_or_insert_with(|| reason.clone());
            });
            let written = changed.await;
            match written {
                Ok(()) if is_ours => self.tell_audit(&record).await,
                Ok(()) => {}
                Err(cause) => {
                    tracing::warn!(cause, "the pause cannot be written yet");
                    is_tried = true;
                    tokio::time::sleep(FIRST_PAUSE).await;
                    continue;
                }
            }
            return self.see_the_pause().await;
        }
    }

    /// Waits until the own view of the registry shows a pause that was written: another change that comes first
    /// must not start the pipeline again. A pause that somebody has ended meanwhile is not waited for.
    async fn see_the_pause(&mut self) {
        let is_seen = |entry: &Entry| {
            entry
                .as_ref()
                .is_none_or(|(pipeline, _)| pipeline.paused.is_some())
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            _ = self.entry.wait_for(is_seen) => {}
            () = sleep(Some(LONGEST_PAUSE)) => {}
        }
    }

    /// Changes the pipeline's entry in the registry, unless somebody else does so meanwhile.
    async fn change_entry(&self, change: impl FnOnce(&mut registry::Pipeline)) -> Result<(), String> {
        let key = registry::Key::Pipeline(self.pipeline.clone()).to_string();
        let Some(entry) = self
            .world
            .registry
            .get(&key)
            .await
            .map_err(|cause| cause.to_string())?
        else {
            return Ok(());
        };
        let Some(value) = entry.value else { return Ok(()) };
        let mut pipeline: registry::Pipeline =
            serde_json::from_slice(&value).map_err(|cause| cause.to_string())?;
        // One that was made anew under this name has not to do with it.
        if pipeline.life != self.status.life {
            return Ok(());
        }
        change(&mut pipeline);
        let value = serde_json::to_vec(&pipeline).map_err(|cause| cause.to_string())?;
        self.world
            .registry
            .put(&key, value.into(), entry.revision)
            .await
            .map_err(|cause| cause.to_string())?;
        Ok(())
    }

    /// From nothing to running, until it ends; on the broker as the tenant's account shows it.
    async fn attempt(
        &mut self,
        engine: &World,
        pipeline: &registry::Pipeline,
        tenant: &registry::Tenant,
    ) -> Ended {
        let stop = self.stop.clone();
        let world = tokio::select! {
            biased;
            () = stop.cancelled() => return Ended::Stopped,
            world = engine.of(tenant.nats_account.as_ref()) => world,
        };
        match world {
            Ok(world) => self.world = world,
            Err(cause) => return cause.into(),
        }
        let started = tokio::select! {
            biased;
            () = stop.cancelled() => return Ended::Stopped,
            started = self.start(pipeline, tenant) => started,
            never = self.show_start() => match never {},
        };
        match started {
            Ok(running) => self.watch_over(running).await,
            Err(ended) => ended,
        }
    }

    /// Says of a start that takes its time that it is one.
    async fn show_start(&self) -> Infallible {
        tokio::time::sleep(SHOW_START_AFTER).await;
        self.status.enter(State::Starting);
        std::future::pending().await
    }
}

async fn sleep(most: Option<Duration>) {
    match most {
        Some(most) => tokio::time::sleep(most).await,
        None => std::future::pending().await,
    }
}
