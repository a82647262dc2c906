//! What a tenant watches while a pipeline runs: its tap and the lines of its plugins. A view shows the
//! partitions of this engine; which these are is said first.

use std::sync::Arc;

use serde::Serialize;
use tailrace_core::{
    identity::{EngineId, PipelineId},
    life::Life,
    observe::{
        live::LiveStream,
        logs::{Following, Line},
        status::PipelineStatus,
        tap::{Sample, Wish},
        watch_permits::WatchPermit,
    },
    registry::PipelinePhase,
};

use crate::{
    error::{ControlError, ControlResult},
    query::Queries,
};

/// What a view shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Watching")]
pub struct Shown {
    /// The engine that answers, where the engines are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineId>,
    /// Partitions that run on it now.
    pub partitions: Vec<u32>,
    /// Partitions of the pipeline.
    pub of: u32,
}

/// A stream that somebody watches; it holds a permit until it is dropped.
pub struct Watching<W> {
    /// What it shows.
    pub shown: Shown,
    /// The stream.
    pub stream: W,
    _place: WatchPermit,
}

/// The last lines of a pipeline's plugins.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct LastLines {
    /// Whose lines these are.
    #[serde(flatten)]
    pub shown: Shown,
    /// Oldest first.
    pub lines: Vec<Arc<Line>>,
}

impl Queries {
    /// Samples of a pipeline's calls, from now on.
    pub fn tap(&self, id: &PipelineId, wish: Wish) -> ControlResult<Watching<LiveStream<Sample, Wish>>> {
        let (status, shown) = self.shown(id)?;
        if let Some(step) = &wish.step {
            self.check_step(id, step.as_str())?;
        }
        Ok(Watching {
            shown,
            _place: self.context.overview.places().take(id)?,
            stream: status.views.tap.watch(wish),
        })
    }

    /// The last lines of a pipeline's plugins, at most so many.
    pub fn last_lines(&self, id: &PipelineId, most: usize) -> ControlResult<LastLines> {
        let (status, shown) = self.shown(id)?;
        Ok(LastLines {
            shown,
            lines: status.views.logs.last(most),
        })
    }

    /// The last lines, and those to come.
    pub fn follow_lines(
        &self,
        id: &PipelineId,
        most: usize,
    ) -> ControlResult<(Vec<Arc<Line>>, Watching<Following>)> {
        let (status, shown) = self.shown(id)?;
        let place = self.context.overview.places().take(id)?;
        let (last, stream) = status.views.logs.follow(most);
        let watching = Watching {
            shown,
            _place: place,
            stream,
        };
        Ok((last, watching))
    }

    /// Why a stream of this life of a pipeline ends that its watcher has not ended.
    pub fn why_ended(&self, id: &PipelineId, life: Life) -> String {
        let name = &id.pipeline;
        match self.context.pipeline(id) {
            Ok(known) if known.life == life && known.phase != PipelinePhase::Deleting => {
                format!("this engine does not run pipeline {name} any more; ask again")
            }
            Ok(known) if known.life != life => {
                format!("pipeline {name} was deleted, and made anew; ask again")
            }
            Ok(_) | Err(ControlError::NotFound { .. }) => format!("pipeline {name} was deleted"),
            Err(cause) => cause.to_string(),
        }
    }

    fn shown(&self, id: &PipelineId) -> ControlResult<(Arc<PipelineStatus>, Shown)> {
        let pipeline = self.context.pipeline(id)?;
        let not_yet = || {
            let name = &id.pipeline;
            ControlError::Conflict(format!(
                "this engine has not taken up pipeline {name} yet; try again in a moment"
            ))
        };
        let status = self.context.overview.pipeline(id).ok_or_else(not_yet)?;
        let membership = self.context.cluster.members.borrow().clone();
        let shown = Shown {
            engine: membership.map(|membership| membership.me.clone()),
            partitions: status.partitions(),
            of: pipeline.active.manifest.partitions,
        };
        Ok((status, shown))
    }
}
