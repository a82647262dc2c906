//! A revision made ready to run: its plugins loaded, its places to look at prepared. Immutable and
//! shared; a partition changes from one plan to the next between two batches.

mod inputs;
mod output;
mod reading;

use std::{collections::BTreeMap, sync::Arc};

pub use inputs::PlannedInput;
use output::PlannedOutput;
pub(crate) use output::{About, Written};
pub(crate) use reading::Read;

use bytes::Bytes;
use tailrace_core::{
    cloudevents,
    codec::{Codec, Registered},
    codes::LetterCode,
    event::Header,
    event_time::EventTime,
    extract::{PayloadFault, Scalar},
    grant::CallLimits,
    identity::{Digest, PipelineId},
    manifest::{self, Delivery, PipelineManifest, SketchManifest, StepManifest, sketches::Windowing},
    name::Name,
    ports::plugins::{Instance, Plugin, PluginError},
    registry::{Revision, candidate::Mode},
    series::{Group, MAX_GROUP_BYTES},
    watermark::ClockRule,
};
use tailrace_sketch::{Kind, TenantSeed, Update, hash_item, rank, shorten};

use crate::{
    arrival::{Identifier, MeasuredValue},
    joins::plan::Joins,
    tables::plan::Tables,
    windows::plan::Windows,
};

/// A revision with everything that running it needs.
pub struct Plan {
    /// Whose.
    pub pipeline: PipelineId,
    /// Its number.
    pub revision: u64,
    /// As the tenant wrote it.
    pub manifest: PipelineManifest,
    /// In the order of the steps.
    pub steps: Vec<PlannedStep>,
    /// The tenant's seed for hashing items of sketches.
    pub seed: TenantSeed,
    /// A revision that runs beside this one.
    pub candidate: Option<CandidatePlan>,
    /// How the clock of its input moves.
    pub clock_rule: ClockRule,
    /// Its tables.
    pub tables: Tables,
    /// Its joins.
    pub joins: Joins,
    /// Its windows.
    pub windows: Windows,
    inputs: Vec<PlannedInput>,
    output: PlannedOutput,
    measured: Vec<Measured>,
    /// Grouped sketches, in the order of their extractors.
    grouped: Vec<Name>,
    windowings: BTreeMap<Name, Windowing>,
    watched: Vec<Watched>,
}

/// A step with its plugin.
pub struct PlannedStep {
    /// As the tenant wrote it.
    pub manifest: StepManifest,
    /// Which plugin this is.
    pub digest: Digest,
    /// Its config as JSON text.
    pub config: String,
    /// What a call may take.
    pub limits: CallLimits,
    plugin: Arc<dyn Plugin>,
}

/// A candidate made ready to run.
pub struct CandidatePlan {
    /// Its revision.
    pub plan: Arc<Plan>,
    /// How it runs.
    pub mode: Mode,
}

/// Instances of a plan's steps, and of those of the candidate beside it. One that is not there is made at
/// its first event.
#[derive(Default)]
pub struct Instances {
    /// The plan's.
    pub active: Vec<Option<Box<dyn Instance>>>,
    /// The candidate's.
    pub candidate: Vec<Option<Box<dyn Instance>>>,
}

/// A sketch whose accuracy is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Its name.
    pub name: Name,
    /// What it measures.
    pub kind: Kind,
    /// Of its series, the share that is followed.
    pub share: f64,
    /// The tenant's, by which they are drawn.
    pub seed: TenantSeed,
}

/// A sketch that the engine itself measures.
#[derive(Debug, Clone)]
struct Measured {
    name: Name,
    kind: Kind,
    /// The step that must have accepted the event; none for all that it comes to.
    after: Option<Name>,
}

/// What the intake finds in an event beside the event itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its key; none where the pipeline's place for it is empty.
    pub key: Option<String>,
    /// What it is known by when it comes again, where the pipeline looks for that.
    pub dedup: Option<Identifier>,
    /// Its time.
    pub time: EventTime,
    /// Which source it is of, where sources have clocks of their own.
    pub source: Option<String>,
    /// Why nothing of its payload is believed, where the pipeline looks into it.
    pub fault: Option<PayloadFault>,
    /// What it has for the sketches that the engine itself measures.
    pub measured: Vec<MeasuredValue>,
    /// Its group in each grouped sketch.
    pub groups: Vec<(Name, Group)>,
}

