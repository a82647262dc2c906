//! A pipeline's candidate: which one runs, and what was found of it.

use serde::Serialize;
use tailrace_core::{
    identity::{EngineId, PipelineId},
    observe::candidate_reports::Report,
    registry::{
        Pipeline,
        candidate::{Candidate, Ended, Mode},
    },
};

use crate::{error::ControlResult, query::Queries};

/// A pipeline's candidate, for people.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CandidateReport {
    /// The active revision.
    pub active_revision: u64,
    /// The candidate, if there is one.
    #[serde(flatten)]
    pub now: CandidateView,
    /// What the engine that answers has found, in its partitions and since it took the candidate up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Report>,
    /// That engine.
    pub engine: Option<EngineId>,
}

/// Which candidate runs, and what became of the one before.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CandidateView {
    /// The one that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<CandidateLine>,
    /// The last one that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_candidate: Option<Ended>,
}

/// A candidate in a line.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CandidateLine {
    /// Its number.
    pub revision: u64,
    /// How it runs.
    #[serde(flatten)]
    pub mode: Mode,
    /// Since when, milliseconds since the epoch.
    pub began_ms: u64,
}

impl CandidateView {
    /// Of a pipeline.
    pub(crate) fn of(pipeline: &Pipeline) -> Self {
        let line = |candidate: &Candidate| CandidateLine {
            revision: candidate.revision.number,
            mode: candidate.mode,
            began_ms: candidate.began_ms,
        };
        Self {
            candidate: pipeline.candidate.as_ref().map(line),
            last_candidate: pipeline.last_candidate.clone(),
        }
    }
}

impl Queries {
    /// The candidate, and what this engine has found of it.
    pub fn candidate(&self, id: &PipelineId) -> ControlResult<CandidateReport> {
        let pipeline = self.context.pipeline(id)?;
        let status = self.context.overview.pipeline(id);
        let members = self.context.cluster.members.borrow().clone();
        Ok(CandidateReport {
            active_revision: pipeline.active.number,
            now: CandidateView::of(&pipeline),
            found: status.and_then(|status| status.candidate_reports.report()),
            engine: members.map(|membership| membership.me.clone()),
        })
    }
}
