//! A revision beside the active one: begun, looked at, promoted, abandoned. It has a number and is kept like
//! any other; what it needs to share the active one's events and state is checked before it begins.

use serde_json::json;
use tailrace_core::{
    audit::Change,
    identity::PipelineId,
    manifest::{Delivery, OutputManifest, PipelineManifest, error::ManifestError},
    registry::{
        Key, Pipeline, Revision,
        candidate::{Canary, Candidate, Ended, Mode, WHOLE_PPM},
    },
};

use crate::{
    command::{
        Commands,
        apply::{AppliedPipeline, told},
        audit::of_pipeline,
    },
    error::{ControlError, ControlResult},
};

impl Commands {
    /// Lets a revision run beside the active one.
    pub(crate) async fn begin_beside(
        &self,
        id: &PipelineId,
        known: Option<(Pipeline, u64)>,
        mut revision: Revision,
        mode: Mode,
    ) -> ControlResult<AppliedPipeline> {
        let Some((mut pipeline, expected)) = known else {
            return Err(ControlError::Conflict(format!(
                "pipeline {} has no active revision to run beside; apply it without `shadow` and `canary` first",
                id.pipeline
            )));
        };
        check_beside(&pipeline.active.manifest, &revision.manifest, mode)?;
        let says =
            |known: &Revision| known.manifest == revision.manifest && known.plugins == revision.plugins;
        if says(&pipeline.active) {
            return Err(ControlError::Conflict(format!(
                "the active revision {} says the same; there is nothing to compare",
                pipeline.active.number
            )));
        }
        match pipeline
            .candidate
            .take()
            .filter(|candidate| says(&candidate.revision))
        {
            Some(candidate) if candidate.mode == mode => {
                return Ok(AppliedPipeline {
                    revision: candidate.revision.number,
                    changed: false,
                    candidate: true,
                    ..AppliedPipeline::default()
                });
            }
            // A shadow that becomes a canary stays the revision that it is.
            Some(candidate) => revision = candidate.revision,
            None => {
                revision.number = pipeline.next_number();
                revision.begun = pipeline.active.begun_behind(&revision.manifest, revision.number);
            }
        }
        let change = changed("candidate-begun", id, &pipeline).to(json!({
            "candidate": told(&revision),
            "how": mode,
        }));
        let number = revision.number;
        pipeline.last_number = pipeline.last_number.max(number);
        pipeline.candidate = Some(Candidate {
            revision,
            mode,
            began_ms: self.context.now_ms(),
        });
        let active = pipeline.active.number;
        self.audited(change, async {
            let key = Key::Pipeline(id.clone());
            self.context.write(&key, &pipeline, expected).await?;
            // Before it is kept: one that ends like that is none to go back to.
            self.hold_candidate(id, &pipeline).await?;
            self.keep_candidate(id, &pipeline).await
        })
        .await?;
        self.wait_runs(id, active, number).await;
        Ok(AppliedPipeline {
            revision: number,
            changed: true,
            candidate: true,
            ..AppliedPipeline::default()
        })
    }

    async fn write_candidate(
        &self,
        id: &PipelineId,
        pipeline: &Pipeline,
        expected: u64,
    ) -> ControlResult<()> {
        let key = Key::Pipeline(id.clone());
        self.context.write(&key, pipeline, expected).await?;
        self.keep_candidate(id, pipeline).await
    }

    async fn keep_candidate(&self, id: &PipelineId, pipeline: &Pipeline) -> ControlResult<()> {
        match &pipeline.candidate {
            Some(Candidate { revision, .. }) => self.context.keep_revision(id, pipeline.life, revision).await,
            None => Ok(()),
        }
    }

    /// Looks once more at the versions that a candidate names, now that it is written: where one was deleted at the
    /// same moment, the candidate ends.
    async fn hold_candidate(&self, id: &PipelineId, pipeline: &Pipeline) -> ControlResult<()> {
        let Some(Candidate { revision, .. }) = &pipeline.candidate else {
            return Ok(());
        };
        let Err(gone) = self.context.hold_versions(&id.tenant, revision).await else {
            return Ok(());
        };
        let now_ms = self.context.now_ms();
        self.change(id, |pipeline| {
            pipeline.end_candidate(revision.number, gone.to_string(), now_ms);
        })
        .await?;
        Err(gone)
    }

    /// Makes the candidate the active revision.
    pub async fn promote(&self, id: &PipelineId) -> ControlResult<AppliedPipeline> {
        let (mut pipeline, expected) = self.known(id).await?;
        let before = pipeline.clone();
        let Some(candidate) = pipeline.candidate.take() else {
            return Err(no_candidate(id));
        };
        let change = changed("candidate-promoted", id, &pipeline).to(told(&candidate.revision));
        let number = candidate.revision.number;
        pipeline.last_candidate = Some(Ended {
            revision: number,
            reason: "promoted".to_owned(),
            ended_ms: self.context.now_ms(),
        });
        pipeline.previous = Some(pipeline.active.number);
        pipeline.active = candidate.revision;
        let make = async {
            self.widen_stream(id, pipeline.life, &pipeline.active.manifest)
                .await?;
            self.keep_outgoing(id, &before).await?;
            self.write_candidate(id, &pipeline, expected).await
        };
        self.audited(change, make).await?;
        self.wait_runs(id, number, 0).await;
        Ok(AppliedPipeline {
            revision: number,
            changed: true,
            ..AppliedPipeline::default()
        })
    }

