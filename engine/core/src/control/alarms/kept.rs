//! The alarms of one pipeline, or of this engine, while they are kept here: looked at, written down, sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tailrace_sketch::{Answer as SketchAnswer, Query};
use tokio::sync::{Semaphore, mpsc};

use super::{
    super::{
        Control, Outcome,
        local::{Answer, What},
        sketches::{Point, SketchAsk},
    },
    Tried, board,
};
use crate::{
    alarm::{
        Aspect, Quantity,
        memory::{Alarm, Memory, Owner},
        notice::Target,
        numbers::{ENGINE, EngineNumbers, Numbers, PIPELINE, Window},
    },
    identity::PipelineId,
    membership::EngineId,
    name::Name,
    pipeline::status::State,
    ports::registry::WriteError,
    series::Groups,
    spec::alarms::alarms,
    tasks,
};

/// Notices of one pipeline under way.
pub(super) const SENDING_AT_ONCE: usize = 4;

/// Whose alarms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Pipeline(PipelineId),
    Engine(EngineId),
}

impl Subject {
    /// Its key in the bucket.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Pipeline(id) => format!("pipeline.{}.{}", id.tenant, id.pipeline),
            Self::Engine(engine) => format!("engine.{engine}"),
        }
    }

    pub(super) fn of_key(key: &str) -> Option<Self> {
        let mut tokens = key.split('.');
        let kind = tokens.next()?;
        let mut name = || Name::new(tokens.next()?).ok();
        match kind {
            "pipeline" => Some(Self::Pipeline(PipelineId {
                tenant: name()?,
                pipeline: name()?,
            })),
            "engine" => Some(Self::Engine(name()?)),
            _ => None,
        }
    }

    fn owner(&self) -> Owner {
        match self {
            Self::Pipeline(id) => Owner {
                tenant: Some(id.tenant.clone()),
                pipeline: Some(id.pipeline.clone()),
                engine: None,
            },
            Self::Engine(engine) => Owner {
                engine: Some(engine.clone()),
                ..Owner::default()
            },
        }
    }
}

/// What is kept of them.
#[derive(Default)]
pub(super) struct Kept {
    /// As they are declared now.
    pub(super) declared: Vec<Alarm>,
    memory: Memory,
    /// Revision of what is written; none until it was read.
    written: Option<u64>,
    /// Whether there is something to write.
    unsaved: bool,
    pipeline: Window<Numbers>,
    engine: Window<EngineNumbers>,
    sending: BTreeSet<(String, Target)>,
}

impl Kept {
    /// Whether nothing is left to do for what is no longer declared.
    pub(super) fn is_over(&self) -> bool {
        self.declared.is_empty() && self.written.is_some() && self.memory.is_empty() && !self.unsaved
    }

    /// Whether the bucket holds anything of them.
    pub(super) fn is_written(&self) -> bool {
        self.written.is_some_and(|revision| revision > 0)
    }

    /// Reads what was written, looks at the numbers, decides, writes.
    pub(super) async fn look(&mut self, control: &Control, subject: &Subject) {
        if self.written.is_none() && !self.load(control, subject).await {
            return;
        }
        let values = match self.values(control, subject).await {
            Ok(values) => values,
            Err(cause) => {
                tracing::debug!(key = subject.key(), %cause, "a look at alarms is left out");
                return;
            }
        };
        let now_ms = control.now_ms();
        let changed = self
            .memory
            .see(&subject.owner(), &self.declared, now_ms, |alarm| {
                values.get(&alarm.name).copied().flatten()
            });
        self.unsaved |= changed;
        control.alarms.show(subject, &self.memory);
        self.save(control, subject).await;
    }

    async fn load(&mut self, control: &Control, subject: &Subject) -> bool {
        let Ok(entry) = control.world.alarms.get(&subject.key()).await else {
            return false;
        };
        let revision = entry.as_ref().map_or(0, |entry| entry.revision);
        let value = entry.and_then(|entry| entry.value);
        self.memory = value.map_or_else(Memory::default, |value| {
            serde_json::from_slice(&value).unwrap_or_else(|cause| {
                tracing::error!(key = subject.key(), %cause, "what alarms remember cannot be read; they begin anew");
                Memory::default()
            })
        });
        self.written = Some(revision);
        self.unsaved = false;
        true
    }

