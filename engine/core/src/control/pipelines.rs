//! Applying, pausing, rolling back and deleting pipelines. Everything is checked before anything is
//! written, down to a dry run of each plugin's `configure`; so a pipeline that is accepted starts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Serialize;

use super::{Control, ControlError, Outcome};
use crate::{
    identity::{Digest, PipelineId},
    name::Name,
    pipeline::{
        plan::{config_text, own_stream},
        run::load_plugin,
        schedule,
        status::{State, StatusReport},
    },
    ports::{
        broker::{BrokerError, StreamFacts},
        plugins::{Plugin, PluginError},
    },
    registry::{Key, Pipeline, PluginVersion, Revision, Tenant},
    spec::{OutputSpec, PipelineSpec, StepSpec, check::check, parse::SpecError},
    subject,
};

/// Revisions that are kept of a pipeline.
const KEPT_REVISIONS: u64 = 100;

/// Pause between two looks at whether a revision was taken up.
const ADOPTION_POLL: Duration = Duration::from_millis(2);

/// What applying a pipeline came to.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedPipeline {
    /// The active revision.
    pub revision: u64,
    /// Whether anything changed.
    pub changed: bool,
}

/// A pipeline's status, with what the broker knows.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineStatusReport {
    /// The active revision in the registry.
    pub active_revision: u64,
    /// What this engine does with it.
    #[serde(flatten)]
    pub engine: StatusReport,
    /// Last sequence of the input stream, where the broker answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_last_sequence: Option<u64>,
    /// Messages of the stream behind the lowest position; those of other subjects are counted too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// Dead letters that lie in the stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<u64>,
}

impl Control {
    /// Makes a pipeline, or a new revision of it.
    pub async fn apply_pipeline(&self, tenant: &Name, mut spec: PipelineSpec) -> Outcome<AppliedPipeline> {
        check(&spec)?;
        let owner = self.tenant(tenant)?;
        let id = PipelineId {
            tenant: tenant.clone(),
            pipeline: spec.name.clone(),
        };
        check_grants(&owner, &spec)?;
        spec.input.stream = Some(self.resolve_stream(&spec).await?);
        let key = Key::Pipeline(id.clone());
        let known = self.read::<Pipeline>(&key).await?;
        if let Some((known, _)) = &known {
            check_change(&known.active.spec, &spec)?;
        } else {
            self.check_quota(&owner, &spec)?;
        }
        let plugins = self.check_plugins(tenant, &spec).await?;
        self.check_output(&id, &spec).await?;
        if let Some((known, _)) = &known
            && known.active.spec == spec
            && known.active.plugins == plugins
        {
            return Ok(AppliedPipeline {
                revision: known.active.number,
                changed: false,
            });
        }
        self.activate(&id, known, spec, plugins, None).await
    }

    /// Makes a revision active that was active before, as a new revision.
    pub async fn roll_back(&self, id: &PipelineId, to: Option<u64>) -> Outcome<AppliedPipeline> {
        let known = self.read::<Pipeline>(&Key::Pipeline(id.clone())).await?;
        let Some((pipeline, _)) = &known else {
            return Err(ControlError::not_found("pipeline", &id.pipeline));
        };
        let to = to.unwrap_or(pipeline.active.number.saturating_sub(1));
        let target = self.revision(id, to).await?;
        check_change(&pipeline.active.spec, &target.spec)?;
        check_grants(&*self.tenant(&id.tenant)?, &target.spec)?;
        self.activate(id, known, target.spec, target.plugins, Some(to))
            .await
    }

    async fn activate(
        &self,
        id: &PipelineId,
        known: Option<(Pipeline, u64)>,
        spec: PipelineSpec,
        plugins: BTreeMap<Name, Digest>,
        rolled_back_to: Option<u64>,
    ) -> Outcome<AppliedPipeline> {
        let key = Key::Pipeline(id.clone());
        let (mut pipeline, expected) = match known {
            Some((pipeline, revision)) => (Some(pipeline), revision),
            None => (None, self.revision_of(&key).await?),
        };
        let number = pipeline.as_ref().map_or(1, |pipeline| pipeline.active.number + 1);
        let active = Revision {
            number,
            spec,
            plugins,
            applied_ms: self.now_ms(),
            rolled_back_to,
        };
        // Here, not only when it starts: another pipeline may read its output from now on.
        self.world
            .streams
            .ensure_own(&own_stream(id, &active.spec))
            .await?;
        let revision_key = Key::Revision(id.clone(), number);
        // The revision first: what it says is the same if a try that failed left one behind.
        let revision_expected = self.revision_of(&revision_key).await?;
        self.write(&revision_key, &active, revision_expected).await?;
        let entry = match pipeline.take() {
            Some(before) => Pipeline { active, ..before },
            None => Pipeline {
                active,
                paused: None,
                redriven: 0,
                created_ms: self.now_ms(),
            },
        };
        self.write(&key, &entry, expected).await?;
        if number > KEPT_REVISIONS {
            self.remove(&Key::Revision(id.clone(), number - KEPT_REVISIONS))
                .await?;
        }
        self.wait_adopted(id, number).await;
        Ok(AppliedPipeline {
            revision: number,
            changed: true,
        })
    }

