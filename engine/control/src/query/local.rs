//! Queries of the state stores on this machine, asked by the API for the partitions that are this engine's,
//! and by other engines for the same.

use serde::{Deserialize, Serialize};
use tailrace_core::{
    alarm::numbers::Numbers,
    delta::StateValue,
    identity::{PartitionId, PipelineId},
    life::Life,
    ports::store::{Entries, PartitionStore, StoreError},
    series::{Group, Held, RangeQuery},
};
use tailrace_sketch::Sketch;

use crate::{error::ControlResult, query::Queries};

/// Most entries that are looked at for one page of those that still exist.
const MOST_LOOKED_AT: usize = 100_000;
/// Fewest entries that are read at a time, after the first ones had ended.
const LEAST_PAGE: usize = 100;

/// A question about some partitions of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) pipeline: PipelineId,
    pub(crate) partitions: Vec<u32>,
    pub(crate) what: What,
    /// Which life of the pipeline is meant: another one's state is no answer.
    pub(crate) life: Life,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum What {
    /// A state entry.
    State { step: String, key: String },
    /// State entries in the order of their keys.
    Scan {
        step: String,
        prefix: String,
        after: Option<String>,
        limit: usize,
    },
    /// A vector.
    Vector { collection: String, id: String },
    /// A sketch that is not windowed or grouped.
    Sketch { name: String },
    /// What the pipeline shows on the engine, whichever partitions are asked for.
    Numbers,
    /// Parts of a windowed or grouped sketch.
    RangeQuery { name: String, slice: RangeQuery },
    /// Which windows a windowed sketch has.
    Windows { name: String },
    /// Vectors of a collection in the order of their ids.
    Vectors {
        collection: String,
        after: Option<String>,
        limit: usize,
    },
}

/// A state entry as it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) partition: u32,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) expires_ms: Option<u64>,
}

/// What the partitions hold; in their order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Entries(Vec<Found>),
    Vectors(Vec<(u32, Vec<f32>)>),
    Sketches(Vec<Sketch>),
    Groups(Vec<(Option<Group>, Sketch)>),
    Windows(Vec<Held>),
    /// It cannot be answered, for this reason.
    Failed(String),
    Numbers(Box<Numbers>),
    /// Each with its partition and its id.
    VectorPage(Vec<(u32, String, Vec<f32>)>),
}

impl Queries {
    /// Answers from the state stores on this machine; on the merge pool, where many windows may have to be
    /// merged.
    pub(crate) async fn answer_local(&self, question: Question) -> ControlResult<Answer> {
        if !matches!(question.what, What::RangeQuery { .. }) {
            return self.answer_here(&question);
        }
        let queries = self.clone();
        self.merges.run(move || queries.answer_here(&question)).await?
    }

    /// Answers from the state stores on this machine; a partition that never ran here holds nothing.
    pub(crate) fn answer_here(&self, question: &Question) -> ControlResult<Answer> {
        let mut answer = match question.what {
            What::State { .. } | What::Scan { .. } => Answer::Entries(Vec::new()),
            What::Vector { .. } => Answer::Vectors(Vec::new()),
            What::Sketch { .. } => Answer::Sketches(Vec::new()),
            What::Numbers => return Ok(Answer::Numbers(Box::new(self.numbers_here(&question.pipeline)))),
            What::RangeQuery { .. } => Answer::Groups(Vec::new()),
            What::Windows { .. } => Answer::Windows(Vec::new()),
            What::Vectors { .. } => Answer::VectorPage(Vec::new()),
        };
        for partition in &question.partitions {
            self.add(question, *partition, &mut answer)?;
        }
        Ok(answer)
    }

    fn add(&self, question: &Question, partition: u32, answer: &mut Answer) -> Result<(), StoreError> {
        let id = &question.pipeline;
        let place = PartitionId {
            pipeline: id.clone(),
            life: question.life,
            partition,
        };
        let Some(state_store) = self.context.world.store.existing(&place)? else {
            return Ok(());
        };
        match (&question.what, answer) {
            (What::State { step, key }, Answer::Entries(found)) => {
                let value = state_store.get(step, key)?;
                let live = value.filter(|value| self.is_live(id, partition, value));
                found.extend(live.map(|value| entry(partition, key.clone(), value)));
            }
            (
                What::Scan {
                    step,
                    prefix,
                    after,
                    limit,
                },
                Answer::Entries(found),
            ) => {
                let is_live = |value: &StateValue| self.is_live(id, partition, value);
                let live = live_entries(&*state_store, (step, prefix), after.clone(), *limit, is_live)?;
                found.extend(live.into_iter().map(|(key, value)| entry(partition, key, value)));
            }
            (What::Vector { collection, id }, Answer::Vectors(found)) => {
                found.extend(
                    state_store
                        .vector(collection, id)?
                        .map(|vector| (partition, vector)),
                );
            }
            (What::Sketch { name }, Answer::Sketches(found)) => found.extend(state_store.sketch(name)?),
            (What::RangeQuery { name, slice }, Answer::Groups(found)) => {
                found.extend(state_store.sketch_range(name, slice)?);
            }
            (What::Windows { name }, Answer::Windows(found)) => {
                let held = state_store.sketch_windows(name)?;
                found.extend(held.map(|held| self.on_the_clock(id, partition, held)));
            }
            (
                What::Vectors {
                    collection,
                    after,
                    limit,
                },
                Answer::VectorPage(found),
            ) => {
                let page = state_store.vectors(collection, after.as_deref(), *limit)?;
                found.extend(page.into_iter().map(|(id, vector)| (partition, id, vector)));
            }
            _ => {}
        }
        Ok(())
    }

    /// The windows with the clock of this moment, where the partition runs here: commits tell it only when
    /// a window ends by it.
    fn on_the_clock(&self, id: &PipelineId, partition: u32, held: Held) -> Held {
        let status = self.context.overview.pipeline(id);
        let clock_ms = status.and_then(|status| status.watermark_ms(partition));
        Held {
            clock_ms: clock_ms.unwrap_or(0).max(held.clock_ms),
            ..held
        }
    }

    /// Whether an entry still exists on the event-time clock of its partition.
    fn is_live(&self, id: &PipelineId, partition: u32, value: &StateValue) -> bool {
        let status = self.context.overview.pipeline(id);
        let watermark_ms = status.and_then(|status| status.watermark_ms(partition));
        watermark_ms.is_none_or(|now_ms| value.is_live(now_ms))
    }
}

/// Entries that still exist: as many as are asked for, if there are as many. So fewer of them are the last ones, unless
/// more have ended in between than are looked at.
fn live_entries(
    state_store: &dyn PartitionStore,
    (step, prefix): (&str, &str),
    mut after: Option<String>,
    limit: usize,
    is_live: impl Fn(&StateValue) -> bool,
) -> Result<Entries, StoreError> {
    let mut live = Entries::new();
    let mut looked_at = 0;
    while live.len() < limit && looked_at < MOST_LOOKED_AT {
        let page = (limit - live.len()).max(if looked_at == 0 { 1 } else { LEAST_PAGE });
        let entries = state_store.scan(step, prefix, after.as_deref(), page)?;
        let is_last = entries.len() < page;
        looked_at += entries.len();
        after = entries.last().map(|(key, _)| key.clone());
        live.extend(entries.into_iter().filter(|(_, value)| is_live(value)));
        if is_last {
            break;
        }
    }
    live.truncate(limit);
    Ok(live)
}

fn entry(partition: u32, key: String, value: StateValue) -> Found {
    Found {
        partition,
        key,
        value: value.value,
        expires_ms: value.expires_ms,
    }
}
