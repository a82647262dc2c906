//! What a pipeline is doing, for people: what this engine counts, and what only the broker knows. A broker
//! that does not answer, or an account that cannot be used, leaves its part out; the rest is shown.

use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use tailrace_core::{
    identity::{PartitionId, PipelineId},
    observe::status::{PartitionReport, PipelineStatus, StatusReport},
    ports::{accounts::AccountState, broker::BrokerError},
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

/// Longest wait for what only the broker knows. All of it is asked at once.
const ASKED_WITHIN: Duration = Duration::from_secs(3);
/// Told where some of it did not come.
const UNKNOWN: &str = "the broker does not answer now, so some figures are not known: those of its streams, of dead letters, of alarms, and of partitions on other engines";

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
            alarms: Vec::new(),
            engine: engine.clone(),
        };
        let stream = pipeline.active.manifest.input.stream.clone().unwrap_or_default();
        let (alarms, world) = tokio::join!(
            in_time(self.alarms_of(id)),
            in_time(self.context.world_of(&id.tenant))
        );
        let mut is_silent = alarms.is_none();
        report.alarms = alarms.and_then(Result::ok).unwrap_or_default();
        match world {
            Some(Ok(world)) => {
                let (elsewhere, facts, letters) = tokio::join!(
                    self.partitions_elsewhere(&world, id, &pipeline, &engine),
                    in_time(world.streams.stream(&stream)),
                    in_time(world.dead_letters.count(id)),
                );
                is_silent |= !told(facts.as_ref()) || !told(letters.as_ref());
                report.stream_last_sequence = facts.and_then(Result::ok).map(|facts| facts.last_sequence);
                report.dead_letters = letters.and_then(Result::ok);
                engine.partitions.extend(elsewhere);
                engine.partitions.sort_by_key(|report| report.partition);
            }
            None => is_silent = true,
            // That is told with the account.
            Some(Err(_)) => {}
        }
        if is_silent {
            engine.warnings.push(UNKNOWN.to_owned());
        }
        report.lag = engine.lag();
        // Only now, so that it tells how the account was found.
        let account = self.context.tenant(&id.tenant)?.nats_account.clone();
        report.nats_account = account.map(|account| self.context.world.accounts.state(&account));
        report.engine = engine;
        Ok(report)
    }

    /// Partitions that other engines have, as their last records tell of them.
    async fn partitions_elsewhere(
        &self,
        world: &World,
        id: &PipelineId,
        pipeline: &Pipeline,
        engine: &StatusReport,
    ) -> Vec<PartitionReport> {
        let Some(membership) = self.context.cluster.members.borrow().clone() else {
            return Vec::new();
        };
        let status = self.context.overview.pipeline(id);
        let shared = status.is_none_or(|status| status.is_shared());
        let is_here = |partition: &u32| engine.partitions.iter().any(|here| here.partition == *partition);
        let elsewhere = (0..pipeline.active.manifest.partitions).filter(|partition| !is_here(partition));
        let reports = elsewhere.map(|partition| {
            let place = PartitionId {
                pipeline: id.clone(),
                life: pipeline.life,
                partition,
            };
            let owner = membership.owner(id, partition, shared).clone();
            let owner = Some(owner).filter(|owner| *owner != membership.me);
            async move {
                let last = in_time(world.commits.last(&place)).await;
                let last = last.and_then(Result::ok).flatten();
                let head = last.and_then(|last| record::decode_part(&last.payload).ok());
                PartitionReport {
                    partition,
                    owner,
                    commit: head.as_ref().map_or(0, |(head, _)| head.commit),
                    position: head.as_ref().map_or(0, |(head, _)| head.position),
                    seen: head.map_or(0, |(head, _)| head.position),
                    queued: 0,
                    trouble: None,
                }
            }
        });
        join_all(reports).await
    }

    /// The stream that a pipeline would have, for those who look at it from outside.
    pub fn own_stream_name(&self, id: &PipelineId) -> ControlResult<String> {
        self.context.pipeline(id)?;
        Ok(subject::stream_name(id))
    }
}

/// What the broker says, where it says so in time.
async fn in_time<T>(asked: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(ASKED_WITHIN, asked).await.ok()
}

/// Whether the broker has said something, though it be a refusal.
fn told<T>(answer: Option<&Result<T, BrokerError>>) -> bool {
    answer.is_some_and(|answer| !matches!(answer, Err(BrokerError::Unreachable(_))))
}
