//! Applying, pausing, rolling back and deleting pipelines. Everything is checked before anything is
//! written ([`crate::command::checks`]), down to a dry run of each plugin's `configure`; so a pipeline that is
//! accepted starts.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tailrace_core::{
    audit::{self, Change},
    identity::{Digest, PipelineId},
    life::Life,
    manifest::{PipelineManifest, Start, check::check},
    name::Name,
    observe::status::State,
    ports::broker::{OwnError, StreamFacts, own_stream},
    registry::{Key, Phase, Pipeline, Registry, Revision, Tenant},
};

use crate::{
    command::{
        Commands,
        apply::{AppliedPipeline, Apply, told},
        checks::check_change,
        condition::Condition,
        state_versions::check_state_versions,
    },
    error::{ControlError, ControlResult},
    lives::Intent,
};

/// Revisions that are kept of a pipeline.
const KEPT_REVISIONS: u64 = 100;

/// Pause between two looks at whether a revision was taken up.
const ADOPTION_POLL: Duration = Duration::from_millis(2);

/// Longest wait for a pipeline that is being created or deleted, before something else is done with its name.
const SETTLED_WITHIN: Duration = Duration::from_secs(40);

/// What a new revision is to be.
struct Next {
    manifest: PipelineManifest,
    plugins: BTreeMap<Name, Digest>,
    rolled_back_to: Option<u64>,
}

impl Commands {
    /// Makes a pipeline, or a new revision of it: in place of the active one, or beside it.
    ///
    /// One whose steps lay out their state in another way than the active revision's must be forced.
    pub async fn apply_pipeline(
        &self,
        tenant: &Name,
        mut manifest: PipelineManifest,
        how: Apply,
    ) -> ControlResult<AppliedPipeline> {
        check(&manifest)?;
        let owner = self.context.tenant_at_work(tenant)?;
        let id = PipelineId {
            tenant: tenant.clone(),
            pipeline: manifest.name.clone(),
        };
        owner.check_grants(&manifest)?;
        let stream = self.resolve_stream(tenant, &manifest).await?;
        manifest.input.stream = Some(stream.name.clone());
        self.check_circle(&id, &manifest)?;
        let known = self.settled(&id).await?;
        let revision = known.as_ref().map(|(_, revision)| *revision);
        how.condition
            .check(&format!("pipeline {}", id.pipeline), revision)?;
        if let Some((known, _)) = &known {
            check_change(&known.active.manifest, &manifest)?;
            check_state_versions(&known.active.manifest, &manifest, how.forced)?;
        }
        let plugins = self.check_plugins(tenant, &manifest).await?;
        self.check_output(&id, &manifest).await?;
        self.check_alarms(&owner, &manifest).await?;
        if let Some(mode) = how.beside {
            let revision = Revision {
                number: 0,
                manifest,
                plugins,
                applied_ms: self.context.now_ms(),
                rolled_back_to: None,
            };
            return self.begin_beside(&id, known, revision, mode).await;
        }
        if let Some((known, _)) = &known
            && known.candidate.is_none()
            && known.active.manifest == manifest
            && known.active.plugins == plugins
        {
            return Ok(AppliedPipeline {
                revision: known.active.number,
                changed: false,
                candidate: false,
            });
        }
        let next = Next {
            manifest,
            plugins,
            rolled_back_to: None,
        };
        match known {
            Some(known) => Box::pin(self.activate(&id, known, next)).await,
            None => Box::pin(self.create(&id, &owner, next, &stream)).await,
        }
    }

    /// A pipeline as it stands on the broker, once it is neither being created nor deleted.
    pub(crate) async fn settled(&self, id: &PipelineId) -> ControlResult<Option<(Pipeline, u64)>> {
        let is_settled = |registry: &Registry| {
            let pipeline = registry.pipelines.get(id);
            pipeline.is_none_or(|pipeline| pipeline.phase.is_ready())
        };
        let _ = self.context.wait_within(SETTLED_WITHIN, is_settled).await;
        let known = self.context.read::<Pipeline>(&Key::Pipeline(id.clone())).await?;
        let unsettled = known.as_ref().map(|(pipeline, _)| pipeline.phase);
        let what = match unsettled {
            None | Some(Phase::Ready) => return Ok(known),
            Some(Phase::Creating) => "created",
            Some(Phase::Deleting) => "deleted",
        };
        Err(ControlError::Conflict(format!(
            "pipeline {} is being {what}; look at its status, and repeat this when that is done",
            id.pipeline
        )))
    }

