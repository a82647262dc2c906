//! Several inputs of one pipeline, by name. They share a stream, so its order is theirs, and one position counts for all
//! of them.
//!
//! The subjects of the inputs are the pipeline's: `input.subjects` is filled in from them when a manifest is read, and
//! whoever only wants to know what is read need not ask for names.
//!
//! Why: docs/decisions/0140-inputs-share-a-stream.md

use std::collections::BTreeMap;

use crate::{
    manifest::{
        CloudeventsPayload, Extract, InputManifest, NamedInputManifest, PayloadSchemaManifest,
        PipelineManifest, TimeManifest, Upstream,
        bounds::{check_extract, within},
        error::ManifestError,
    },
    name::Name,
    subject,
};

/// Most inputs of a pipeline: each has a clock of its own.
const MAX_INPUTS: u64 = 8;

/// What is read, whether or not it has a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InputPart<'a> {
    /// Its name; none where the pipeline has one input.
    pub name: Option<&'a Name>,
    /// Its patterns.
    pub subjects: &'a [String],
    /// The place of its keys.
    pub key: &'a Extract,
    /// The place of its times.
    pub time: Option<&'a TimeManifest>,
    /// The schema of its payloads.
    pub schema: Option<&'a PayloadSchemaManifest>,
    /// What steps get of its events, where these are CloudEvents.
    pub cloudevents: Option<CloudeventsPayload>,
}

impl InputPart<'_> {
    /// The path of one of its fields in the manifest.
    pub fn path(&self, field: &str) -> String {
        match self.name {
            Some(name) => format!("inputs.{name}.{field}"),
            None => format!("input.{field}"),
        }
    }
}

impl PipelineManifest {
    /// Its inputs: those with names, or the one that has none.
    pub fn input_parts(&self) -> impl Iterator<Item = InputPart<'_>> {
        let InputManifest {
            subjects,
            key,
            time,
            schema,
            cloudevents,
            ..
        } = &self.input;
        let whole = InputPart {
            name: None,
            subjects,
            key,
            time: time.as_ref(),
            schema: schema.as_ref(),
            cloudevents: *cloudevents,
        };
        let named = self.inputs.iter().map(move |(name, input)| InputPart {
            name: Some(name),
            subjects: &input.subjects,
            key: input.key.as_ref().unwrap_or(key),
            time: input.time.as_ref().or(whole.time),
            schema: input.schema.as_ref().or(whole.schema),
            cloudevents: input.cloudevents.or(whole.cloudevents),
        });
        named.chain(self.inputs.is_empty().then_some(whole))
    }

    /// The patterns that it reads, each with its path in the manifest.
    pub fn patterns_read(&self) -> impl Iterator<Item = (String, &String)> {
        self.input_parts().flat_map(|part| {
            let patterns = part.subjects.iter().enumerate();
            patterns.map(move |(index, pattern)| (part.path(&format!("subjects[{index}]")), pattern))
        })
    }

    /// The place of the key in what a window is of: an input, a join, or all events. None where they have it at
    /// different places.
    pub fn key_place(&self, of: Option<&Name>) -> Option<Extract> {
        if of.is_some_and(|name| self.joins.contains_key(name)) {
            return Some(Extract::Json("/key".to_owned()));
        }
        let parts = self.input_parts().filter(|part| of.is_none() || part.name == of);
        let mut keys: Vec<_> = parts.map(|part| part.key).collect();
        keys.dedup();
        match keys[..] {
            [key] => Some(key.clone()),
            _ => None,
        }
    }

    /// How far ahead of the watermark the events are that move it.
    pub fn reach_ms(&self) -> u64 {
        let watermark = &self.input.watermark;
        watermark.reach_ms(watermark.per.is_some() || !self.inputs.is_empty() || self.is_bound())
    }

    /// Whether the partitions of another pipeline are sources: its own stream is read, and nothing else is said.
    pub fn is_bound(&self) -> bool {
        let (input, watermark) = (&self.input, &self.input.watermark);
        let owner = input.stream.as_deref().and_then(subject::owner_of_stream);
        let is_named = watermark.per.is_some() || !self.inputs.is_empty();
        owner.is_some() && !is_named && watermark.upstream == Upstream::Bound
    }

    /// Fills in what follows from the rest.
    pub(super) fn settle(&mut self) {
        if !self.inputs.is_empty() && self.input.subjects.is_empty() {
            self.input.subjects = subjects_of(&self.inputs);
        }
    }
}