impl Plan {
    /// Puts a revision together with its plugins, by step name.
    pub fn new(
        pipeline: PipelineId,
        revision: &Revision,
        plugins: &BTreeMap<Name, Arc<dyn Plugin>>,
        seed: TenantSeed,
    ) -> Self {
        let manifest = revision.manifest.clone();
        let steps = manifest.steps.iter().map(|step| PlannedStep {
            digest: revision.plugins[&step.name],
            config: manifest::config_text(&step.config),
            limits: step.limits.to_call_limits(),
            plugin: plugins[&step.name].clone(),
            manifest: step.clone(),
        });
        let steps = steps.collect();
        let windowings = manifest.sketches.iter();
        let windowings = windowings.filter_map(|(name, sketch)| Some((name.clone(), sketch.windowing()?)));
        let watched = |(name, sketch): (&Name, &SketchManifest)| {
            Some(Watched {
                name: name.clone(),
                kind: sketch.kind,
                share: sketch.watch?,
                seed,
            })
        };
        Self {
            watched: manifest.sketches.iter().filter_map(watched).collect(),
            revision: revision.number,
            steps,
            seed,
            candidate: None,
            clock_rule: ClockRule::of(&manifest),
            tables: Tables::of(&manifest),
            joins: Joins::of(&manifest, &revision.begun),
            windows: Windows::of(&manifest, &revision.begun),
            inputs: PlannedInput::of(&manifest),
            output: PlannedOutput::of(&pipeline, manifest.output.as_ref()),
            pipeline,
            measured: measured(&manifest),
            grouped: grouped(&manifest),
            windowings: windowings.collect(),
            manifest,
        }
    }

    /// Makes the schemas ready that the manifest names. Until then payloads are what they are.
    pub fn prepare_schemas(&mut self, registered: &Registered) -> Result<(), String> {
        let tenant = &self.pipeline.tenant;
        PlannedInput::prepare(&mut self.inputs, &self.manifest, (tenant, registered))?;
        let output = self.manifest.output.as_ref();
        if let Some(schema) = output.and_then(|output| output.schema.as_ref()) {
            let codec = Codec::of(tenant, schema, registered);
            self.output.codec = Some(codec.map_err(|why| format!("output.schema: {why}"))?);
        }
        Ok(())
    }

    /// Whether what is published is known by its name, as a CloudEvent is.
    pub(crate) fn names_messages(&self) -> bool {
        self.output.names_messages()
    }

    /// A message as it is published; or why it cannot be.
    pub(crate) fn written(
        &self,
        about: About<'_>,
        headers: Vec<Header>,
        payload: Bytes,
    ) -> Result<Written, (LetterCode, String)> {
        self.output.write(about, headers, payload)
    }

    /// The input that a message on this subject is of.
    pub fn input_of(&self, subject: &str) -> &PlannedInput {
        PlannedInput::find(&self.inputs, subject)
    }

    /// The sources that are known before anything has come of them: the named inputs, unless the manifest says
    /// otherwise.
    pub fn expected_sources(&self) -> impl Iterator<Item = &Name> {
        let per = self.manifest.input.watermark.per.as_ref();
        self.manifest.inputs.keys().filter(move |_| per.is_none())
    }

