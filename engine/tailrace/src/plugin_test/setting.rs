//! The pipeline that a rehearsal runs: one step of a pipeline's manifest, or, without one, a pipeline made
//! around the plugin. Either way it passes the checks that applying it would.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use tailrace_core::{
    grant::Grant,
    identity::Digest,
    manifest::{
        Decode, Delay, Delivery, ErrorPolicy, Extract, InputManifest, Keep, Limits, Markers, OnLoss,
        OutputManifest, PipelineManifest, PluginRef, SchemaRules, SketchManifest, Start, StepManifest,
        TableManifest, VectorManifest, WatermarkManifest,
        check::check,
        config::WrittenConfig,
        parse::{self, Written},
        step_needs,
    },
    name::Name,
    ports::plugins::Admitted,
    units::{Bytes, Span},
};

use crate::cli::error::misuse;

/// A pipeline of one step, ready to run.
#[derive(Debug)]
pub struct Setting {
    /// Its manifest.
    pub manifest: PipelineManifest,
    /// The plugin.
    pub digest: Digest,
}

/// What the caller says of it.
#[derive(Debug, Default)]
pub struct Wishes {
    /// The pipeline to take the step from.
    pub pipeline: Option<Written>,
    /// The step to take.
    pub step: Option<String>,
    /// Name of the plugin, as a step of the pipeline would name it.
    pub plugin: Option<String>,
    /// The step's config.
    pub config: Option<WrittenConfig>,
    /// Fuel of a call.
    pub fuel: Option<u64>,
    /// Linear memory.
    pub memory: Option<Bytes>,
    /// Wall time of a call.
    pub deadline: Option<Span>,
    /// Where the key is.
    pub key: Option<Extract>,
    /// Subject of what is emitted.
    pub out_subject: Option<String>,
    /// Further collections.
    pub vectors: Vec<(Name, VectorManifest)>,
    /// Further sketches.
    pub sketches: Vec<(Name, SketchManifest)>,
    /// Tables whose rows are given.
    pub tables: Vec<Name>,
}

impl Setting {
    /// Puts it together for a plugin.
    pub fn new(wishes: Wishes, admitted: &Admitted) -> anyhow::Result<Self> {
        let (mut manifest, mut configs) = match wishes.pipeline {
            Some(Written {
                manifest, configs, ..
            }) => {
                let taken = take_step(manifest, wishes.step.as_deref(), wishes.plugin.as_deref())?;
                (taken, configs)
            }
            None => (around(admitted)?, BTreeMap::new()),
        };
        let step = &mut manifest.steps[0];
        let own = || WrittenConfig::new(step.config.take(), configs.remove(&step.name));
        let config = wishes.config.unwrap_or_else(own);
        let settled = config.settled(admitted.config_schema.as_ref());
        step.config = settled.map_err(|misfit| {
            misuse(
                misfit.to_string(),
                "mend the config that --config or the pipeline gives",
            )
        })?;
        step.limits.fuel = wishes.fuel.unwrap_or(step.limits.fuel);
        step.limits.memory = wishes.memory.unwrap_or(step.limits.memory);
        step.limits.deadline = wishes.deadline.unwrap_or(step.limits.deadline);
        manifest.input.key = wishes.key.unwrap_or(manifest.input.key);
        if let Some(subject) = wishes.out_subject {
            manifest.output = Some(OutputManifest {
                subject,
                events: false,
                schema: None,
                cloudevents: None,
                keep: Keep::default(),
                replicas: None,
            });
        }
        manifest.vectors.extend(wishes.vectors);
        manifest.sketches.extend(wishes.sketches);
        for name in wishes.tables {
            manifest
                .tables
                .entry(name.clone())
                .or_insert_with(|| TableManifest {
                    bucket: Some(name.to_string()),
                    ..TableManifest::default()
                });
        }
        // A pipeline made here is granted what the plugin imports, vectors without a collection too.
        if manifest.vectors.is_empty() && admitted.imports.contains(&Grant::Vectors) {
            return Err(misuse(
                "the plugin uses vectors, but no collection is declared",
                "declare each that it uses: --vectors items:32:dot, or take them from a pipeline with --pipeline",
            ));
        }
        // Where there is no table, there is nothing to grant.
        if manifest.tables.is_empty() {
            manifest.steps[0].grants.retain(|grant| *grant != Grant::Tables);
        }
        check_needs(&manifest, admitted)?;
        check(&manifest)
            .map_err(|cause| misuse(cause.to_string(), "mend the flag or the pipeline that says so"))?;
        Ok(Self {
            manifest,
            digest: admitted.digest,
        })
    }
}

