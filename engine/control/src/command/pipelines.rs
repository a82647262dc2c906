//! Applying, pausing and rolling back pipelines. Everything is checked before anything is
//! written ([`crate::command::checks`]), down to a dry run of each plugin's `configure`; so a pipeline that is
//! accepted starts.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tailrace_core::{
    audit::Change,
    identity::{Digest, PipelineId},
    manifest::{PipelineManifest, parse::Written},
    name::Name,
    registry::{Begun, Key, Pipeline, PipelinePhase, Registry, Revision},
};

use crate::{
    command::{
        Commands,
        apply::{AppliedPipeline, Apply},
        audit::of_pipeline,
        checks::{check_change, check_memory},
        endings::ended,
        examine::Examined,
        revisions::Next,
        state_versions::{check_state_versions, undeclared_layouts},
    },
    error::{ControlError, ControlResult},
};

/// Longest wait for a pipeline that is being created or deleted, before something else is done with its name.
const SETTLED_WITHIN: Duration = Duration::from_secs(40);

impl Commands {
    /// Makes a pipeline, or a new revision of it: in place of the active one, or beside it.
    ///
    /// One whose steps lay out their state in another way than the active revision's must be forced.
    pub async fn apply_pipeline(
        &self,
        tenant: &Name,
        written: impl Into<Written>,
        how: Apply,
    ) -> ControlResult<AppliedPipeline> {
        let examined = Box::pin(self.examine(tenant, written.into(), &how)).await?;
        let schemas = examined.schemas.clone();
        let (kept, condition) = (examined.kept.clone(), how.condition);
        let applied = condition.settle(Box::pin(self.put(examined, how)).await)?;
        let warnings = kept.into_iter().chain(applied.warnings).collect();
        Ok(AppliedPipeline {
            schemas,
            warnings,
            ..applied
        })
    }

    /// Writes what has passed all checks, unless it is only asked what would happen.
    async fn put(&self, examined: Examined, how: Apply) -> ControlResult<AppliedPipeline> {
        let Examined {
            id,
            owner,
            manifest,
            stream,
            known,
            plugins,
            schemas: _,
            warnings: mut told,
            kept: _,
        } = examined;
        if let Some(mode) = how.beside {
            let revision = Revision {
                number: 0,
                manifest,
                plugins,
                applied_ms: self.context.now_ms(),
                rolled_back_to: None,
                begun: Begun::default(),
            };
            return Box::pin(self.begin_beside(&id, known, revision, mode)).await;
        }
        if let Some((known, _)) = &known
            && known.candidate.is_none()
            && known.active.manifest == manifest
            && known.active.plugins == plugins
        {
            return Ok(AppliedPipeline {
                revision: known.active.number,
                ..AppliedPipeline::default()
            });
        }
        if let Some((known, _)) = &known {
            told.extend(self.warnings(&id, known, &manifest, &plugins));
        }
        let warnings = told;
        if how.is_dry {
            let known = known.as_ref().map(|(known, _)| known);
            let number = known.map_or(1, Pipeline::next_number);
            let dry = AppliedPipeline::dry(known.map(|known| &known.active), number, &manifest);
            return Ok(AppliedPipeline { warnings, ..dry });
        }
        let next = Next {
            manifest,
            plugins,
            rolled_back_to: None,
        };
        let applied = if let Some(known) = known {
            Box::pin(self.activate(&id, known, next)).await?
        } else {
            Box::pin(self.create(&id, &owner, next, &stream)).await?
        };
        Ok(AppliedPipeline { warnings, ..applied })
    }

    /// What somebody should think of before this takes the place of the active revision.
    fn warnings(
        &self,
        id: &PipelineId,
        known: &Pipeline,
        manifest: &PipelineManifest,
        plugins: &BTreeMap<Name, Digest>,
    ) -> Vec<String> {
        let here = self.context.overview.pipeline(id);
        // Where other engines run it, too, there may be state that is not seen here.
        let is_empty = here.is_some_and(|status| status.weight().state_bytes == 0 && !status.is_shared());
        if is_empty {
            return Vec::new();
        }
        let mut warnings = undeclared_layouts(&known.active, manifest, plugins);
        warnings.extend(ended(&known.active.manifest, manifest));
        warnings
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
            None | Some(PipelinePhase::Ready) => return Ok(known),
            Some(PipelinePhase::Creating | PipelinePhase::Renewing) => "created",
            Some(PipelinePhase::Deleting) => "deleted",
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
        let mut target = self.context.revision(id, to).await?;
        let kept = self.keep_stream(id, pipeline, &mut target.manifest).await?;
        Box::pin(self.resolve_schemas(&id.tenant, &mut target.manifest)).await?;
        check_change(&pipeline.active.manifest, &target.manifest)?;
        check_state_versions(&pipeline.active.manifest, &target.manifest, forced)?;
        let owner = self.context.tenant_at_work(&id.tenant)?;
        owner.check_grants(&target.manifest)?;
        check_memory(&owner, &target.manifest)?;
        self.check_alarms(&owner, &target.manifest).await?;
        self.check_circle(id, &target.manifest)?;
        let mut warnings = Box::pin(self.declared_again(id, pipeline, &target.manifest)).await?;
        warnings.extend(self.warnings(id, pipeline, &target.manifest, &target.plugins));
        let next = Next {
            manifest: target.manifest,
            plugins: target.plugins,
            rolled_back_to: Some(to),
        };
        let applied = Box::pin(self.activate(id, known, next)).await?;
        warnings.extend(kept);
        Ok(AppliedPipeline { warnings, ..applied })
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
        let change = of_pipeline(action, id, &known);
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
}