    /// Looks for key, time and the measured values in one pass, in the event of this sequence that the broker
    /// received then.
    pub fn find(
        &self,
        input: &PlannedInput,
        (sequence, received_ms): (u64, u64),
        subject: &str,
        headers: &[Header],
        payload: &[u8],
    ) -> Found {
        let found = input.extract(subject, headers, payload);
        let mut values = found.values.into_iter();
        let key = values.next().flatten().and_then(Scalar::into_text);
        let time = input.time.as_ref();
        let time = time.map(|manifest| {
            let value = values.next().flatten();
            EventTime::read(manifest, value.as_ref(), received_ms)
        });
        let per = self.manifest.input.watermark.per.as_ref();
        let source = per.map(|_| values.next().flatten().and_then(Scalar::into_text));
        let source = source.unwrap_or_else(|| input.name.as_ref().map(Name::to_string));
        let dedup = self.manifest.input.dedup.as_ref().and_then(|manifest| {
            let text = values.next().flatten().and_then(Scalar::into_text)?;
            let text = match manifest.cloudevent.as_deref() {
                Some("id") => cloudevents::identity(headers)?,
                _ => text,
            };
            let remember = manifest.remember;
            Some(Identifier { text, remember })
        });
        let measured = self
            .measured
            .iter()
            .zip(values.by_ref())
            .map(|(measured, value)| MeasuredValue {
                sketch: measured.name.clone(),
                after: measured.after.clone(),
                update: value.and_then(|value| update(measured.kind, self.seed, sequence, value)),
            });
        let measured = measured.collect();
        let group = |value: Option<Scalar<'_>>| {
            value.and_then(Scalar::into_text).map_or(Group::Missing, |value| {
                Group::Value(shorten(self.seed, &value, MAX_GROUP_BYTES).into_owned())
            })
        };
        let groups = self.grouped.iter().zip(values);
        let groups = groups.map(|(name, value)| (name.clone(), group(value)));
        Found {
            key,
            dedup,
            time: time.unwrap_or_default(),
            source,
            fault: found.fault,
            measured,
            groups: groups.collect(),
        }
    }

    /// Whether what leaves the last step is published, and not only what windows and joins make of it.
    pub fn publishes_events(&self) -> bool {
        let output = self.manifest.output.as_ref();
        output.is_some_and(|output| output.events || self.windows.is_empty() && self.joins.is_empty())
    }

    /// How a sketch is windowed and grouped, if it is.
    pub fn windowing(&self, sketch: &str) -> Option<&Windowing> {
        self.windowings.get(sketch)
    }

    /// Sketches whose accuracy is watched.
    pub fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// All windowed and grouped sketches.
    pub fn windowings(&self) -> impl Iterator<Item = (&Name, &Windowing)> {
        self.windowings.iter()
    }

    /// The numbers of its revision and of the one beside it, 0 for none.
    pub fn numbers(&self) -> (u64, u64) {
        let candidate = self.candidate.as_ref();
        (
            self.revision,
            candidate.map_or(0, |candidate| candidate.plan.revision),
        )
    }

    /// Whether it can go on right behind a batch of `before` whose commit is still under way: what lies in
    /// memory above the state store must mean the same to both, and both must commit after processing.
    pub fn follows_at_once(&self, before: &Self) -> bool {
        let (new, old) = (&self.manifest, &before.manifest);
        new.delivery == old.delivery
            && new.delivery != Delivery::AtMostOnce
            && new.partitions == old.partitions
            && new.vectors == old.vectors
            && new.input.dedup == old.input.dedup
    }

    /// A fresh instance of each step, and of each of the candidate's. One that cannot be made now is made
    /// at its first event, which says what is wrong.
    pub fn instances(&self) -> Instances {
        let of = |plan: &Self| plan.steps.iter().map(|step| step.instantiate().ok()).collect();
        let candidate = self.candidate.as_ref();
        Instances {
            active: of(self),
            candidate: candidate.map(|candidate| of(&candidate.plan)).unwrap_or_default(),
        }
    }

    /// Slots for instances that are made later.
    pub fn no_instances(&self) -> Instances {
        let of = |plan: &Self| plan.steps.iter().map(|_| None).collect();
        let candidate = self.candidate.as_ref();
        Instances {
            active: of(self),
            candidate: candidate.map(|candidate| of(&candidate.plan)).unwrap_or_default(),
        }
    }
}

impl PlannedStep {
    /// A fresh, configured instance.
    pub fn instantiate(&self) -> Result<Box<dyn Instance>, PluginError> {
        self.plugin.instantiate(&self.config, &self.limits)
    }
}

fn measured(manifest: &PipelineManifest) -> Vec<Measured> {
    let measured = |(name, sketch): (&Name, &SketchManifest)| {
        sketch.value.as_ref().map(|_| Measured {
            name: name.clone(),
            kind: sketch.kind,
            after: sketch.after.clone(),
        })
    };
    manifest.sketches.iter().filter_map(measured).collect()
}

fn grouped(manifest: &PipelineManifest) -> Vec<Name> {
    let by = |(name, sketch): (&Name, &SketchManifest)| sketch.by.as_ref().map(|_| name.clone());
    manifest.sketches.iter().filter_map(by).collect()
}

/// The update that a value means for a sketch; none for a value that the kind cannot measure.
fn update(kind: Kind, seed: TenantSeed, sequence: u64, value: Scalar<'_>) -> Option<Update> {
    Some(match kind {
        Kind::Quantiles => Update::Observe(value.as_number().filter(|number| number.is_finite())?),
        Kind::Distinct => Update::Distinct(hash_item(seed, &value.into_text()?)),
        Kind::Top => Update::Count {
            item: value.into_text()?,
            times: 1,
        },
        Kind::Seen => Update::Seen(hash_item(seed, &value.into_text()?)),
        Kind::Sample => Update::Draw {
            rank: rank(seed, sequence),
            item: value.into_text()?,
        },
    })
}