    /// Writes what is remembered, where it has changed.
    pub(super) async fn save(&mut self, control: &Control, subject: &Subject) {
        let Some(expected) = self.written.filter(|_| self.unsaved) else {
            return;
        };
        let bytes = Bytes::from(serde_json::to_vec(&self.memory).unwrap_or_default());
        match control.world.alarms.put(&subject.key(), bytes, expected).await {
            Ok(revision) => {
                self.written = Some(revision);
                self.unsaved = false;
            }
            // Another engine has them now, or had: what it wrote counts.
            Err(WriteError::Conflict(_)) => self.written = None,
            // What is not written is sent all the same, for silence is worse than a repetition.
            Err(WriteError::Broker(cause)) => {
                tracing::debug!(key = subject.key(), %cause, "what alarms remember is not written yet");
            }
        }
    }

    /// The value of each alarm.
    async fn values(&mut self, control: &Control, subject: &Subject) -> Outcome<BTreeMap<Name, Option<f64>>> {
        let mut values = BTreeMap::new();
        if self.declared.is_empty() {
            return Ok(values);
        }
        let now = control.world.clock.monotonic();
        match subject {
            Subject::Pipeline(id) => {
                let numbers = control.pipeline_numbers(id).await?;
                self.pipeline.look(now, numbers, |numbers| numbers.events);
            }
            Subject::Engine(_) => {
                let numbers = control.engine_numbers();
                self.engine.look(now, numbers, |numbers| numbers.all.events);
            }
        }
        for alarm in &self.declared {
            let value = match (&alarm.rule.quantity, subject) {
                (Quantity::Metric(name), Subject::Pipeline(_)) => self.pipeline.value(PIPELINE, name),
                (Quantity::Metric(name), Subject::Engine(_)) => self.engine.value(ENGINE, name),
                (Quantity::Sketch { name, aspect, over }, Subject::Pipeline(id)) => {
                    control.sketch_value(id, name, aspect, *over).await?
                }
                (Quantity::Sketch { .. }, Subject::Engine(_)) => None,
            };
            values.insert(alarm.name.clone(), value);
        }
        Ok(values)
    }

    /// Begins to send what is due, as far as there are places.
    pub(super) fn send(
        &mut self,
        control: &Control,
        subject: &Subject,
        places: &Arc<Semaphore>,
        tell: &mpsc::Sender<Tried>,
    ) {
        if self.written.is_none() {
            return;
        }
        let due: Vec<_> = self.memory.due(control.now_ms()).cloned().collect();
        for unsent in due {
            let (id, target) = (unsent.notice.id.clone(), unsent.target);
            let is_new = !self.sending.contains(&(id.clone(), target.clone()));
            if !is_new || self.sending.len() >= SENDING_AT_ONCE {
                continue;
            }
            let Ok(place) = places.clone().try_acquire_owned() else {
                return;
            };
            self.sending.insert((id.clone(), target.clone()));
            let body = Bytes::from(serde_json::to_vec(&unsent.notice).unwrap_or_default());
            let (notices, tell, of) = (control.world.notices.clone(), tell.clone(), subject.clone());
            let account = control.account_told(subject);
            tasks::spawn(async move {
                let arrived = notices.send(account.as_ref(), &target, body).await;
                let tried = Tried {
                    of,
                    id,
                    target,
                    arrived,
                };
                // Who has ended reads again what is written.
                let _ = tell.send(tried).await;
                drop(place);
            });
        }
    }

    /// A try is over; gives whether the notice was given up.
    pub(super) fn tried(&mut self, id: &str, target: &Target, arrived: bool, now_ms: u64) -> bool {
        self.sending.remove(&(id.to_owned(), target.clone()));
        self.unsaved = true;
        self.memory.tried(id, target, arrived, now_ms)
    }
}

impl Control {
    /// The account that the subjects of its notices lie in.
    fn account_told(&self, subject: &Subject) -> Option<Name> {
        match subject {
            Subject::Pipeline(id) => self.account_of(&id.tenant),
            Subject::Engine(_) => None,
        }
    }

