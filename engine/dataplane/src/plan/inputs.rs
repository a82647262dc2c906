//! The inputs of a plan: which one a message is of, and where its key, its time and its measured values are.

use tailrace_core::{
    codec::{Codec, Registered},
    event::Header,
    extract::{Extraction, Extractor},
    manifest::{
        CloudeventsPayload, DedupManifest, Extract, InputPart, PipelineManifest, SketchManifest, TimeManifest,
    },
    name::Name,
    subject,
};

/// An input made ready.
#[derive(Debug)]
pub struct PlannedInput {
    /// Its name; none where the pipeline has one input.
    pub name: Option<Name>,
    /// The place of its keys.
    pub key: Extract,
    /// The place of its times.
    pub time: Option<TimeManifest>,
    patterns: Vec<String>,
    places: Extractor,
    /// Reads its payloads, where they have a schema.
    pub(super) codec: Option<Codec>,
    /// What steps get of its events, where these are CloudEvents.
    pub(super) cloudevents: Option<CloudeventsPayload>,
}

impl PlannedInput {
    /// Makes the schemas of inputs ready.
    pub(super) fn prepare(
        inputs: &mut [Self],
        manifest: &PipelineManifest,
        (tenant, registered): (&Name, &Registered),
    ) -> Result<(), String> {
        for (input, part) in inputs.iter_mut().zip(manifest.input_parts()) {
            if let Some(schema) = part.schema {
                let codec = Codec::of(tenant, schema, registered);
                input.codec = Some(codec.map_err(|why| format!("{}: {why}", part.path("schema")))?);
            }
        }
        Ok(())
    }

    /// Those of a manifest.
    pub(super) fn of(manifest: &PipelineManifest) -> Vec<Self> {
        let planned = manifest.input_parts().map(|part| Self {
            name: part.name.cloned(),
            key: part.key.clone(),
            time: part.time.cloned(),
            patterns: part.subjects.to_vec(),
            places: places(manifest, &part),
            codec: None,
            cloudevents: part.cloudevents,
        });
        planned.collect()
    }

    /// Which of several a message on this subject is of.
    pub(super) fn find<'a>(inputs: &'a [Self], subject: &str) -> &'a Self {
        let is_read = |input: &&Self| {
            let mut patterns = input.patterns.iter();
            patterns.any(|pattern| subject::covers(pattern, subject))
        };
        let (first, others) = inputs.split_first().expect("a pipeline has an input");
        others.iter().find(is_read).unwrap_or(first)
    }

    /// Looks at all its places, in one pass.
    pub(super) fn extract<'e>(
        &self,
        subject: &'e str,
        headers: &'e [Header],
        payload: &'e [u8],
    ) -> Extraction<'e> {
        self.places.extract(subject, headers, payload)
    }

    /// The path of one of its fields in the manifest.
    pub fn path(&self, field: &str) -> String {
        let part = InputPart {
            name: self.name.as_ref(),
            subjects: &self.patterns,
            key: &self.key,
            time: self.time.as_ref(),
            schema: None,
            cloudevents: self.cloudevents,
        };
        part.path(field)
    }
}

/// In the order in which [`super::Plan::find`] takes them.
fn places(manifest: &PipelineManifest, part: &InputPart<'_>) -> Extractor {
    let mut places: Vec<Extract> = vec![part.key.clone()];
    places.extend(part.time.map(|time| time.place.clone()));
    places.extend(manifest.input.watermark.per.clone());
    places.extend(manifest.input.dedup.as_ref().and_then(DedupManifest::place));
    let values = manifest.sketches.values();
    places.extend(values.filter_map(|sketch| sketch.value.clone()));
    let by = |sketch: &SketchManifest| sketch.by.clone();
    places.extend(manifest.sketches.values().filter_map(by));
    Extractor::new(places)
}
