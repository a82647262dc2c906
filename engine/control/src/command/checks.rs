//! What a pipeline needs of the world, checked before anything is written: grants, quotas, streams,
//! plugins and their configs. Each refusal names the field and what would be right, and tells nothing
//! of other tenants.
//!
//! Why: docs/decisions/0021-the-input-is-fixed.md

use std::{collections::BTreeMap, sync::Arc};

use tailrace_core::{
    alarm::notice::Target,
    identity::{Digest, PipelineId},
    load::load_plugin,
    manifest::{
        OutputManifest, PipelineManifest, PluginRef, StepManifest, TableManifest, config_text,
        error::ManifestError, mistakes::Mistakes, step_needs,
    },
    name::Name,
    ports::{
        broker::StreamFacts,
        executor,
        plugins::{Plugin, PluginError},
    },
    registry::{Key, PluginVersion, Tenant},
    subject,
    units::Bytes,
    yaml::Yaml,
};

use crate::{
    command::{
        Commands,
        sift::sift,
        stream_search::{StreamSearch, reaches},
    },
    error::{ControlError, ControlResult},
    query::graph::cycle,
};

impl Commands {
    /// The stream that holds the input's subjects.
    pub(crate) async fn resolve_stream(
        &self,
        tenant: &Name,
        manifest: &PipelineManifest,
    ) -> ControlResult<StreamFacts> {
        let streams = self.context.world_of(tenant).await?.streams;
        let search = StreamSearch {
            streams: &*streams,
            tenant,
            field: "input.stream".to_owned(),
            patterns: patterns(manifest),
        };
        if let Some(name) = &manifest.input.stream {
            return search.named(name, search.gone(name)).await;
        }
        let way_out =
            ", or make one that takes in all of them: tailrace stream create NAME --source STREAM=SUBJECT";
        search.only(way_out).await
    }

    /// Every plugin exists, imports only what it is granted, and takes its config. A config that was written in YAML
    /// is read as the plugin's schema types its places.
    pub(crate) async fn check_plugins(
        &self,
        tenant: &Name,
        manifest: &mut PipelineManifest,
        configs: &BTreeMap<Name, Yaml>,
        found: &mut Mistakes,
    ) -> ControlResult<BTreeMap<Name, Digest>> {
        let mut digests = BTreeMap::new();
        for index in 0..manifest.steps.len() {
            let looked = self.look_at_plugin(tenant, manifest, index, configs);
            let Some(version) = sift(found, looked)? else {
                continue;
            };
            let step = &manifest.steps[index];
            let plugin = load_plugin(&self.context.world, tenant, version.digest).await?;
            let Some(plugin) = plugin else {
                return Err(self.without_bytes(tenant, &step.plugin, &version).await);
            };
            let path = format!("steps[{index}]");
            let tried = self.dry_run(&path, tenant, step, plugin).await;
            if sift(found, tried)?.is_some() {
                digests.insert(step.name.clone(), version.digest);
            }
        }
        Ok(digests)
    }

    /// A step's plugin exists, its config is what the plugin declares, and it is granted what it needs.
    pub(crate) fn look_at_plugin(
        &self,
        tenant: &Name,
        manifest: &mut PipelineManifest,
        index: usize,
        configs: &BTreeMap<Name, Yaml>,
    ) -> ControlResult<Arc<PluginVersion>> {
        let (path, step) = (format!("steps[{index}]"), &mut manifest.steps[index]);
        let known = self.context.known_version(tenant, &step.plugin)?;
        let version = known.ok_or_else(|| {
            let plugin = &step.plugin;
            ManifestError::new(format!("{path}.plugin"), format!("there is no plugin {plugin}; upload it first: tailrace plugin push … --name {} --version {}", plugin.name, plugin.version))
        })?;
        check_stays(&path, step, &version)?;
        check_config(&path, step, &version, configs.get(&step.name))?;
        check_needs(&path, step, &version, &manifest.tables)?;
        Ok(version)
    }

    /// Why a version has no bytes: it is on its way out with its tenant, or they were lost.
    async fn without_bytes(&self, tenant: &Name, plugin: &PluginRef, seen: &PluginVersion) -> ControlError {
        let key = Key::Plugin(tenant.clone(), plugin.clone());
        let version = self.context.read::<PluginVersion>(&key).await;
        let owner = self.context.read::<Tenant>(&Key::Tenant(tenant.clone())).await;
        let (version, owner) = match (version, owner) {
            (Ok(version), Ok(owner)) => (version, owner),
            (Err(cause), _) | (_, Err(cause)) => return cause,
        };
        let is_there = version.is_some_and(|(version, _)| version.life == seen.life);
        if is_there && owner.is_some_and(|(owner, _)| !owner.deleting) {
            return ControlError::Internal(format!(
                "the bytes of {plugin} are gone from the object store; upload them again"
            ));
        }
        ControlError::Conflict(format!("plugin {plugin} was deleted meanwhile"))
    }

