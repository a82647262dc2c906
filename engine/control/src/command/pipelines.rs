//! Applying, pausing, rolling back and deleting pipelines. Everything is checked before anything is
//! written ([`crate::command::checks`]), down to a dry run of each plugin's `configure`; so a pipeline that is
//! accepted starts.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tailrace_core::{
    audit::{self, Change},
    identity::{Digest, PipelineId},
    manifest::{PipelineManifest, Start, check::check},
    name::Name,
    observe::status::State,
    ports::broker::{StreamFacts, own_stream},
    registry::{Key, Pipeline, Revision},
};

use crate::{
    command::{
        Commands,
        apply::{AppliedPipeline, Apply, told},
        checks::{check_change, check_grants},
        state_versions::check_state_versions,
    },
    error::{ControlError, ControlResult},
};

/// Revisions that are kept of a pipeline.
const KEPT_REVISIONS: u64 = 100;

/// Pause between two looks at whether a revision was taken up.
const ADOPTION_POLL: Duration = Duration::from_millis(2);

/// Longest wait until this engine has let go of a deleted pipeline: longer than a drain takes.
const LET_GO_WITHIN: Duration = Duration::from_secs(25);

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
        let owner = self.context.tenant(tenant)?;
        let id = PipelineId {
            tenant: tenant.clone(),
            pipeline: manifest.name.clone(),
        };
        check_grants(&owner, &manifest)?;
        let stream = self.resolve_stream(tenant, &manifest).await?;
        manifest.input.stream = Some(stream.name.clone());
        self.check_circle(&id, &manifest)?;
        let key = Key::Pipeline(id.clone());
        let known = self.context.read::<Pipeline>(&key).await?;
        if let Some((known, _)) = &known {
            check_change(&known.active.manifest, &manifest)?;
            check_state_versions(&known.active.manifest, &manifest, how.forced)?;
        } else {
            self.check_quota(&owner, &manifest)?;
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
        Box::pin(self.activate(&id, known, next, Some(&stream))).await
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
        let known = self.context.read::<Pipeline>(&Key::Pipeline(id.clone())).await?;
        let Some((pipeline, _)) = &known else {
            return Err(ControlError::not_found("pipeline", &id.pipeline));
        };
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
        let owner = self.context.tenant(&id.tenant)?;
        check_grants(&owner, &target.manifest)?;
        self.check_alarms(&owner, &target.manifest).await?;
        self.check_circle(id, &target.manifest)?;
        let next = Next {
            manifest: target.manifest,
            plugins: target.plugins,
            rolled_back_to: Some(to),
        };
        Box::pin(self.activate(id, known, next, None)).await
    }

    async fn activate(
        &self,
        id: &PipelineId,
        known: Option<(Pipeline, u64)>,
        next: Next,
        stream: Option<&StreamFacts>,
    ) -> ControlResult<AppliedPipeline> {
        let before = known.as_ref().map(|(pipeline, _)| pipeline);
        let change = audit_of(id, before, &next);
        // On the heap: what it holds across its waits is large.
        Box::pin(self.audited(change, self.write_revision(id, known, next, stream))).await
    }

    async fn write_revision(
        &self,
        id: &PipelineId,
        known: Option<(Pipeline, u64)>,
        next: Next,
        stream: Option<&StreamFacts>,
    ) -> ControlResult<AppliedPipeline> {
        let Next {
            manifest,
            plugins,
            rolled_back_to,
        } = next;
        let key = Key::Pipeline(id.clone());
        let (mut pipeline, expected) = match known {
            Some((pipeline, revision)) => (Some(pipeline), revision),
            None => (None, self.revision_of(&key).await?),
        };
        let number = pipeline.as_ref().map_or(1, Pipeline::next_number);
        let active = Revision {
            number,
            manifest,
            plugins,
            applied_ms: self.context.now_ms(),
            rolled_back_to,
        };
        // Here, not only when it starts: another pipeline may read its output from now on.
        let world = self.context.world_of(&id.tenant).await?;
        world
            .streams
            .ensure_own(&own_stream(id, &active.manifest))
            .await?;
        let revision_key = Key::Revision(id.clone(), number);
        // The revision first: what it says is the same if a try that failed left one behind.
        let revision_expected = self.revision_of(&revision_key).await?;
        self.write(&revision_key, &active, revision_expected).await?;
        let entry = match pipeline.take() {
            Some(mut before) => {
                if let Some(candidate) = &before.candidate {
                    let reason = format!("revision {number} was made active");
                    before.end_candidate(candidate.revision.number, reason, self.context.now_ms());
                }
                Pipeline {
                    previous: Some(before.active.number),
                    last_number: number,
                    active,
                    ..before
                }
            }
            None => Pipeline {
                // Pinned now: a restart before the first commit must not skip what came meanwhile.
                start_sequence: stream
                    .filter(|_| active.manifest.input.start == Start::New)
                    .map(|stream| stream.last_sequence + 1),
                stream_created: stream.map(|stream| stream.created.clone()),
                ..Pipeline::new(active, self.context.now_ms())
            },
        };
        self.write(&key, &entry, expected).await?;
        // The one before is kept in any case: it may be older, where candidates had numbers since.
        let old = number.saturating_sub(KEPT_REVISIONS);
        if old > 0 && entry.previous != Some(old) {
            self.remove(&Key::Revision(id.clone(), old)).await?;
        }
        self.wait_runs(id, number, 0).await;
        Ok(AppliedPipeline {
            revision: number,
            changed: true,
            candidate: false,
        })
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
        let _ = tokio::time::timeout(crate::command::entries::SEEN_WITHIN, adopted).await;
    }

    /// Pauses a pipeline, or lets it go on.
    pub async fn set_paused(&self, id: &PipelineId, reason: Option<String>) -> ControlResult<()> {
        let known = self.context.read::<Pipeline>(&Key::Pipeline(id.clone())).await?;
        let (known, _) = known.ok_or_else(|| ControlError::not_found("pipeline", &id.pipeline))?;
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
        let key = Key::Pipeline(id.clone());
        let known = self.context.read::<Pipeline>(&key).await?;
        let (mut pipeline, revision) =
            known.ok_or_else(|| ControlError::not_found("pipeline", &id.pipeline))?;
        let before = pipeline.clone();
        change(&mut pipeline);
        if pipeline == before {
            return Ok(());
        }
        self.write(&key, &pipeline, revision).await
    }

    /// Deletes a pipeline with its state, its outputs and its dead letters.
    pub async fn delete_pipeline(&self, id: &PipelineId) -> ControlResult<()> {
        let pipeline = self.context.pipeline(id)?;
        let change = Change::new(
            "pipeline-deleted",
            &id.tenant,
            format!("pipeline/{}", id.pipeline),
        );
        self.audited(
            change.from(Some(told(&pipeline.active))),
            self.remove_pipeline(id, &pipeline),
        )
        .await
    }

    async fn remove_pipeline(&self, id: &PipelineId, pipeline: &Pipeline) -> ControlResult<()> {
        self.remove(&Key::Pipeline(id.clone())).await?;
        self.wait_until(|registry| !registry.pipelines.contains_key(id))
            .await?;
        for number in self.context.registry()?.revisions.get(id).into_iter().flatten() {
            self.remove(&Key::Revision(id.clone(), *number)).await?;
        }
        // The engine lets go of the pipeline before its stream goes.
        let let_go = async {
            while self.context.overview.pipeline(id).is_some() {
                tokio::time::sleep(ADOPTION_POLL).await;
            }
        };
        // One that cannot let go in time finds its stream gone, and lets go then.
        let _ = tokio::time::timeout(LET_GO_WITHIN, let_go).await;
        let input = pipeline.active.manifest.input.stream.clone().unwrap_or_default();
        let world = self.context.world_of(&id.tenant).await?;
        Ok(world.streams.remove_own(id, &input).await?)
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