    /// Waits until a running pipeline has taken the revision up, so that who changes it sees the change
    /// at work. One that does not run takes it up when it does.
    async fn wait_adopted(&self, id: &PipelineId, revision: u64) {
        let adopted = async {
            while let Some(status) = self.overview.pipeline(id)
                && status.state() == State::Running
                && status.revision() < revision
            {
                tokio::time::sleep(ADOPTION_POLL).await;
            }
        };
        let _ = tokio::time::timeout(super::SEEN_WITHIN, adopted).await;
    }

    /// The stream that holds the input's subjects.
    async fn resolve_stream(&self, spec: &PipelineSpec) -> Outcome<String> {
        if let Some(name) = &spec.input.stream {
            let facts = match self.world.streams.stream(name).await {
                Err(BrokerError::NoStream(_)) => {
                    return Err(SpecError::new("input.stream", format!("there is no stream {name:?}; make it, or leave `stream` out and the engine finds the one that holds the subjects")).into());
                }
                other => other?,
            };
            check_reach(spec, &facts)?;
            return Ok(name.clone());
        }
        let mut found: Vec<String> = Vec::new();
        for (index, pattern) in spec.input.subjects.iter().enumerate() {
            let streams = self.world.streams.streams_with(pattern).await?;
            if streams.is_empty() {
                return Err(SpecError::new(
                    format!("input.subjects[{index}]"),
                    format!("no stream holds {pattern:?}; make one (nats stream add), or check the spelling"),
                )
                .into());
            }
            found.extend(streams);
        }
        found.sort_unstable();
        found.dedup();
        match &*found {
            [only] => Ok(only.clone()),
            several => Err(SpecError::new(
                "input.stream",
                format!(
                    "{} streams hold these subjects; name the one you mean",
                    several.len()
                ),
            )
            .into()),
        }
    }

    fn check_quota(&self, tenant: &Tenant, spec: &PipelineSpec) -> Outcome<()> {
        let registry = self.registry()?;
        let pipelines = registry.pipelines_of(&tenant.name).count();
        let partitions: u32 = registry
            .pipelines_of(&tenant.name)
            .map(|(_, pipeline)| pipeline.active.spec.partitions)
            .sum();
        let Tenant { quotas, .. } = tenant;
        if pipelines >= quotas.pipelines as usize {
            return Err(ControlError::Quota(format!(
                "the tenant's quota of {} pipelines is used up",
                quotas.pipelines
            )));
        }
        if partitions + spec.partitions > quotas.partitions {
            return Err(ControlError::Quota(format!(
                "the tenant's quota of {} partitions leaves {}",
                quotas.partitions,
                quotas.partitions - partitions
            )));
        }
        Ok(())
    }

    /// Every plugin exists, imports only what it is granted, and takes its config.
    async fn check_plugins(&self, tenant: &Name, spec: &PipelineSpec) -> Outcome<BTreeMap<Name, Digest>> {
        let registry = self.registry()?;
        let mut digests = BTreeMap::new();
        for (index, step) in spec.steps.iter().enumerate() {
            let path = format!("steps[{index}]");
            let version = registry.plugins.get(&(tenant.clone(), step.plugin.clone())).ok_or_else(|| {
                let plugin = &step.plugin;
                SpecError::new(format!("{path}.plugin"), format!("there is no plugin {plugin}; upload it first: tailrace plugin push … --name {} --version {}", plugin.name, plugin.version))
            })?;
            check_imports(&path, step, version)?;
            let plugin = load_plugin(&self.world, tenant, version.digest).await?;
            let gone = || {
                ControlError::Internal(format!(
                    "the bytes of {} are gone from the object store; upload them again",
                    step.plugin
                ))
            };
            self.dry_run(&path, tenant, step, plugin.ok_or_else(gone)?)
                .await?;
            digests.insert(step.name.clone(), version.digest);
        }
        Ok(digests)
    }