    /// Ends the candidate; the active revision goes on.
    pub async fn abandon(&self, id: &PipelineId) -> ControlResult<AppliedPipeline> {
        let (mut pipeline, expected) = self.known(id).await?;
        let number = pipeline
            .candidate
            .as_ref()
            .map(|candidate| candidate.revision.number);
        let number = number.ok_or_else(|| no_candidate(id))?;
        let change =
            of_pipeline("candidate-abandoned", id, &pipeline).from(Some(json!({ "candidate": number })));
        pipeline.end_candidate(number, "abandoned".to_owned(), self.context.now_ms());
        let active = pipeline.active.number;
        self.audited(change, self.write_candidate(id, &pipeline, expected))
            .await?;
        self.wait_runs(id, active, 0).await;
        Ok(AppliedPipeline {
            revision: active,
            changed: true,
            ..AppliedPipeline::default()
        })
    }
}

fn changed(action: &'static str, id: &PipelineId, pipeline: &Pipeline) -> Change {
    of_pipeline(action, id, pipeline).from(Some(told(&pipeline.active)))
}

fn no_candidate(id: &PipelineId) -> ControlError {
    ControlError::Conflict(format!(
        "pipeline {} has no candidate; begin one with `tailrace pipeline apply --shadow` or `--canary 5%`",
        id.pipeline
    ))
}

/// What a candidate must have in common with the active revision, for they share events and state.
fn check_beside(active: &PipelineManifest, next: &PipelineManifest, mode: Mode) -> ControlResult<()> {
    let mut shared = vec![
        ("input", active.input == next.input),
        ("inputs", active.inputs == next.inputs),
        ("tables", active.tables == next.tables),
        ("delivery", active.delivery == next.delivery),
        ("vectors", active.vectors == next.vectors),
    ];
    if let Mode::Canary(canary) = mode {
        check_limits(&canary)?;
        let pattern = |manifest: &PipelineManifest| manifest.output.as_ref().map(OutputManifest::pattern);
        shared.push(("sketches", active.sketches == next.sketches));
        shared.push(("windows", active.windows == next.windows));
        shared.push(("joins", active.joins == next.joins));
        shared.push(("output.subject", pattern(active) == pattern(next)));
        let version = |manifest: &PipelineManifest, name| {
            let step = manifest.steps.iter().find(|step| step.name == name);
            step.map(|step| step.state_version)
        };
        let layouts = next
            .steps
            .iter()
            .all(|step| version(active, step.name.clone()).is_none_or(|known| known == step.state_version));
        shared.push(("steps", layouts));
    }
    for (path, same) in shared {
        let what = if path == "steps" {
            "the state-version of each step"
        } else {
            path
        };
        if !same {
            return Err(ManifestError::new(
                path,
                format!("a revision that runs beside the active one must have {what} in common with it, for they share events and state; apply it without `shadow` and `canary`"),
            )
            .into());
        }
    }
    if next.delivery == Delivery::AtMostOnce {
        return Err(ManifestError::new("delivery", "with at-most-once nothing can run beside the active revision, for its state changes are committed before they are known; apply it at once").into());
    }
    Ok(())
}

fn check_limits(canary: &Canary) -> ControlResult<()> {
    let ratio = canary
        .max_error_ratio
        .is_none_or(|ratio| (0.0..=1.0).contains(&ratio));
    let p99 = canary.max_p99_ms.is_none_or(|p99_ms| p99_ms > 0.0);
    let share = (1..=WHOLE_PPM).contains(&canary.share_ppm);
    if ratio && p99 && share {
        return Ok(());
    }
    Err(ControlError::Invalid(
        "a canary has a share above 0 and up to 100%, an error ratio from 0 to 1 and a p99 above 0; write canary=5%&max-error-ratio=0.01&max-p99=50ms".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_core::manifest::parse::parse;

    fn manifest(more: &str) -> PipelineManifest {
        let text = format!(
            r#"{{"name":"p","input":{{"stream":"IN","subjects":["in.>"]}},"steps":[{{"name":"s","plugin":"s@1.0.0"}}]{more}}}"#
        );
        parse(text.as_bytes()).unwrap()
    }

    fn canary(share_ppm: u32) -> Mode {
        Mode::Canary(Canary {
            share_ppm,
            max_error_ratio: None,
            max_p99_ms: None,
            min_events: 1,
        })
    }

    #[test]
    fn what_is_not_in_common_is_refused_with_its_field() {
        let plain = manifest("");
        let vectors = manifest(r#","vectors":{"v":{"dimensions":2}}"#);
        let output = manifest(r#","output":{"subject":"out.{key}"}"#);
        let tables = manifest(r#","tables":{"t":{"bucket":"b"}}"#);
        let inputs = manifest(r#","inputs":{"a":{"subjects":["in.>"],"key":{"json":"/id"}}}"#);
        let joins = manifest(r#","joins":{"j":{"left":"a","right":"t"}}"#);
        for (next, mode, path) in [
            (&vectors, Mode::Shadow, "vectors"),
            (&vectors, canary(1), "vectors"),
            (&tables, Mode::Shadow, "tables"),
            (&inputs, Mode::Shadow, "inputs"),
            (&joins, canary(1), "joins"),
            (&output, canary(1), "output.subject"),
        ] {
            let text = check_beside(&plain, next, mode).unwrap_err().to_string();
            assert!(text.contains(path) && text.contains("without"), "{text}");
        }
        assert!(check_beside(&plain, &output, Mode::Shadow).is_ok());
        let mut other_layout = plain.clone();
        other_layout.steps[0].state_version = 2;
        assert!(check_beside(&plain, &other_layout, canary(1)).is_err());
    }

    #[test]
    fn a_share_of_nothing_is_refused() {
        let plain = manifest("");
        assert!(check_beside(&plain, &plain, canary(0)).is_err());
        assert!(check_beside(&plain, &plain, canary(WHOLE_PPM + 1)).is_err());
        assert!(check_beside(&plain, &plain, canary(WHOLE_PPM)).is_ok());
    }
}
