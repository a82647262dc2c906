//! What takes effect: a pipeline's first revision, or one in the place of the active one. Each step alone leaves
//! everything as it was or as it is to be, and the one write of the entry decides.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tailrace_core::{
    audit::{self, Change},
    identity::{Digest, PipelineId},
    life::Life,
    manifest::{OutputManifest, PipelineManifest, Start},
    name::Name,
    observe::status::State,
    ports::broker::{BrokerError, OwnError, StreamFacts, own_stream},
    registry::{Begun, Key, Pipeline, PipelinePhase, Revision, Tenant},
};

use crate::{
    command::{
        Commands,
        apply::{AppliedPipeline, told},
        audit::of_pipeline,
    },
    error::{ControlError, ControlResult},
    lives::Intent,
};

/// Revisions that are kept of a pipeline.
const KEPT_REVISIONS: u64 = 100;

/// Pause between two looks at whether a revision was taken up.
const ADOPTION_POLL: Duration = Duration::from_millis(2);

/// What a new revision is to be.
pub(crate) struct Next {
    pub(crate) manifest: PipelineManifest,
    pub(crate) plugins: BTreeMap<Name, Digest>,
    pub(crate) rolled_back_to: Option<u64>,
}

impl Commands {
    /// Makes a pipeline: first the entry, which says what is to be made, then whatever it needs.
    pub(crate) async fn create(
        &self,
        id: &PipelineId,
        owner: &Tenant,
        next: Next,
        stream: &StreamFacts,
    ) -> ControlResult<AppliedPipeline> {
        let change = audit_of(id, None, &next).in_life(owner.life);
        let active = Revision {
            number: 1,
            manifest: next.manifest,
            plugins: next.plugins,
            applied_ms: self.context.now_ms(),
            rolled_back_to: None,
            begun: Begun::default(),
        };
        let pipeline = Pipeline {
            life: Life::new(&*self.context.world.random),
            tenant_life: owner.life,
            phase: PipelinePhase::Creating,
            by: self.context.me(),
            nats_account: owner.nats_account.clone(),
            start_sequence: pinned(&active.manifest.input.start, stream),
            stream_created: Some(stream.created.clone()),
            ..Pipeline::new(active, self.context.now_ms())
        };
        let make = async {
            self.context
                .write(&Key::Pipeline(id.clone()), &pipeline, 0)
                .await?;
            let intent = Intent::Create(id.clone(), pipeline.life);
            self.lives.finish(intent).await
        };
        Box::pin(self.audited(change, make)).await?;
        self.wait_runs(id, 1, 0).await;
        Ok(AppliedPipeline {
            revision: 1,
            changed: true,
            ..AppliedPipeline::default()
        })
    }

    pub(crate) async fn activate(
        &self,
        id: &PipelineId,
        known: (Pipeline, u64),
        next: Next,
    ) -> ControlResult<AppliedPipeline> {
        let change = audit_of(id, Some(&known.0), &next);
        // On the heap: what it holds across its waits is large.
        Box::pin(self.audited(change, self.write_revision(id, known, next))).await
    }

    /// Makes a revision active. Each step alone leaves everything as it was or as it is to be: the stream takes
    /// the new subjects beside the old ones, and the one write of the entry decides. Only then is the revision kept
    /// under a key of its own: of several that are made at once, one is that number. One whose keeping was cut off
    /// is kept before another takes its place.
    pub(crate) async fn write_revision(
        &self,
        id: &PipelineId,
        (mut before, expected): (Pipeline, u64),
        next: Next,
    ) -> ControlResult<AppliedPipeline> {
        let Next {
            manifest,
            plugins,
            rolled_back_to,
        } = next;
        let number = before.next_number();
        let active = Revision {
            number,
            begun: before.active.begun_behind(&manifest, number),
            manifest,
            plugins,
            applied_ms: self.context.now_ms(),
            rolled_back_to,
        };
        self.widen_stream(id, before.life, &active.manifest).await?;
        self.keep_outgoing(id, &before).await?;
        if let Some(candidate) = &before.candidate {
            let reason = format!("revision {number} was made active");
            before.end_candidate(candidate.revision.number, reason, self.context.now_ms());
        }
        let outgoing = before.active.clone();
        let entry = Pipeline {
            previous: Some(outgoing.number),
            last_number: number,
            active,
            ..before
        };
        let key = Key::Pipeline(id.clone());
        let written = self.context.write(&key, &entry, expected).await?;
        if let Err(gone) = self.context.hold_versions(&id.tenant, &entry.active).await {
            self.take_back(id, (entry, written), outgoing).await?;
            return Err(gone);
        }
        self.context.keep_revision(id, entry.life, &entry.active).await?;
        self.forget_revisions(id, &entry).await?;
        self.wait_runs(id, number, 0).await;
        Ok(AppliedPipeline {
            revision: number,
            changed: true,
            ..AppliedPipeline::default()
        })
    }

    /// Makes the revision before active again, as a new one: of the one after it a plugin version was deleted at the
    /// same moment. Whoever has changed the pipeline since has the last word.
    async fn take_back(
        &self,
        id: &PipelineId,
        (entry, written): (Pipeline, u64),
        outgoing: Revision,
    ) -> ControlResult<()> {
        let number = entry.next_number();
        let again = Pipeline {
            previous: Some(outgoing.number),
            last_number: number,
            active: Revision {
                number,
                begun: entry.active.begun_behind(&outgoing.manifest, number),
                rolled_back_to: Some(outgoing.number),
                applied_ms: self.context.now_ms(),
                ..outgoing
            },
            ..entry
        };
        match self
            .context
            .write(&Key::Pipeline(id.clone()), &again, written)
            .await
        {
            Ok(_) => self.context.keep_revision(id, again.life, &again.active).await,
            Err(ControlError::Raced(_)) => Ok(()),
            Err(cause) => Err(cause),
        }
    }

