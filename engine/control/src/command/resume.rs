//! Letting a pipeline go on: one that is paused, one that is parked, and one whose input is not what it was. Each
//! keeps the state, but for a pipeline whose own stream is gone.

use std::time::Duration;

use serde_json::json;
use tailrace_core::{
    audit::Change,
    identity::PipelineId,
    manifest::{PipelineManifest, error::ManifestError},
    observe::status::State,
    ports::broker::{BrokerError, InputError, StreamFacts},
    registry::{Pipeline, Rebase},
    subject,
};
use tokio::time::Instant;

use crate::{
    command::{
        Commands,
        audit::of_pipeline,
        checks::check_reach,
        revisions::{Next, audit_of},
    },
    error::{ControlError, ControlResult},
};

/// How long a request looks at what becomes of a pipeline which was parked, once that has started.
const LOOKED_WITHIN: Duration = Duration::from_millis(1_500);
/// The same, however often it begins to start meanwhile.
const LOOKED_AT_MOST: Duration = Duration::from_secs(6);
/// By then it has begun to start.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Where a pipeline is to read its input from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The first event that the stream still has.
    First,
    /// This sequence.
    Sequence(u64),
}

/// How a pipeline is to go on.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// Without the events that were lost.
    pub accept_loss: bool,
    /// With commit records gone, and outputs published again that they were of.
    pub accept_repeats: bool,
    /// From here.
    pub from: Option<ReadFrom>,
    /// On another stream.
    pub stream: Option<String>,
    /// With a new stream of its own, and an empty state.
    pub new_stream: bool,
}

impl Commands {
    /// Lets a pipeline go on.
    pub async fn resume(&self, id: &PipelineId, how: Resume) -> ControlResult<()> {
        let Resume { from, stream, .. } = &how;
        let from = *from;
        if how.new_stream {
            if from.is_some() || stream.is_some() || how.accept_loss || how.accept_repeats {
                return Err(ControlError::Invalid(
                    "with new-stream the pipeline begins where its manifest says; leave accept-loss, accept-repeats, from and stream out".to_owned(),
                ));
            }
            self.renew_stream(id).await?;
            return self.set_paused(id, None).await;
        }
        if how.accept_repeats {
            if from.is_some() || stream.is_some() || how.accept_loss {
                return Err(ControlError::Invalid(
                    "with accept-repeats the pipeline goes on from its last commit record; leave accept-loss, from and stream out".to_owned(),
                ));
            }
            return self.accept_repeats(id).await;
        }
        if let (None, Some(stream)) = (from, stream) {
            return Err(ControlError::Invalid(format!(
                "stream {stream} has sequences of its own, so say where to begin: with from `first` all that it holds is processed, which may be a second time; with a sequence what lies from there on"
            )));
        }
        if let Some(from) = from {
            return self.rebase(id, from, how.stream).await;
        }
        if how.accept_loss {
            return self.accept_loss(id).await;
        }
        let (pipeline, _) = self.known(id).await?;
        if pipeline.paused.is_some() {
            return self.set_paused(id, None).await;
        }
        self.try_again(id, &pipeline).await
    }

    /// Lets it go on behind its positions, without what the stream has dropped by now. That is counted as lost. Nothing
    /// is read twice, and one that runs has lost nothing that waits for an answer.
    async fn accept_loss(&self, id: &PipelineId) -> ControlResult<()> {
        let (pipeline, _) = self.known(id).await?;
        if self.runs(id) {
            return Ok(());
        }
        let facts = self.input_facts(id, &pipeline.active.manifest).await?;
        let is_another = pipeline
            .stream_created
            .as_ref()
            .is_some_and(|created| *created != facts.created);
        if is_another {
            // To begin anywhere would read events twice, or pass over some that nobody has counted.
            let cause = InputError::Recreated(facts.name).with_exit(&id.pipeline);
            return Err(ControlError::Conflict(format!(
                "accept-loss goes on behind the last event that was read, and there is no such place: {cause}"
            )));
        }
        let change = of_pipeline("pipeline-loss-accepted", id, &pipeline)
            .to(json!({ "up_to": facts.last_sequence, "stream": facts.name }));
        let accept = |pipeline: &mut Pipeline| {
            pipeline.accepted_loss = Some(facts.last_sequence);
            pipeline.paused = None;
            pipeline.retried += 1;
        };
        self.audited(change, self.change(id, accept)).await?;
        self.see_it_start(id).await
    }

