//! Pipelines that read another stream than they began with: `resume --stream` is the one way to change what is
//! otherwise fixed for the life of a pipeline. Revisions and manifests from before name the stream that was left; they
//! stay good, and the pipeline stays where it is.

use tailrace_core::{identity::PipelineId, manifest::PipelineManifest, registry::Pipeline};

use crate::{command::Commands, error::ControlResult};

impl Commands {
    /// Lets a revision from before read the stream that the pipeline reads now; says so.
    pub(super) async fn keep_stream(
        &self,
        id: &PipelineId,
        pipeline: &Pipeline,
        manifest: &mut PipelineManifest,
    ) -> ControlResult<Option<String>> {
        let now = &pipeline.active.manifest.input.stream;
        if pipeline.rebase.is_none() || manifest.input.stream == *now {
            return Ok(None);
        }
        let left = std::mem::replace(&mut manifest.input.stream, now.clone());
        // What it reads of that stream may be another part than the active revision's.
        self.input_facts(id, manifest).await?;
        let (left, now) = (left.unwrap_or_default(), now.clone().unwrap_or_default());
        Ok(Some(format!(
            "it names stream {left}; the pipeline goes on reading {now}, which it was given by resume --stream"
        )))
    }

    /// The same for a manifest that names a stream which an earlier revision read, or none.
    pub(super) async fn keep_left_stream(
        &self,
        id: &PipelineId,
        manifest: &mut PipelineManifest,
    ) -> ControlResult<Option<String>> {
        let registry = self.context.registry()?;
        let Some(pipeline) = registry.pipelines.get(id) else {
            return Ok(None);
        };
        let now = &pipeline.active.manifest.input.stream;
        if pipeline.rebase.is_none() || manifest.input.stream == *now {
            return Ok(None);
        }
        let Some(named) = manifest.input.stream.clone() else {
            // Its subjects may name the stream that was left, and nobody has asked for that one.
            manifest.input.stream.clone_from(now);
            return Ok(None);
        };
        let kept = registry.revisions.get(id).into_iter().flatten();
        for number in kept.rev() {
            let known = self.context.kept_revision(id, *number).await;
            if known.is_ok_and(|known| known.manifest.input.stream.as_ref() == Some(&named)) {
                return self.keep_stream(id, pipeline, manifest).await;
            }
        }
        Ok(None)
    }
}