    /// The same, where there must be one.
    pub(crate) async fn known(&self, id: &PipelineId) -> ControlResult<(Pipeline, u64)> {
        let known = self.settled(id).await?;
        known.ok_or_else(|| ControlError::not_found("pipeline", &id.pipeline))
    }

    /// Makes a pipeline: first the entry, which says what is to be made, then whatever it needs.
    async fn create(
        &self,
        id: &PipelineId,
        owner: &Tenant,
        next: Next,
        stream: &StreamFacts,
    ) -> ControlResult<AppliedPipeline> {
        let change = audit_of(id, None, &next);
        let active = Revision {
            number: 1,
            manifest: next.manifest,
            plugins: next.plugins,
            applied_ms: self.context.now_ms(),
            rolled_back_to: None,
        };
        let pipeline = Pipeline {
            life: Life::new(&*self.context.world.random),
            tenant_life: owner.life,
            phase: Phase::Creating,
            by: self.context.me(),
            nats_account: owner.nats_account.clone(),
            // Pinned now: a restart before the first commit must not skip what came meanwhile.
            start_sequence: (active.manifest.input.start == Start::New).then_some(stream.last_sequence + 1),
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
            candidate: false,
        })
    }

    /// Makes a revision active that was active before, as a new revision. Where none is named and a
    /// candidate runs, that is what is taken back.
    ///
    /// One whose steps lay out their state in another way than the active revision's must be `forced`.
    pub async fn roll_back(
        &self,
        id: &PipelineId,
        to: Option<u64>,
        forced: bool,
    ) -> ControlResult<AppliedPipeline> {
        let known = self.known(id).await?;
        let pipeline = &known.0;
        if to.is_none() && pipeline.candidate.is_some() {
            return self.abandon(id).await;
        }
        let first = || {
            let number = pipeline.active.number;
            ControlError::Conflict(format!(
                "revision {number} is the first; there is none to go back to"
            ))
        };
        let to = match to {
            Some(to) => to,
            None => pipeline.before().ok_or_else(first)?,
        };
        let target = self.context.revision(id, to).await?;
        check_change(&pipeline.active.manifest, &target.manifest)?;
        check_state_versions(&pipeline.active.manifest, &target.manifest, forced)?;
        let owner = self.context.tenant_at_work(&id.tenant)?;
        owner.check_grants(&target.manifest)?;
        self.check_alarms(&owner, &target.manifest).await?;
        self.check_circle(id, &target.manifest)?;
        let next = Next {
            manifest: target.manifest,
            plugins: target.plugins,
            rolled_back_to: Some(to),
        };
        Box::pin(self.activate(id, known, next)).await
    }

    async fn activate(
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
    /// the new subjects beside the old ones, the revision is kept, and the one write of the entry decides.
    async fn write_revision(
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
            manifest,
            plugins,
            applied_ms: self.context.now_ms(),
            rolled_back_to,
        };
        self.widen_stream(id, before.life, &active.manifest).await?;
        let revision_key = Key::Revision(id.clone(), number);
        // What it says is the same if a try that failed left one behind.
        let left = self.revision_of(&revision_key).await?;
        self.context.write(&revision_key, &active, left).await?;
        if let Some(candidate) = &before.candidate {
            let reason = format!("revision {number} was made active");
            before.end_candidate(candidate.revision.number, reason, self.context.now_ms());
        }
        let entry = Pipeline {
            previous: Some(before.active.number),
            last_number: number,
            active,
            ..before
        };
        self.context
            .write(&Key::Pipeline(id.clone()), &entry, expected)
            .await?;
        self.forget_revisions(id, &entry).await?;
        self.wait_runs(id, number, 0).await;
        Ok(AppliedPipeline {
            revision: number,
            changed: true,
            candidate: false,
        })
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
            Err(OwnError::Broker(cause)) => Err(cause.into()),
            Err(lost) => Err(ControlError::Conflict(format!(
                "{lost}; begin again with an empty state (tailrace pipeline resume {} --new-stream), or delete the pipeline",
                id.pipeline
            ))),
        }
    }

    /// Old revisions go, but for the one that was active before: it may be older, where candidates had numbers
    /// since.
    async fn forget_revisions(&self, id: &PipelineId, entry: &Pipeline) -> ControlResult<()> {
        let oldest = entry.last_number.saturating_sub(KEPT_REVISIONS) + 1;
        let registry = self.context.registry()?;
        let kept = registry.revisions.get(id).into_iter().flatten();
        for number in kept.filter(|number| **number < oldest && entry.previous != Some(**number)) {
            self.context.remove(&Key::Revision(id.clone(), *number)).await?;
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

    /// Pauses a pipeline, or lets it go on.
    pub async fn set_paused(&self, id: &PipelineId, reason: Option<String>) -> ControlResult<()> {
        let (known, _) = self.known(id).await?;
        if known.paused == reason {
            return Ok(());
        }
        let (action, told) = match &reason {
            Some(reason) => ("pipeline-paused", Some(json!({ "reason": reason }))),
            None => ("pipeline-resumed", None),
        };
        let change = Change::new(action, &id.tenant, format!("pipeline/{}", id.pipeline));
        let change = told.into_iter().fold(change, Change::to);
        self.audited(change, self.change(id, |pipeline| pipeline.paused = reason))
            .await
    }

    /// Changes a pipeline's entry.
    pub(crate) async fn change(
        &self,
        id: &PipelineId,
        change: impl FnOnce(&mut Pipeline),
    ) -> ControlResult<()> {
        let (mut pipeline, revision) = self.known(id).await?;
        let before = pipeline.clone();
        change(&mut pipeline);
        if pipeline == before {
            return Ok(());
        }
        let key = Key::Pipeline(id.clone());
        self.context.write(&key, &pipeline, revision).await.map(drop)
    }

    /// Lets a pipeline begin again whose own stream is gone, or has lost its records: as a new life, with a new
    /// stream and an empty state, from where its manifest says.
    pub async fn renew_stream(&self, id: &PipelineId) -> ControlResult<()> {
        let (mut pipeline, revision) = self.known(id).await?;
        let world = self.context.world_of(&id.tenant).await?;
        let own = own_stream(id, pipeline.life, &pipeline.active.manifest);
        let is_parked = self
            .context
            .overview
            .pipeline(id)
            .is_some_and(|status| matches!(status.state(), State::Parked { .. }));
        if world.streams.bring_own(&own, true).await.is_ok() && !is_parked {
            return Err(ControlError::Conflict(format!(
                "pipeline {} has its stream, and runs on it; to throw away what it holds, delete the pipeline and apply it again",
                id.pipeline
            )));
        }
        pipeline.life = Life::new(&*self.context.world.random);
        pipeline.phase = Phase::Creating;
        pipeline.by = self.context.me();
        let change = Change::new(
            "pipeline-renewed",
            &id.tenant,
            format!("pipeline/{}", id.pipeline),
        );
        let change = change.from(Some(told(&pipeline.active)));
        let intent = Intent::Create(id.clone(), pipeline.life);
        let make = async {
            let key = Key::Pipeline(id.clone());
            self.context.write(&key, &pipeline, revision).await?;
            self.lives.finish(intent).await
        };
        self.audited(change, make).await
    }

    /// Deletes a pipeline with its state, its outputs and its dead letters. One that is being deleted already is
    /// waited for.
    pub async fn delete_pipeline(&self, id: &PipelineId, condition: Condition) -> ControlResult<()> {
        let key = Key::Pipeline(id.clone());
        let missing = || ControlError::not_found("pipeline", &id.pipeline);
        let (mut pipeline, revision) = self.context.read::<Pipeline>(&key).await?.ok_or_else(missing)?;
        condition.check(&format!("pipeline {}", id.pipeline), Some(revision))?;
        let intent = Intent::Delete(id.clone(), pipeline.life);
        if pipeline.phase == Phase::Deleting {
            return self.lives.finish(intent).await;
        }
        let change = Change::new(
            "pipeline-deleted",
            &id.tenant,
            format!("pipeline/{}", id.pipeline),
        );
        let change = change.from(Some(told(&pipeline.active)));
        let make = async {
            pipeline.phase = Phase::Deleting;
            pipeline.by = self.context.me();
            self.context.write(&key, &pipeline, revision).await?;
            self.lives.finish(intent).await
        };
        self.audited(change, make).await
    }
}

/// What the audit log tells of a new revision.
fn audit_of(id: &PipelineId, known: Option<&Pipeline>, next: &Next) -> Change {
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
    Change::new(action, &id.tenant, format!("pipeline/{}", id.pipeline))
        .from(before.map(told))
        .to(after)
}
