//! The alarms of one pipeline, or of this engine, while they are kept here: looked at, written down, sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use tailrace_core::{
    alarm::{
        Quantity,
        memory::{Alarm, Memory},
        notice::Target,
        numbers::{EngineNumbers, Numbers, NumbersWindow},
        tables::{ENGINE, PIPELINE},
    },
    name::Name,
    ports::registry::WriteError,
    tasks,
};
use tokio::sync::{Semaphore, mpsc};

use crate::{
    alarms::{subject::Subject, tried::Tried},
    error::ControlResult,
    query::Queries,
};

/// Notices of one pipeline under way.
pub(crate) const SENDING_AT_ONCE: usize = 4;

/// What is kept of them.
#[derive(Default)]
pub(crate) struct Kept {
    /// As they are declared now.
    pub(crate) declared: Vec<Alarm>,
    memory: Memory,
    /// Revision of what is written; none until it was read.
    written: Option<u64>,
    /// Whether there is something to write.
    unsaved: bool,
    pipeline: NumbersWindow<Numbers>,
    engine: NumbersWindow<EngineNumbers>,
    sending: BTreeSet<(String, Target)>,
}

impl Kept {
    /// Whether nothing is left to do for what is no longer declared.
    pub(crate) fn is_over(&self) -> bool {
        self.declared.is_empty() && self.written.is_some() && self.memory.is_empty() && !self.unsaved
    }

    /// Whether the bucket holds anything of them.
    pub(crate) fn is_written(&self) -> bool {
        self.written.is_some_and(|revision| revision > 0)
    }

    /// Reads what was written, looks at the numbers, decides, writes.
    pub(crate) async fn look(&mut self, queries: &Queries, subject: &Subject) {
        if self.written.is_none() && !self.load(queries, subject).await {
            return;
        }
        let values = match self.values(queries, subject).await {
            Ok(values) => values,
            Err(cause) => {
                tracing::debug!(key = subject.key(), %cause, "a look at alarms is left out");
                return;
            }
        };
        let now_ms = queries.context.now_ms();
        let changed = self
            .memory
            .see(&subject.owner(), &self.declared, now_ms, |alarm| {
                values.get(&alarm.name).copied().flatten()
            });
        self.unsaved |= changed;
        queries.reports.show(subject, &self.memory);
        self.save(queries, subject).await;
    }

    async fn load(&mut self, queries: &Queries, subject: &Subject) -> bool {
        let Ok(entry) = queries.context.world.alarms.get(&subject.key()).await else {
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
    pub(crate) async fn save(&mut self, queries: &Queries, subject: &Subject) {
        let Some(expected) = self.written.filter(|_| self.unsaved) else {
            return;
        };
        let bytes = Bytes::from(serde_json::to_vec(&self.memory).unwrap_or_default());
        match queries
            .context
            .world
            .alarms
            .put(&subject.key(), bytes, expected)
            .await
        {
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
    async fn values(
        &mut self,
        queries: &Queries,
        subject: &Subject,
    ) -> ControlResult<BTreeMap<Name, Option<f64>>> {
        let mut values = BTreeMap::new();
        if self.declared.is_empty() {
            return Ok(values);
        }
        let now = queries.context.world.clock.monotonic();
        match subject {
            Subject::Pipeline(id) => {
                let numbers = queries.pipeline_numbers(id).await?;
                self.pipeline.look(now, numbers, |numbers| numbers.events);
            }
            Subject::Engine(_) => {
                let numbers = queries.engine_numbers();
                self.engine.look(now, numbers, |numbers| numbers.all.events);
            }
        }
        for alarm in &self.declared {
            let value = match (&alarm.rule.quantity, subject) {
                (Quantity::Metric(name), Subject::Pipeline(_)) => self.pipeline.value(PIPELINE, name),
                (Quantity::Metric(name), Subject::Engine(_)) => self.engine.value(ENGINE, name),
                (Quantity::Sketch { name, aspect, over }, Subject::Pipeline(id)) => {
                    queries.sketch_value(id, name, aspect, *over).await?
                }
                (Quantity::Sketch { .. }, Subject::Engine(_)) => None,
            };
            values.insert(alarm.name.clone(), value);
        }
        Ok(values)
    }

    /// Begins to send what is due, as far as there are permits.
    pub(crate) fn send(
        &mut self,
        queries: &Queries,
        subject: &Subject,
        places: &Arc<Semaphore>,
        tell: &mpsc::Sender<Tried>,
    ) {
        if self.written.is_none() {
            return;
        }
        let due: Vec<_> = self.memory.due(queries.context.now_ms()).cloned().collect();
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
            let (notices, tell, of) = (
                queries.context.world.notices.clone(),
                tell.clone(),
                subject.clone(),
            );
            let account = account_told(queries, subject);
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
    pub(crate) fn tried(&mut self, id: &str, target: &Target, arrived: bool, now_ms: u64) -> bool {
        self.sending.remove(&(id.to_owned(), target.clone()));
        self.unsaved = true;
        self.memory.tried(id, target, arrived, now_ms)
    }
}

/// The account that the subjects of its notices lie in.
fn account_told(queries: &Queries, subject: &Subject) -> Option<Name> {
    match subject {
        Subject::Pipeline(id) => queries.context.account_of(&id.tenant),
        Subject::Engine(_) => None,
    }
}
