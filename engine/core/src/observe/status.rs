//! What a pipeline and its partitions are doing right now, for people and probes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
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
        views::Views,
    },
    ports::store::{Full, StoredSize},
};

pub use super::partition_status::{PartitionStatus, ThrottledStatus};

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
    /// Why the broker does not answer, while it does not.
    away: Mutex<Option<String>>,
    /// What is wrong with the stream of its own.
    own_trouble: Mutex<Option<String>>,
    /// Which of its records are gone.
    records_trouble: Mutex<Option<String>>,
    /// Whether it is parked because of records that are gone or damaged.
    lacks_records: AtomicBool,
    /// Whether it waits for room on the disk of the data folder.
    lacks_disk: AtomicBool,
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

impl PipelineStatus {
    /// Of this life of the pipeline.
    pub fn of(life: Life) -> Self {
        Self {
            life,
            ..Self::default()
        }
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
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (State::Running, Some(reason)) = (&state, away) {
            // Whatever else is wrong comes of that.
            return State::Waiting { reason };
        }
        let trouble = self.commit_trouble();
        let trouble = trouble.or_else(|| self.input_watch.current_trouble());
        match (state, trouble.or_else(|| self.tables.current_trouble())) {
            (State::Running, Some(reason)) => State::Degraded { reason },
            (state, _) => state,
        }
    }

    /// What keeps commits from being stored: what the broker says, and what is wrong with the stream.
    fn commit_trouble(&self) -> Option<String> {
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lasting = partitions
            .iter()
            .filter(|(_, (_, status))| status.lasts.load(Ordering::Acquire));
        let told = |(number, (_, status)): (&u32, &(Arc<Progress>, Arc<PartitionStatus>))| {
            Some(format!("partition {number}: {}", status.current_trouble()?))
        };
        let of_a_partition = lasting.find_map(told);
        drop(partitions);
        let own = [&self.own_trouble, &self.records_trouble];
        let own = own.map(|trouble| trouble.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let told: Vec<String> = of_a_partition
            .into_iter()
            .chain(own.into_iter().flatten())
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Why the broker does not answer, or that it does.
    pub fn set_away(&self, why: Option<String>) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// What is wrong with the stream of its own, or that nothing is.
    pub fn set_own_trouble(&self, trouble: Option<String>) {
        *self.own_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Which of its records are gone, or that none is.
    pub fn set_records_trouble(&self, trouble: Option<String>) {
        *self
            .records_trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Whether it is parked because records that it needs are gone or damaged.
    pub fn lacks_records(&self) -> bool {
        self.lacks_records.load(Ordering::Acquire)
    }

    /// Whether that is so from now on.
    pub fn set_lacks_records(&self, lacks: bool) {
        self.lacks_records.store(lacks, Ordering::Release);
    }

    /// Whether it waits for room on the disk of the data folder.
    pub fn lacks_disk(&self) -> bool {
        self.lacks_disk.load(Ordering::Acquire)
            && matches!(self.state(), State::Waiting { .. } | State::Starting)
    }

    /// Whether that is so from now on.
    pub fn set_lacks_disk(&self, lacks: bool) {
        self.lacks_disk.store(lacks, Ordering::Release);
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
        let (revision, state) = (self.revision(), self.state());
        let partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        let report = |(partition, (progress, status)): (&u32, &(Arc<Progress>, Arc<PartitionStatus>))| {
            PartitionReport {
                partition: *partition,
                owner: None,
                commit: progress.commit(),
                position: progress.position(),
                seen: progress.seen(),
                queued: status.queued.load(Ordering::Relaxed),
                trouble: status.current_trouble(),
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
            state,
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