    /// Instantiates and configures the plugin once, so that a bad config is refused here and now.
    async fn dry_run(
        &self,
        path: &str,
        tenant: &Name,
        step: &StepManifest,
        plugin: Arc<dyn Plugin>,
    ) -> ControlResult<()> {
        let (config, limits) = (config_text(&step.config), step.limits.to_call_limits());
        let tried = executor::run(&*self.context.world.turns, tenant, move || {
            plugin.instantiate(&config, &limits).map(drop)
        })
        .await;
        match tried.map_err(|lost| ControlError::Internal(lost.to_string()))? {
            Ok(()) => Ok(()),
            Err(PluginError::Engine(cause)) => Err(ControlError::Internal(cause)),
            Err(cause) => {
                let field = match cause {
                    PluginError::Memory { .. } => "limits.memory",
                    _ => "config",
                };
                Err(ManifestError::new(format!("{path}.{field}"), cause.to_string()).into())
            }
        }
    }

    /// No pipeline feeds itself, through whatever others of its tenant.
    pub(crate) fn check_circle(&self, id: &PipelineId, manifest: &PipelineManifest) -> ControlResult<()> {
        let Some(circle) = cycle::closed_by(&*self.context.registry()?, id, manifest) else {
            return Ok(());
        };
        let circle: Vec<String> = circle.iter().map(Name::to_string).collect();
        let circle = circle.join(" -> ");
        Err(ManifestError::new(
            "output.subject",
            format!(
                "the pipelines would feed themselves: {circle}; publish on a subject that none of them reads"
            ),
        )
        .into())
    }

    /// The output's subjects lie in no other stream.
    pub(crate) async fn check_output(
        &self,
        id: &PipelineId,
        manifest: &PipelineManifest,
    ) -> ControlResult<()> {
        let Some(pattern) = manifest.output.as_ref().map(OutputManifest::pattern) else {
            return Ok(());
        };
        let Some(shown) = self.other_holder(id, &pattern).await? else {
            return Ok(());
        };
        Err(ManifestError::new("output.subject", format!("{pattern:?} is already held by {shown}, and two streams cannot hold the same subject; choose another")).into())
    }

    /// The stream beside the pipeline's own that holds subjects of a pattern, in words.
    pub(crate) async fn other_holder(&self, id: &PipelineId, pattern: &str) -> ControlResult<Option<String>> {
        let own = subject::stream_name(id);
        let streams = self.context.world_of(&id.tenant).await?.streams;
        let holders = streams.streams_with(pattern).await?;
        let holder = holders.into_iter().find(|name| *name != own);
        // Another tenant's stream is not named: that it exists is not this tenant's business.
        Ok(holder.map(|holder| {
            if subject::is_anothers(&holder, &id.tenant) {
                "another stream".to_owned()
            } else {
                format!("stream {holder:?}")
            }
        }))
    }
}

impl Commands {
    /// Alarms may be told to where they are to be told.
    pub(crate) async fn check_alarms(
        &self,
        tenant: &Tenant,
        manifest: &PipelineManifest,
    ) -> ControlResult<()> {
        for (index, alarm) in manifest.alarms.iter().enumerate() {
            let refused = |field: &str, why: String| {
                ControlError::from(ManifestError::new(format!("alarms[{index}].notify.{field}"), why))
            };
            if let Some(told) = &alarm.notify.subject {
                if !tenant.may_write(told) {
                    let granted = tenant.write.join(", ");
                    let why = format!(
                        "{told:?} is outside the tenant's write grant ({granted}); ask an operator to widen it"
                    );
                    return Err(refused("subject", why));
                }
                let streams = self.context.world.of(tenant.nats_account.as_ref()).await?.streams;
                let holders = streams.streams_with(told).await?;
                if holders.iter().any(|name| name.starts_with("TR_")) {
                    let why = format!(
                        "{told:?} is held by a pipeline's own stream, which commits alone may write; choose another"
                    );
                    return Err(refused("subject", why));
                }
            }
            if let Some(url) = &alarm.notify.webhook {
                let allowed = self.context.world.notices.check(&Target::Webhook(url.clone()));
                allowed.map_err(|why| refused("webhook", why))?;
            }
        }
        Ok(())
    }
}

