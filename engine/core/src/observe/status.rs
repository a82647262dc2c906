//! What a pipeline and its partitions are doing right now, for people and probes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde::Serialize;

use crate::{
    identity::EngineId,
    life::Life,
    name::Name,
    observe::{
        candidate_reports::CandidateReports,
        input::{ClockStatus, InputWatch, Loss},
        progress::Progress,
        reconcile::{Balance, Reconciler},
        stats::{Stats, StatsReport},
        tables::{TableStatus, TableWatch},
        throttle::By,
        views::Views,
    },
    ports::store::{Full, StoredSize},
};

/// What a pipeline is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "PipelineState")]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Loading plugins and recovering partitions.
    #[default]
    Starting,
    /// Processing events, or waiting for some.
    Running,
    /// Running, but something keeps events from coming.
    Degraded {
        /// What, and what to do.
        reason: String,
    },
    /// Waiting for something that mends itself: the broker, mostly.
    Waiting {
        /// What for.
        reason: String,
    },
    /// Paused by its tenant or by a step's policy.
    Paused {
        /// Why.
        reason: String,
    },
    /// Another engine has the partitions; this one takes over when it dies.
    StandingBy {
        /// Why.
        reason: String,
    },
    /// Stopped until somebody acts: the input stream is gone, a record is damaged, a plugin does not load.
    Parked {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Its stream and its first revision are being made.
    Creating,
    /// It does not run any more, and what it has on the broker goes.
    Deleting,
    /// This engine cannot read what the registry says of it.
    Unreadable {
        /// Why, and what to do.
        reason: String,
    },
    /// Ending.
    Stopped,
}

/// A pipeline on this engine, shared by those who run it and those who look.
#[derive(Default)]
pub struct PipelineStatus {
    /// Which life of the pipeline it is.
    pub life: Life,
    state: Mutex<State>,
    partitions: Mutex<Shown>,
    /// Whether its input has one reader, so that all partitions are one engine's.
    whole: AtomicBool,
    /// Its reconciliation.
    pub reconciler: Arc<Reconciler>,
    /// Its counters.
    pub stats: Arc<Stats>,
    /// What those who watch it see.
    pub views: Arc<Views>,
    /// What is found of its candidate.
    pub candidate_reports: Arc<CandidateReports>,
    /// What its input is like.
    pub input_watch: Arc<InputWatch>,
    /// What its tables are like.
    pub tables: TableWatch,
    input: Mutex<InputStatus>,
}

/// The partitions that run here, by number.
type Shown = BTreeMap<u32, (Arc<Progress>, Arc<PartitionStatus>)>;

/// What is known of the input.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct InputStatus {
    /// The stream.
    pub stream: String,
    /// Last sequence that the intake has read.
    pub read_sequence: u64,
    /// How often the consumer was rebuilt.
    pub rebuilds: u64,
    /// Events of the pipeline's subjects that were not read yet, where the broker has told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
    /// Events that the stream dropped before they were processed, since this engine took the pipeline up.
    pub lost: u64,
    /// The same of events that may have been the pipeline's: the stream holds other subjects too.
    pub possibly_lost: u64,
    /// Events whose subject names no partition of the pipeline. No engine reads them.
    pub unassigned: u64,
    /// What was lost last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_loss: Option<Loss>,
    /// Its clock in event time, as this engine has read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockStatus>,
}

/// A partition.
#[derive(Debug, Default)]
pub struct PartitionStatus {
    trouble: Mutex<Option<String>>,
    stores_nothing: AtomicBool,
    revision: AtomicU64,
    /// Revision of the candidate beside it; 0 for none.
    candidate: AtomicU64,
    queued: AtomicU64,
    memory_bytes: Mutex<Vec<(Name, u64)>>,
    limited: Mutex<Option<ThrottledStatus>>,
    state_bytes: AtomicU64,
    vector_bytes: AtomicU64,
    state_full: AtomicBool,
    vectors_full: AtomicBool,
}

/// Events are held back, or shed, for want of room under a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ThrottledStatus {
    /// Since when, milliseconds since the epoch.
    pub since_ms: u64,
    /// Which limit it was last.
    pub by: By,
}

impl PipelineStatus {
    /// Of this life of the pipeline.
    pub fn of(life: Life) -> Self {
        Self {
            life,
            ..Self::default()
        }
    }
}