    /// Instantiates and configures the plugin once, so that a bad config is refused here and now.
    async fn dry_run(
        &self,
        path: &str,
        tenant: &Name,
        step: &StepSpec,
        plugin: Arc<dyn Plugin>,
    ) -> Outcome<()> {
        let (config, limits) = (config_text(&step.config), step.limits.to_call_limits());
        let tried = schedule::run(&*self.world.turns, tenant, move || {
            plugin.instantiate(&config, &limits).map(drop)
        })
        .await;
        match tried.map_err(|lost| ControlError::Internal(lost.to_string()))? {
            Ok(()) => Ok(()),
            Err(PluginError::Engine(cause)) => Err(ControlError::Internal(cause)),
            Err(cause) => Err(SpecError::new(format!("{path}.config"), cause.to_string()).into()),
        }
    }

    /// The output's subjects lie in no other stream.
    async fn check_output(&self, id: &PipelineId, spec: &PipelineSpec) -> Outcome<()> {
        let Some(pattern) = spec.output.as_ref().map(OutputSpec::pattern) else {
            return Ok(());
        };
        let own = subject::stream_name(id);
        let holders = self.world.streams.streams_with(&pattern).await?;
        let Some(holder) = holders.into_iter().find(|name| *name != own) else {
            return Ok(());
        };
        let mine = format!("TR_{}_", id.tenant);
        // Another tenant's pipeline is not named: that it exists is not this tenant's business.
        let shown = if holder.starts_with("TR_") && !holder.starts_with(&mine) {
            "another stream".to_owned()
        } else {
            format!("stream {holder:?}")
        };
        Err(SpecError::new("output.subject", format!("{pattern:?} is already held by {shown}, and two streams cannot hold the same subject; choose another")).into())
    }

    /// A pipeline as it is registered.
    pub fn get_pipeline(&self, id: &PipelineId) -> Outcome<Arc<Pipeline>> {
        self.pipeline(id)
    }

    /// All pipelines of a tenant, with what this engine does with them.
    pub fn list_pipelines(&self, tenant: &Name) -> Outcome<Vec<(Arc<Pipeline>, State)>> {
        self.tenant(tenant)?;
        let registry = self.registry()?;
        let list = registry.pipelines_of(tenant).map(|(id, pipeline)| {
            let state = self
                .overview
                .pipeline(id)
                .map(|status| status.state())
                .unwrap_or_default();
            (pipeline.clone(), state)
        });
        Ok(list.collect())
    }

    /// Numbers of the revisions that are kept.
    pub fn revisions(&self, id: &PipelineId) -> Outcome<Vec<u64>> {
        self.pipeline(id)?;
        Ok(self
            .registry()?
            .revisions
            .get(id)
            .into_iter()
            .flatten()
            .copied()
            .collect())
    }

    /// One revision.
    pub async fn revision(&self, id: &PipelineId, number: u64) -> Outcome<Revision> {
        let found = self.read(&Key::Revision(id.clone(), number)).await?;
        found
            .map(|(revision, _)| revision)
            .ok_or_else(|| ControlError::not_found("revision", &number))
    }

    /// Pauses a pipeline, or lets it go on.
    pub async fn set_paused(&self, id: &PipelineId, reason: Option<String>) -> Outcome<()> {
        self.change(id, |pipeline| pipeline.paused = reason).await
    }