fn subjects_of(inputs: &BTreeMap<Name, NamedInputManifest>) -> Vec<String> {
    let subjects = inputs.values().flat_map(|input| &input.subjects);
    subjects.cloned().collect()
}

pub(super) fn check(manifest: &PipelineManifest) -> Result<(), ManifestError> {
    within("inputs", manifest.inputs.len() as u64, 0, MAX_INPUTS)?;
    if manifest.inputs.is_empty() {
        return Ok(());
    }
    if manifest.input.subjects != subjects_of(&manifest.inputs) {
        let hint = "each of `inputs` has its subjects; leave these out";
        return Err(ManifestError::new("input.subjects", hint));
    }
    for part in manifest.input_parts() {
        within(&part.path("subjects"), part.subjects.len() as u64, 1, 32)?;
        check_extract(&part.path("key"), part.key)?;
        if let Some(time) = part.time {
            check_extract(&part.path("time"), &time.place)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{check::check as check_all, parse::parse};

    fn read(inputs: &str, more: &str) -> Result<PipelineManifest, ManifestError> {
        let text = format!(
            r#"{{"name":"p","input":{{"key":{{"json":"/user"}}{more}}},"inputs":{inputs},"output":{{"subject":"out"}}}}"#
        );
        let manifest = parse(text.as_bytes())?;
        check_all(&manifest)?;
        Ok(manifest)
    }

    #[test]
    fn what_an_input_does_not_say_holds_for_all() {
        let inputs = r#"{"b":{"subjects":["shop.b"]},"a":{"subjects":["shop.a.>"],"key":{"json":"/id"}}}"#;
        let manifest = read(inputs, "").unwrap();
        assert_eq!(manifest.input.subjects, ["shop.a.>", "shop.b"]);
        let keys = manifest
            .input_parts()
            .map(|part| (part.path("key"), part.key.clone()));
        let json = |pointer: &str| Extract::Json(pointer.to_owned());
        let expected = [("inputs.a.key", json("/id")), ("inputs.b.key", json("/user"))];
        assert_eq!(
            keys.collect::<Vec<_>>(),
            expected.map(|(path, key)| (path.to_owned(), key))
        );
        let again = parse(&serde_json::to_vec(&manifest).unwrap()).unwrap();
        assert_eq!(check_all(&again), Ok(()));
        assert_eq!(again, manifest);
    }

    #[test]
    fn inputs_that_cannot_be_are_refused_where_they_are_wrong() {
        for (inputs, more, path) in [
            (r#"{"a":{"subjects":[]}}"#, "", "inputs.a.subjects"),
            (r#"{"a":{"subjects":["x"]}}"#, r#","subjects":["x"]"#, ""),
            (
                r#"{"a":{"subjects":["x"]}}"#,
                r#","subjects":["y"]"#,
                "input.subjects",
            ),
            (r#"{"a":{"subjects":["x..y"]}}"#, "", "inputs.a.subjects[0]"),
            (
                r#"{"a":{"subjects":["x.>"]},"b":{"subjects":["y","x.z"]}}"#,
                "",
                "inputs.b.subjects[1]",
            ),
            (
                r#"{"a":{"subjects":["x"],"key":{"json":"id"}}}"#,
                "",
                "inputs.a.key.json",
            ),
        ] {
            let path_of = |error: ManifestError| error.path;
            let found = read(inputs, more).err().map(path_of).unwrap_or_default();
            assert_eq!(found, path, "{inputs} {more}");
        }
    }
}