    /// What a pipeline shows on all its engines.
    async fn pipeline_numbers(&self, id: &PipelineId) -> Outcome<Numbers> {
        let mut all = Numbers::default();
        for answer in self.ask(id, What::Numbers).await? {
            if let Answer::Numbers(numbers) = answer {
                all.merge(&numbers);
            }
        }
        let stream = self.pipeline(id)?.active.spec.input.stream.clone();
        if let Some(seen) = all.seen {
            let world = self.world_of(&id.tenant).await?;
            let facts = world.streams.stream(stream.as_deref().unwrap_or_default()).await;
            all.lag = facts.ok().map(|facts| facts.last_sequence.saturating_sub(seen));
        }
        Ok(all)
    }

    /// What a pipeline shows on this engine.
    pub(in crate::control) fn numbers_here(&self, id: &PipelineId) -> Numbers {
        let Some(status) = self.overview.pipeline(id) else {
            return Numbers::default();
        };
        let state_bytes = self.world.store.size_bytes(&id.tenant).unwrap_or(0);
        Numbers::of(&status.report(), state_bytes)
    }

    fn engine_numbers(&self) -> EngineNumbers {
        let mut numbers = EngineNumbers {
            broker_connected: self.world.streams.is_connected(),
            watchers: self.overview.places().taken() as u64,
            ..EngineNumbers::default()
        };
        let spans = self.world.tracer.counts();
        numbers.spans_lost = spans.dropped + spans.failed;
        let mut tenants = BTreeSet::new();
        for (id, status) in self.overview.all() {
            let report = status.report();
            numbers.pipelines += 1;
            let in_trouble = matches!(report.state, State::Waiting { .. } | State::Parked { .. });
            numbers.pipelines_in_trouble += u64::from(in_trouble);
            numbers.all.merge(&Numbers::of(&report, 0));
            tenants.insert(id.tenant);
        }
        let sizes = tenants
            .iter()
            .map(|tenant| self.world.store.size_bytes(tenant).unwrap_or(0));
        numbers.all.state_bytes = sizes.sum();
        numbers
    }

    async fn sketch_value(
        &self,
        id: &PipelineId,
        name: &str,
        aspect: &Aspect,
        over: Option<Duration>,
    ) -> Outcome<Option<f64>> {
        let mut query = Query::default();
        match aspect {
            Aspect::Quantile(share) => query.quantiles = vec![*share],
            Aspect::Top(item) => query.item = Some(item.clone()),
            _ => {}
        }
        let ask = SketchAsk {
            query,
            from: over.map(Point::Ago),
            // False dates may lie ahead of the clock, and are not of the last minutes.
            to: over.map(|_| Point::Clock),
            groups: Groups::Together,
        };
        let report = self.sketch_view(id, name, &ask).await?.report;
        if *aspect == Aspect::Count {
            return Ok(Some(report.count as f64));
        }
        Ok(match (aspect, report.answer) {
            (Aspect::Quantile(_), SketchAnswer::Quantiles { quantiles, .. }) => {
                quantiles.first().and_then(|(_, value)| *value)
            }
            (Aspect::Min, SketchAnswer::Quantiles { min, .. }) => min,
            (Aspect::Max, SketchAnswer::Quantiles { max, .. }) => max,
            (Aspect::Sum, SketchAnswer::Quantiles { sum, .. }) => sum,
            (Aspect::Distinct, SketchAnswer::Distinct { distinct }) => Some(distinct),
            (Aspect::Top(_), SketchAnswer::Top { asked, .. }) => asked.map(|count| count as f64),
            _ => None,
        })
    }

    /// The alarms of a pipeline. Where another engine keeps them, what it wrote of them last: those that
    /// fired or resolved.
    pub(in crate::control) async fn alarms_of(&self, id: &PipelineId) -> Outcome<Vec<super::AlarmReport>> {
        if alarms(&self.pipeline(id)?.active.spec).is_empty() {
            return Ok(Vec::new());
        }
        let subject = Subject::Pipeline(id.clone());
        if let Some(reports) = self.alarms.of(&subject) {
            return Ok(reports);
        }
        let entry = self.world.alarms.get(&subject.key()).await?;
        let value = entry.and_then(|entry| entry.value);
        let memory = value.and_then(|value| serde_json::from_slice::<Memory>(&value).ok());
        Ok(board::reports(&memory.unwrap_or_default()))
    }
}