    /// Keeps what an entry says, before it says something else.
    pub(crate) async fn keep_outgoing(&self, id: &PipelineId, before: &Pipeline) -> ControlResult<()> {
        let candidate = before.candidate.iter().map(|candidate| &candidate.revision);
        for revision in std::iter::once(&before.active).chain(candidate) {
            self.context.keep_revision(id, before.life, revision).await?;
        }
        Ok(())
    }

    /// The pipeline's own stream takes what a revision publishes, before the revision is the active one: another
    /// pipeline may read its output from then on. What it need not take any more goes when that one runs.
    pub(crate) async fn widen_stream(
        &self,
        id: &PipelineId,
        life: Life,
        manifest: &PipelineManifest,
    ) -> ControlResult<()> {
        let world = self.context.world_of(&id.tenant).await?;
        let own = own_stream(id, life, manifest);
        match world.streams.bring_own(&own, true).await {
            Ok(_) => Ok(()),
            Err(OwnError::Broker(cause)) => Err(self.taken_meanwhile(id, manifest, cause).await),
            Err(lost) => Err(ControlError::Conflict(format!(
                "{lost}; begin again with an empty state (tailrace pipeline resume {} --new-stream), or delete the pipeline",
                id.pipeline
            ))),
        }
    }

    /// No try helps where another stream holds what a revision publishes on.
    async fn taken_meanwhile(
        &self,
        id: &PipelineId,
        manifest: &PipelineManifest,
        cause: BrokerError,
    ) -> ControlError {
        let Some(pattern) = manifest.output.as_ref().map(OutputManifest::pattern) else {
            return cause.into();
        };
        match self.other_holder(id, &pattern).await {
            Ok(Some(holder)) => ControlError::Conflict(format!(
                "the revision publishes on {pattern:?}, which {holder} holds by now, and two streams cannot hold the same subject; take it from that stream, or apply a manifest with another one"
            )),
            _ => cause.into(),
        }
    }

    /// Old revisions go, but for the one that was active before: it may be older, where candidates had numbers
    /// since.
    async fn forget_revisions(&self, id: &PipelineId, entry: &Pipeline) -> ControlResult<()> {
        let oldest = entry.last_number.saturating_sub(KEPT_REVISIONS) + 1;
        let registry = self.context.registry()?;
        let kept = registry.all_revisions_of(id).into_iter();
        for number in kept.filter(|number| *number < oldest && entry.previous != Some(*number)) {
            self.context.remove(&Key::Revision(id.clone(), number)).await?;
        }
        Ok(())
    }

    /// Revision that a write of a key must expect which may be there or not.
    pub(crate) async fn revision_of(&self, key: &Key) -> ControlResult<u64> {
        let entry = self.context.world.registry.get(&key.to_string()).await?;
        let there = entry.filter(|entry| entry.value.is_some());
        Ok(there.map_or(0, |entry| entry.revision))
    }

    /// Waits until a running pipeline has taken the revision up, and the candidate beside it, 0 for none, so
    /// that who changes it sees the change at work. One that does not run takes it up when it does.
    pub(crate) async fn wait_runs(&self, id: &PipelineId, revision: u64, candidate: u64) {
        let adopted = async {
            // A later change may be at work by then, and this one never be seen.
            while let Some(status) = self.context.overview.pipeline(id)
                && status.state() == State::Running
                && status.revision() <= revision
                && !status.runs(revision, candidate)
            {
                tokio::time::sleep(ADOPTION_POLL).await;
            }
        };
        let _ = tokio::time::timeout(crate::entries::SEEN_WITHIN, adopted).await;
    }
}

/// Where a pipeline begins, as its creation says it. Neither a restart before the first commit nor a revision that
/// says something else may skip what came meanwhile.
fn pinned(start: &Start, stream: &StreamFacts) -> Option<u64> {
    match start {
        Start::All => Some(1),
        Start::New => Some(stream.last_sequence + 1),
        Start::Sequence(sequence) => Some(*sequence),
        // The broker finds it.
        Start::Time(_) => None,
    }
}

/// What the audit log tells of a new revision.
pub(crate) fn audit_of(id: &PipelineId, known: Option<&Pipeline>, next: &Next) -> Change {
    let action = if next.rolled_back_to.is_some() {
        "pipeline-rolled-back"
    } else {
        "pipeline-applied"
    };
    let mut after = json!({
        "revision": known.map_or(1, Pipeline::next_number),
        "spec": audit::digest(&next.manifest),
        "plugins": next.plugins,
    });
    let before = known.map(|known| &known.active);
    if let Some(before) = before {
        after["changed"] = json!(audit::changed_fields(&before.manifest, &next.manifest));
    }
    if let Some(to) = next.rolled_back_to {
        after["rolled_back_to"] = json!(to);
    }
    let change = match known {
        Some(known) => of_pipeline(action, id, known),
        None => Change::new(action, &id.tenant, format!("pipeline/{}", id.pipeline)),
    };
    change.from(before.map(told)).to(after)
}