    /// Changes a pipeline's entry.
    pub(super) async fn change(&self, id: &PipelineId, change: impl FnOnce(&mut Pipeline)) -> Outcome<()> {
        let key = Key::Pipeline(id.clone());
        let known = self.read::<Pipeline>(&key).await?;
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
    pub async fn delete_pipeline(&self, id: &PipelineId) -> Outcome<()> {
        let pipeline = self.pipeline(id)?;
        self.remove(&Key::Pipeline(id.clone())).await?;
        self.wait_until(|registry| !registry.pipelines.contains_key(id))
            .await?;
        for number in self.registry()?.revisions.get(id).into_iter().flatten() {
            self.remove(&Key::Revision(id.clone(), *number)).await?;
        }
        // The engine lets go of the pipeline before its stream goes.
        while self.overview.pipeline(id).is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let input = pipeline.active.spec.input.stream.clone().unwrap_or_default();
        Ok(self.world.streams.remove_own(id, &input).await?)
    }

    /// What a pipeline is doing.
    pub async fn pipeline_status(&self, id: &PipelineId) -> Outcome<PipelineStatusReport> {
        let pipeline = self.pipeline(id)?;
        let status = self.overview.pipeline(id);
        let engine = status.map_or_else(
            || crate::pipeline::status::PipelineStatus::default().report(),
            |status| status.report(),
        );
        let stream = pipeline.active.spec.input.stream.clone().unwrap_or_default();
        let facts = self.world.streams.stream(&stream).await.ok();
        let position = engine.partitions.iter().map(|partition| partition.position).min();
        let last = facts.map(|facts| facts.last_sequence);
        Ok(PipelineStatusReport {
            active_revision: pipeline.active.number,
            lag: last
                .zip(position)
                .map(|(last, position)| last.saturating_sub(position)),
            stream_last_sequence: last,
            dead_letters: self.world.dead_letters.count(id).await.ok(),
            engine,
        })
    }

    /// The stream that a pipeline would have, for those who look at it from outside.
    pub fn own_stream_name(&self, id: &PipelineId) -> Outcome<String> {
        let pipeline = self.pipeline(id)?;
        Ok(subject::stream_name(
            &own_stream(id, &pipeline.active.spec).pipeline,
        ))
    }
}

fn check_grants(tenant: &Tenant, spec: &PipelineSpec) -> Outcome<()> {
    for (index, pattern) in spec.input.subjects.iter().enumerate() {
        if !tenant.may_read(pattern) {
            let granted = tenant.read.join(", ");
            return Err(SpecError::new(
                format!("input.subjects[{index}]"),
                format!(
                    "{pattern:?} is outside the tenant's read grant ({granted}); ask an operator to widen it"
                ),
            )
            .into());
        }
    }
    let pattern = spec.output.as_ref().map(OutputSpec::pattern);
    if let Some(pattern) = pattern.filter(|pattern| !tenant.may_write(pattern)) {
        let granted = tenant.write.join(", ");
        return Err(SpecError::new(
            "output.subject",
            format!(
                "{pattern:?} is outside the tenant's write grant ({granted}); ask an operator to widen it"
            ),
        )
        .into());
    }
    Ok(())
}

fn check_imports(path: &str, step: &StepSpec, version: &PluginVersion) -> Outcome<()> {
    let missing: Vec<_> = version
        .imports
        .iter()
        .filter(|import| !step.grants.contains(import))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let listed = version
        .imports
        .iter()
        .map(|import| format!("{import:?}").to_lowercase())
        .collect::<Vec<_>>()
        .join(", ");
    let first = format!("{:?}", missing[0]).to_lowercase();
    Err(SpecError::new(
        format!("{path}.grants"),
        format!(
            "plugin {} imports {first}, which the step is not granted; write grants: [{listed}]",
            step.plugin
        ),
    )
    .into())
}

/// What a revision cannot change, because positions and partitions of what is committed depend on it.
fn check_change(before: &PipelineSpec, after: &PipelineSpec) -> Outcome<()> {
    let fixed = [
        ("input.stream", before.input.stream == after.input.stream),
        ("input.key", before.input.key == after.input.key),
        ("partitions", before.partitions == after.partitions),
    ];
    for (path, same) in fixed {
        if !same {
            return Err(SpecError::new(path, "cannot change in the life of a pipeline, because its state is divided by it; apply it under another name, or delete this one first").into());
        }
    }
    for (name, vectors) in &after.vectors {
        if before
            .vectors
            .get(name)
            .is_some_and(|known| known.dimensions != vectors.dimensions)
        {
            return Err(SpecError::new(
                format!("vectors.{name}.dimensions"),
                "cannot change while the collection holds vectors; declare a new collection",
            )
            .into());
        }
    }
    for (name, sketch) in &after.sketches {
        if before
            .sketches
            .get(name)
            .is_some_and(|known| known.kind != sketch.kind || known.size != sketch.size)
        {
            return Err(SpecError::new(
                format!("sketches.{name}"),
                "kind and size cannot change; declare a new sketch",
            )
            .into());
        }
    }
    Ok(())
}

fn check_reach(spec: &PipelineSpec, facts: &StreamFacts) -> Outcome<()> {
    for (index, pattern) in spec.input.subjects.iter().enumerate() {
        if !facts.subjects.iter().any(|held| subject::overlap(held, pattern)) {
            let held = facts.subjects.join(", ");
            return Err(SpecError::new(
                format!("input.subjects[{index}]"),
                format!("stream {:?} never holds {pattern:?}; it holds {held}", facts.name),
            )
            .into());
        }
    }
    Ok(())
}