/// No step gives its plugin more memory than the operator allows.
pub(crate) fn check_memory(owner: &Tenant, manifest: &PipelineManifest) -> ControlResult<()> {
    let most = owner.quotas.memory_bytes;
    let mut steps = manifest.steps.iter().enumerate();
    let beyond = steps.find(|(_, step)| step.limits.memory.0 > most);
    beyond.map_or(Ok(()), |(index, step)| {
        let (asked, most) = (step.limits.memory, Bytes(most));
        Err(ControlError::Quota(format!(
            "steps[{index}].limits.memory: {asked} is more than the tenant's quota memory-bytes of {most}; take less, or ask an operator to raise it"
        )))
    })
}

/// The config is what the plugin's schema says, if it has one.
fn check_config(
    path: &str,
    step: &mut StepManifest,
    version: &PluginVersion,
    written: Option<&Yaml>,
) -> Result<(), ManifestError> {
    let Some(schema) = &version.config_schema else {
        return Ok(());
    };
    let settled = schema.settle(&mut step.config, written);
    settled.map_err(|misfit| ManifestError::new(format!("{path}.config{}", misfit.path), misfit.message))
}

/// A version that is being deleted cannot be named any more.
fn check_stays(path: &str, step: &StepManifest, version: &PluginVersion) -> Result<(), ManifestError> {
    if !version.deleting {
        return Ok(());
    }
    let why = format!("plugin {} is being deleted; name another version", step.plugin);
    Err(ManifestError::new(format!("{path}.plugin"), why))
}

fn check_needs(
    path: &str,
    step: &StepManifest,
    version: &PluginVersion,
    tables: &BTreeMap<Name, TableManifest>,
) -> Result<(), ManifestError> {
    let checked = step_needs::check(step, &version.imports, version.config_schema.as_ref(), tables);
    checked.map_err(|lack| {
        let why = format!("plugin {} {}; {}", step.plugin, lack.trouble, lack.way_out);
        ManifestError::new(format!("{path}.{}", lack.place), why)
    })
}

/// What a revision cannot change, because positions and partitions of what is committed depend on it.
pub(crate) fn check_change(before: &PipelineManifest, after: &PipelineManifest) -> ControlResult<()> {
    let fixed = [
        ("input.stream", before.input.stream == after.input.stream),
        ("input.key", has_its_keys(before, after)),
        ("input.partition", before.input.partition == after.input.partition),
        ("partitions", before.partitions == after.partitions),
    ];
    for (path, same) in fixed {
        if !same {
            return Err(ManifestError::new(path, "cannot change in the life of a pipeline, because its state is divided by it; apply it under another name, or delete this one first").into());
        }
    }
    Ok(check_held(before, after, |_| false)?)
}

/// What cannot change because of what is held under its name. Names that are of no interest are passed over.
pub(crate) fn check_held(
    before: &PipelineManifest,
    after: &PipelineManifest,
    passes: impl Fn(&Name) -> bool,
) -> Result<(), ManifestError> {
    for (name, vectors) in after.vectors.iter().filter(|(name, _)| !passes(name)) {
        if before
            .vectors
            .get(name)
            .is_some_and(|known| known.dimensions != vectors.dimensions)
        {
            return Err(ManifestError::new(
                format!("vectors.{name}.dimensions"),
                "cannot change while the collection holds vectors; declare a new collection",
            ));
        }
    }
    for (name, sketch) in after.sketches.iter().filter(|(name, _)| !passes(name)) {
        if before.sketches.get(name).is_some_and(|known| {
            known.config() != sketch.config() || known.window != sketch.window || known.by != sketch.by
        }) {
            return Err(ManifestError::new(
                format!("sketches.{name}"),
                "kind, size, window and by cannot change, because what it holds is divided by them; declare a new sketch",
            ));
        }
    }
    Ok(())
}

/// Whether each input finds its keys where it did. An input that is new is free.
fn has_its_keys(before: &PipelineManifest, after: &PipelineManifest) -> bool {
    after.input_parts().all(|part| {
        let former = before.input_parts().find(|former| former.name == part.name);
        match former {
            Some(former) => former.key == part.key,
            // A name is given, or taken away: who was who cannot be told.
            None if part.name.is_none() || before.inputs.is_empty() => {
                before.input_parts().all(|former| former.key == part.key)
            }
            None => true,
        }
    })
}

fn patterns(manifest: &PipelineManifest) -> Vec<(String, String)> {
    let read = manifest.patterns_read();
    read.map(|(path, pattern)| (path, pattern.clone())).collect()
}

/// Whether a stream can hold what the pipeline reads.
pub(crate) fn check_reach(manifest: &PipelineManifest, facts: &StreamFacts) -> ControlResult<()> {
    Ok(reaches(&patterns(manifest), facts)?)
}
