//! What a pipeline is doing, for people: what this engine counts, and what only the broker knows. A broker
//! that does not answer, or an account that cannot be used, leaves its part out; the rest is shown.

use serde::Serialize;
use tailrace_core::{
    identity::{PartitionId, PipelineId},
    observe::status::{PartitionReport, PipelineStatus, StatusReport},
    ports::accounts::AccountState,
    record,
    registry::Pipeline,
    subject,
    world::World,
};

use crate::{
    alarms::reports::AlarmReport,
    error::ControlResult,
    query::{Queries, candidates::CandidateView, outputs::OutputPlace},
};

/// A pipeline's status, with what the broker knows.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PipelineStatusReport {
    /// The active revision in the registry.
    pub active_revision: u64,
    /// What runs beside it.
    #[serde(flatten)]
    pub candidate: CandidateView,
    /// What this engine does with it.
    #[serde(flatten)]
    pub engine: StatusReport,
    /// The NATS account that its tenant lives in, where that is not the engine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nats_account: Option<AccountState>,
    /// Last sequence of the input stream, where the broker answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_last_sequence: Option<u64>,
    /// Events that are still to be processed on this engine, where the broker has told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// Where its results go; none where it publishes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputPlace>,
    /// Dead letters that lie in the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<u64>,
    /// Its alarms.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmReport>,
}

impl Queries {
    /// What a pipeline is doing.
    pub async fn pipeline_status(&self, id: &PipelineId) -> ControlResult<PipelineStatusReport> {
        let pipeline = self.context.pipeline(id)?;
        let status = self.context.overview.pipeline(id);
        let mut engine = status.map_or_else(|| PipelineStatus::default().report(), |status| status.report());
        engine.state = self.state_of(id, &pipeline);
        let mut report = PipelineStatusReport {
            active_revision: pipeline.active.number,
            candidate: CandidateView::of(&pipeline),
            nats_account: None,
            stream_last_sequence: None,
            lag: None,
            output: OutputPlace::of(id, &pipeline),
            dead_letters: None,
            alarms: self.alarms_of(id).await.unwrap_or_default(),
            engine: engine.clone(),
        };
        if let Ok(world) = self.context.world_of(&id.tenant).await {
            self.add_partitions_elsewhere(&world, id, &pipeline, &mut engine)
                .await;
            let stream = pipeline.active.manifest.input.stream.clone().unwrap_or_default();
            let facts = world.streams.stream(&stream).await.ok();
            report.stream_last_sequence = facts.map(|facts| facts.last_sequence);
            report.dead_letters = world.dead_letters.count(id).await.ok();
        }
        report.lag = engine.lag();
        // Only now, so that it tells how the account was found.
        let account = self.context.tenant(&id.tenant)?.nats_account.clone();
        report.nats_account = account.map(|account| self.context.world.accounts.state(&account));
        report.engine = engine;
        Ok(report)
    }

    /// Partitions that other engines have, as their last records tell of them.
    async fn add_partitions_elsewhere(
        &self,
        world: &World,
        id: &PipelineId,
        pipeline: &Pipeline,
        engine: &mut StatusReport,
    ) {
        let Some(membership) = self.context.cluster.members.borrow().clone() else {
            return;
        };
        let shared = self
            .context
            .overview
            .pipeline(id)
            .is_none_or(|status| status.is_shared());
        for partition in 0..pipeline.active.manifest.partitions {
            if engine.partitions.iter().any(|here| here.partition == partition) {
                continue;
            }
            let place = PartitionId {
                pipeline: id.clone(),
                life: pipeline.life,
                partition,
            };
            let last = world.commits.last(&place).await.ok().flatten();
            let head = last.and_then(|last| record::decode_part(&last.payload).ok());
            engine.partitions.push(PartitionReport {
                partition,
                owner: Some(membership.owner(id, partition, shared).clone())
                    .filter(|owner| *owner != membership.me),
                commit: head.as_ref().map_or(0, |(head, _)| head.commit),
                position: head.as_ref().map_or(0, |(head, _)| head.position),
                seen: head.map_or(0, |(head, _)| head.position),
                queued: 0,
                trouble: None,
            });
        }
        engine.partitions.sort_by_key(|report| report.partition);
    }

    /// The stream that a pipeline would have, for those who look at it from outside.
    pub fn own_stream_name(&self, id: &PipelineId) -> ControlResult<String> {
        self.context.pipeline(id)?;
        Ok(subject::stream_name(id))
    }
}