    /// Lets it go on from the last commit record that is there. What was committed behind it is done again, and its
    /// outputs are published a second time.
    async fn accept_repeats(&self, id: &PipelineId) -> ControlResult<()> {
        let (pipeline, _) = self.known(id).await?;
        if self.runs(id) {
            return Ok(());
        }
        let streams = self.context.world_of(&id.tenant).await?.streams;
        let facts = streams.stream(&subject::stream_name(id)).await?;
        let change = of_pipeline("pipeline-repeats-accepted", id, &pipeline)
            .to(json!({ "up_to": facts.last_sequence, "stream": facts.name }));
        let accept = |pipeline: &mut Pipeline| {
            pipeline.accepted_repeats = Some(facts.last_sequence);
            pipeline.paused = None;
            pipeline.retried += 1;
        };
        self.audited(change, self.change(id, accept)).await?;
        self.see_it_start(id).await
    }

    fn runs(&self, id: &PipelineId) -> bool {
        let status = self.context.overview.pipeline(id);
        status.is_some_and(|status| matches!(status.state(), State::Running | State::Degraded { .. }))
    }

    /// One that is parked tries again; says so if it is parked once more.
    async fn try_again(&self, id: &PipelineId, pipeline: &Pipeline) -> ControlResult<()> {
        match self.context.overview.pipeline(id).map(|status| status.state()) {
            Some(State::Running) => return Ok(()),
            // It runs, and to start it again would mend nothing.
            Some(State::Degraded { reason }) => {
                return Err(ControlError::Conflict(format!(
                    "pipeline {} runs, and is degraded: {reason}",
                    id.pipeline
                )));
            }
            _ => {}
        }
        let change = of_pipeline("pipeline-retried", id, pipeline);
        self.audited(change, self.change(id, |pipeline| pipeline.retried += 1))
            .await?;
        self.see_it_start(id).await
    }

    /// It starts, and the input is looked at only then: one that is parked again is so within moments. While others
    /// let it go on as well, it begins to start again and again.
    async fn see_it_start(&self, id: &PipelineId) -> ControlResult<()> {
        let began = Instant::now();
        let mut started = began;
        tokio::time::sleep(FIRST_LOOK).await;
        while started.elapsed() < LOOKED_WITHIN && began.elapsed() < LOOKED_AT_MOST {
            match self.context.overview.pipeline(id).map(|status| status.state()) {
                Some(State::Parked { reason }) => {
                    return Err(ControlError::Conflict(format!(
                        "pipeline {} is parked, not paused: {reason}",
                        id.pipeline
                    )));
                }
                Some(State::Starting) => started = Instant::now(),
                _ => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Reads its input from another place on: as a new revision, so that records from before it tell no position.
    async fn rebase(&self, id: &PipelineId, from: ReadFrom, stream: Option<String>) -> ControlResult<()> {
        let (pipeline, revision) = self.known(id).await?;
        let mut manifest = pipeline.active.manifest.clone();
        if stream.is_some() {
            manifest.input.stream = stream;
        }
        let facts = self.input_facts(id, &manifest).await?;
        let from = match from {
            ReadFrom::First => facts.first_sequence.max(1),
            ReadFrom::Sequence(sequence) if (1..=facts.last_sequence + 1).contains(&sequence) => sequence,
            ReadFrom::Sequence(sequence) => {
                return Err(ControlError::Invalid(format!(
                    "from: stream {} has no sequence {sequence}; it goes from {} to {}",
                    facts.name, facts.first_sequence, facts.last_sequence
                )));
            }
        };
        let next = Next {
            manifest,
            plugins: pipeline.active.plugins.clone(),
            rolled_back_to: None,
        };
        let change = audit_of(id, Some(&pipeline), &next);
        let rebase = Rebase {
            revision: pipeline.next_number(),
            from,
        };
        let change = Change {
            action: "pipeline-rebased",
            after: change.after.map(|mut after| {
                after["from"] = json!(from);
                after["stream"] = json!(facts.name);
                after
            }),
            ..change
        };
        let before = Pipeline {
            rebase: Some(rebase),
            // It was of other positions, and perhaps of another stream.
            accepted_loss: None,
            start_sequence: Some(from),
            stream_created: Some(facts.created),
            paused: None,
            ..pipeline
        };
        let made = self.audited(change, self.write_revision(id, (before, revision), next));
        Box::pin(made).await.map(drop)
    }

    pub(super) async fn input_facts(
        &self,
        id: &PipelineId,
        manifest: &PipelineManifest,
    ) -> ControlResult<StreamFacts> {
        let name = manifest.input.stream.clone().unwrap_or_default();
        let streams = self.context.world_of(&id.tenant).await?.streams;
        let facts = match streams.stream(&name).await {
            Err(BrokerError::NoStream(_)) => {
                let why = format!("there is no stream {name:?}; make it first (nats stream add)");
                return Err(ManifestError::new("input.stream", why).into());
            }
            facts => facts?,
        };
        check_reach(manifest, &facts)?;
        Ok(facts)
    }
}