/// The pipeline with one of its steps only.
fn take_step(
    mut manifest: PipelineManifest,
    wanted: Option<&str>,
    plugin: Option<&str>,
) -> anyhow::Result<PipelineManifest> {
    let named = |step: &StepManifest| wanted.is_some_and(|wanted| step.name.as_str() == wanted);
    let runs = |step: &StepManifest| plugin.is_some_and(|plugin| step.plugin.name.as_str() == plugin);
    let found = match wanted {
        Some(_) => manifest.steps.iter().position(named),
        None if manifest.steps.len() == 1 => Some(0),
        None => manifest.steps.iter().position(runs),
    };
    let Some(found) = found else {
        let names: Vec<&str> = manifest.steps.iter().map(|step| step.name.as_str()).collect();
        return Err(misuse(
            format!("which step of pipeline {} is meant is not clear", manifest.name),
            format!("choose one with --step: {}", names.join(", ")),
        ));
    };
    manifest.steps = vec![manifest.steps.swap_remove(found)];
    Ok(manifest)
}

/// A pipeline made around the plugin, with everything granted that it imports.
fn around(admitted: &Admitted) -> anyhow::Result<PipelineManifest> {
    let name = Name::new("offline")?;
    let step = StepManifest {
        name: Name::new("plugin")?,
        plugin: PluginRef {
            name: name.clone(),
            version: "0.0.0".parse()?,
        },
        config: serde_json::Value::Null,
        grants: admitted.imports.iter().copied().collect(),
        state_version: 1,
        limits: Limits::default(),
        on_error: ErrorPolicy::default(),
    };
    Ok(PipelineManifest {
        name,
        input: InputManifest {
            stream: None,
            subjects: vec!["events.>".to_owned()],
            key: Extract::default(),
            partition: None,
            time: None,
            schema: None,
            schema_rules: SchemaRules::Apply,
            decode: Decode::Json,
            cloudevents: None,
            // Nothing is out of order in a file, so what ends can be seen to end.
            watermark: WatermarkManifest {
                delay: Delay(Span::from_millis(0)),
                ..WatermarkManifest::default()
            },
            start: Start::All,
            dedup: None,
            markers: Markers::default(),
            on_loss: OnLoss::default(),
        },
        inputs: BTreeMap::new(),
        partitions: 1,
        delivery: Delivery::ExactlyOnce,
        steps: vec![step],
        vectors: BTreeMap::new(),
        sketches: BTreeMap::new(),
        tables: BTreeMap::new(),
        joins: BTreeMap::new(),
        windows: BTreeMap::new(),
        output: Some(OutputManifest {
            subject: "results.{key}".to_owned(),
            schema: None,
            cloudevents: None,
            events: false,
            keep: Keep::default(),
            replicas: None,
        }),
        circuit_breaker: None,
        alarms: Vec::new(),
        rate: None,
    })
}

fn check_needs(manifest: &PipelineManifest, admitted: &Admitted) -> anyhow::Result<()> {
    let step = &manifest.steps[0];
    let schema = admitted.config_schema.as_ref();
    let checked = step_needs::check(step, &admitted.imports, schema, &manifest.tables);
    checked.map_err(|lack| {
        let way_out = match lack.place.as_str() {
            "grants" => format!("{} in that step", lack.way_out),
            _ => "give its rows: --table NAME=FILE".to_owned(),
        };
        misuse(
            format!("step {}: the plugin {}", step.name, lack.trouble),
            way_out,
        )
    })
}

/// Reads a pipeline's manifest.
pub fn read_pipeline(path: &Path) -> anyhow::Result<Written> {
    let text = std::fs::read(path).with_context(|| format!("cannot read the pipeline {}", path.display()))?;
    parse::read(&text).map_err(|cause| {
        misuse(
            format!("{}: {cause}", path.display()),
            "`tailrace pipeline schema` describes all fields",
        )
    })
}

/// Reads a plugin's config: JSON or YAML.
pub fn read_config(path: &Path) -> anyhow::Result<WrittenConfig> {
    let text = std::fs::read(path).with_context(|| format!("cannot read the config {}", path.display()))?;
    WrittenConfig::read(&text).map_err(|cause| {
        misuse(
            format!("{} is neither JSON nor YAML: {}", path.display(), cause.message),
            "write it as under `config:` of a step",
        )
    })
}
