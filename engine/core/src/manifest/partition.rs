//! Partitions that the subject names. The publisher, the broker or another pipeline has divided the events already, and
//! has written the partition's number as a token of the subject. So an engine asks the broker for the events of its own
//! partitions only. Without such a token every engine reads all events of the pipeline.

use crate::{
    identity::partition_of,
    manifest::{InputManifest, PartitionManifest, PipelineManifest, error::ManifestError},
};

impl PartitionManifest {
    fn index(&self) -> usize {
        self.subject_token as usize - 1
    }

    /// The patterns of the events of one partition.
    fn narrow<'a>(&'a self, patterns: &'a [String], partition: u32) -> impl Iterator<Item = String> + 'a {
        let narrowed = move |pattern: &String| {
            let mut tokens: Vec<_> = pattern.split('.').map(str::to_owned).collect();
            if let Some(token) = tokens.get_mut(self.index()) {
                *token = partition.to_string();
            }
            tokens.join(".")
        };
        patterns.iter().map(narrowed)
    }

    /// The partition that a subject names.
    fn of(&self, subject: &str) -> Option<u32> {
        subject.split('.').nth(self.index())?.parse().ok()
    }
}

impl InputManifest {
    /// The patterns of what these partitions take of the input.
    pub fn subjects_of(&self, partitions: impl IntoIterator<Item = u32>) -> Vec<String> {
        let Some(named) = &self.partition else {
            return self.subjects.clone();
        };
        let partitions = partitions.into_iter();
        partitions
            .flat_map(|partition| named.narrow(&self.subjects, partition))
            .collect()
    }
}

impl PipelineManifest {
    /// The partition of an event.
    pub fn partition_of(&self, subject: &str, key: &str) -> u32 {
        let named = self.input.partition.as_ref();
        let named = named.and_then(|named| named.of(subject));
        named
            .filter(|partition| *partition < self.partitions)
            .unwrap_or_else(|| partition_of(key, self.partitions))
    }
}

pub(super) fn check(input: &InputManifest) -> Result<(), ManifestError> {
    let Some(named) = &input.partition else {
        return Ok(());
    };
    let path = "input.partition.subject-token";
    if named.subject_token == 0 {
        return Err(ManifestError::new(path, "tokens are counted from 1"));
    }
    let has_star = |pattern: &&String| pattern.split('.').nth(named.index()) == Some("*");
    match input.subjects.iter().find(|pattern| !has_star(pattern)) {
        Some(pattern) => Err(ManifestError::new(
            path,
            format!(
                "token {} of {pattern:?} is not \"*\"; write \"*\" there, since it stands for the partition's number",
                named.subject_token
            ),
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse::parse;

    fn manifest(subjects: &str, token: u32) -> Result<PipelineManifest, ManifestError> {
        let text = format!(
            "name: p\ninput: {{ subjects: [{subjects}], partition: {{ subject-token: {token} }} }}\npartitions: 4\nsteps: [{{ name: s, plugin: v@1.0.0 }}]"
        );
        let manifest = parse(text.as_bytes())?;
        check(&manifest.input)?;
        Ok(manifest)
    }

    #[test]
    fn partitions_read_only_what_is_theirs() {
        let manifest = manifest("\"a.*.>\", \"b.*\"", 2).unwrap();
        let read = manifest.input.subjects_of([1, 3]);
        assert_eq!(read, ["a.1.>", "b.1", "a.3.>", "b.3"]);
        assert_eq!(manifest.partition_of("a.3.x", "key"), 3);
        assert_eq!(manifest.partition_of("a.4.x", "key"), partition_of("key", 4));
        assert_eq!(manifest.partition_of("a.x", "key"), partition_of("key", 4));
    }

    #[test]
    fn without_a_token_all_is_read() {
        let text =
            "name: p\ninput: { subjects: [\"a.>\"] }\npartitions: 4\nsteps: [{ name: s, plugin: v@1.0.0 }]";
        let manifest = parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.input.subjects_of([1, 3]), ["a.>"]);
        assert_eq!(manifest.partition_of("a.3", "key"), partition_of("key", 4));
    }

    #[test]
    fn a_pattern_without_room_for_the_number_is_refused() {
        for (subjects, token) in [("\"a.b.*\"", 2), ("\"a.>\"", 2), ("\"a.*\"", 3), ("\"a.*\"", 0)] {
            let error = manifest(subjects, token).unwrap_err();
            assert_eq!(error.path, "input.partition.subject-token", "{error}");
        }
    }
}