impl PartitionStatus {
    /// Something keeps it from going on.
    pub fn trouble(&self, reason: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// The broker has left a commit without an answer, or has no room for it.
    pub fn broker_stores_nothing(&self, reason: String) {
        self.stores_nothing.store(true, Ordering::Release);
        self.trouble(reason);
    }

    /// It has taken this revision up, and this candidate's, 0 for none.
    pub fn adopted(&self, (revision, candidate): (u64, u64)) {
        self.candidate.store(candidate, Ordering::Release);
        self.revision.store(revision, Ordering::Release);
    }

    /// After a turn: what waits in its queue, and the memory of its plugins, by step.
    pub fn holds(&self, queued: usize, memory_bytes: Vec<(Name, u64)>) {
        self.queued.store(queued as u64, Ordering::Relaxed);
        *self.memory_bytes.lock().unwrap_or_else(PoisonError::into_inner) = memory_bytes;
    }

    /// After a turn: the limit by which events were held back or shed, if they were.
    pub fn limited(&self, by: Option<By>, now_ms: u64) {
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        let since_ms = limited.map_or(now_ms, |limited| limited.since_ms);
        *limited = by.map(|by| ThrottledStatus { since_ms, by });
    }

    /// Its state store has this size.
    pub fn weighs(&self, weight: StoredSize) {
        self.state_bytes.store(weight.state_bytes, Ordering::Relaxed);
        self.vector_bytes.store(weight.vector_bytes, Ordering::Relaxed);
    }

    fn weight(&self) -> StoredSize {
        StoredSize {
            state_bytes: self.state_bytes.load(Ordering::Relaxed),
            vector_bytes: self.vector_bytes.load(Ordering::Relaxed),
        }
    }

    /// What its tenant has too much of.
    pub fn full(&self) -> Full {
        Full {
            state: self.state_full.load(Ordering::Relaxed),
            vectors: self.vectors_full.load(Ordering::Relaxed),
        }
    }

    /// It goes on.
    pub fn trouble_over(&self) {
        self.stores_nothing.store(false, Ordering::Release);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A consistent copy of all of it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StatusReport {
    /// What it is doing.
    #[serde(flatten)]
    pub state: State,
    /// Revision that runs.
    pub revision: u64,
    /// The input.
    pub input: InputStatus,
    /// The tables, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<Name, TableStatus>,
    /// Each partition.
    pub partitions: Vec<PartitionReport>,
    /// Counters since this engine took it up.
    pub stats: StatsReport,
    /// What somebody should look at, though it goes on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Linear memory of its plugins on this engine, by step.
    pub memory_bytes: BTreeMap<Name, u64>,
    /// The limit that holds events back, or sheds them, in the partition where that began first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited: Option<ThrottledStatus>,
    /// The last reconciliation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// How often they did not.
    pub imbalances: u64,
}

impl StatusReport {
    /// Events that the pipeline has still to do on this engine: those that were not read yet, and those that wait in
    /// its partitions. None where the broker has not told.
    pub fn lag(&self) -> Option<u64> {
        let queued: u64 = self.partitions.iter().map(|partition| partition.queued).sum();
        Some(self.input.pending? + queued)
    }
}

/// A partition, for people.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PartitionReport {
    /// Its number.
    pub partition: u32,
    /// The engine that it belongs to, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<EngineId>,
    /// Number of its last commit.
    pub commit: u64,
    /// Last committed sequence of the input.
    pub position: u64,
    /// Last sequence of the input up to which nothing is left to do.
    pub seen: u64,
    /// Events that wait in it, where it runs here.
    pub queued: u64,
    /// What keeps it from going on, if something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl PipelineStatus {
    /// It is doing something else now.
    pub fn enter(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Whether engines share its partitions.
    pub fn is_shared(&self) -> bool {
        !self.whole.load(Ordering::Acquire)
    }

    /// Whether engines share its partitions is known.
    pub fn set_shared(&self, shared: bool) {
        self.whole.store(!shared, Ordering::Release);
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let trouble = self.input_watch.current_trouble();
        match (state, trouble.or_else(|| self.tables.current_trouble())) {
            (State::Running, Some(reason)) => State::Degraded { reason },
            (state, _) => state,
        }
    }

    /// What the intake has come to, and what the input is like.
    fn input(&self) -> InputStatus {
        let input = self.input.lock().unwrap_or_else(PoisonError::into_inner).clone();
        InputStatus {
            pending: self.input_watch.pending(),
            lost: self.input_watch.lost(),
            possibly_lost: self.input_watch.possibly_lost(),
            unassigned: self.input_watch.unassigned(),
            last_loss: self.input_watch.last_loss(),
            clock: self.input_watch.clock(),
            ..input
        }
    }

    /// Its partitions are these from now on.
    pub fn set_partitions(&self, partitions: BTreeMap<u32, (Arc<Progress>, Arc<PartitionStatus>)>) {
        *self.partitions.lock().unwrap_or_else(PoisonError::into_inner) = partitions;
    }

    /// Whether the broker has left a commit without an answer or had no room for it, and none has been
    /// stored since. One that waits for somebody's action has none to store.
    pub fn broker_stores_nothing(&self) -> bool {
        if matches!(self.state(), State::Parked { .. } | State::Paused { .. }) {
            return false;
        }
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions
            .values()
            .any(|(_, status)| status.stores_nothing.load(Ordering::Acquire))
    }

    /// The committed position of the partition here that is furthest behind.
    pub fn least_position(&self) -> u64 {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let positions = partitions.values().map(|(progress, _)| progress.position());
        positions.min().unwrap_or(0)
    }

    /// Numbers of the partitions that run here.
    pub fn partitions(&self) -> Vec<u32> {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions.keys().copied().collect()
    }

    /// How much the partitions here hold.
    pub fn weight(&self) -> StoredSize {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut whole = StoredSize::default();
        for (_, status) in partitions.values() {
            whole += status.weight();
        }
        whole
    }

    /// The tenant has too much, or no longer.
    pub fn set_full(&self, full: Full) {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, status) in partitions.values() {
            status.state_full.store(full.state, Ordering::Relaxed);
            status.vectors_full.store(full.vectors, Ordering::Relaxed);
        }
    }

    /// The revision that all partitions have taken up; 0 while there are none.
    pub fn revision(&self) -> u64 {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let revisions = partitions
            .values()
            .map(|(_, status)| status.revision.load(Ordering::Acquire));
        revisions.min().unwrap_or(0)
    }

    /// Whether all partitions have taken this revision up, with this candidate beside it, 0 for none.
    pub fn runs(&self, revision: u64, candidate: u64) -> bool {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        !partitions.is_empty()
            && partitions.values().all(|(_, status)| {
                status.revision.load(Ordering::Acquire) == revision
                    && status.candidate.load(Ordering::Acquire) == candidate
            })
    }

    /// What the intake has come to.
    pub fn set_input(&self, input: InputStatus) {
        *self.input.lock().unwrap_or_else(PoisonError::into_inner) = input;
    }

    /// The event-time clock of a partition, where it runs here.
    pub fn watermark_ms(&self, partition: u32) -> Option<u64> {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions
            .get(&partition)
            .map(|(progress, _)| progress.watermark_ms())
    }

    /// The same, with whose clock it is: while that stays, it only moves forward.
    pub fn clock(&self, partition: u32) -> Option<(Weak<Progress>, u64)> {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        partitions
            .get(&partition)
            .map(|(progress, _)| (Arc::downgrade(progress), progress.watermark_ms()))
    }

    /// A copy.
    pub fn report(&self) -> StatusReport {
        let revision = self.revision();
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let report = |(partition, (progress, status)): (&u32, &(Arc<Progress>, Arc<PartitionStatus>))| {
            PartitionReport {
                partition: *partition,
                owner: None,
                commit: progress.commit(),
                position: progress.position(),
                seen: progress.seen(),
                queued: status.queued.load(Ordering::Relaxed),
                trouble: status
                    .trouble
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone(),
            }
        };
        let mut memory_bytes = BTreeMap::new();
        for (_, status) in partitions.values() {
            for (step, bytes) in &*status.memory_bytes.lock().unwrap_or_else(PoisonError::into_inner) {
                *memory_bytes.entry(step.clone()).or_default() += bytes;
            }
        }
        let limits = partitions
            .values()
            .filter_map(|(_, status)| *status.limited.lock().unwrap_or_else(PoisonError::into_inner));
        let limited = limits.min_by_key(|limited| limited.since_ms);
        let stats = self.stats.report();
        StatusReport {
            warnings: [stats.times.warnings(), self.input_watch.warnings()].concat(),
            limited,
            state: self.state(),
            revision,
            input: self.input(),
            tables: self.tables.report(),
            partitions: partitions.iter().map(report).collect(),
            balance: self.reconciler.last(),
            imbalances: self.reconciler.imbalances(),
            stats,
            memory_bytes,
        }
    }
}
