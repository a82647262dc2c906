//! The subject of results: what stands in it for a key and for a partition, and which subjects are refused.

use crate::{
    identity::partition_of,
    manifest::{
        InputManifest, OutputCloudeventsManifest, OutputManifest, PipelineManifest, bounds::MAX_PARTITIONS,
        error::ManifestError, mistakes::Mistakes,
    },
    subject,
};

/// The stand-in for a key in a subject.
pub const KEY_TOKEN: &str = "{key}";

/// What stands for the name of a window or join in the subject of an event.
pub(super) const EVENTS: &str = "events";
/// The stand-in for the name of a window.
const WINDOW_TOKEN: &str = "{window}";
/// The stand-in for the name of a join. In a pipeline with both it means the same as the other.
const JOIN_TOKEN: &str = "{join}";

/// What the stand-ins of a subject stand for.
#[derive(Debug, Clone, Copy)]
pub struct Stands<'a> {
    /// The key of the event, the group of the window, or the value of the join.
    pub key: &'a str,
    /// The name of the window or join, for its result.
    pub result: Option<&'a str>,
}

/// A token of an output subject that stands for something of the event.
enum StandIn {
    /// Its key: `{key}`.
    Key,
    /// The partition of its key among so many: `{partition:16}`.
    Partition(u32),
    /// The name of the window or join that it is a result of: `{window}`, `{join}`.
    Result,
}

impl StandIn {
    fn read(token: &str) -> Option<Self> {
        if token == KEY_TOKEN {
            return Some(Self::Key);
        }
        if [WINDOW_TOKEN, JOIN_TOKEN].contains(&token) {
            return Some(Self::Result);
        }
        let count = token
            .strip_prefix("{partition:")?
            .strip_suffix('}')?
            .parse()
            .ok()?;
        (1..=MAX_PARTITIONS)
            .contains(&count)
            .then_some(Self::Partition(count))
    }

    fn token_for(&self, stands: Stands<'_>) -> String {
        match self {
            Self::Key => subject::token(stands.key),
            Self::Partition(count) => partition_of(stands.key, *count).to_string(),
            Self::Result => stands.result.unwrap_or(EVENTS).to_owned(),
        }
    }
}

impl OutputManifest {
    /// The pattern of all subjects that the output can publish on.
    pub fn pattern(&self) -> String {
        self.with_tokens(|_| "*".to_owned())
    }

    /// The subject for an event's key.
    pub fn subject_for(&self, key: &str) -> String {
        self.subject_of(Stands { key, result: None })
    }

    /// The subject for an event or a result.
    pub fn subject_of(&self, stands: Stands<'_>) -> String {
        if self.subject.contains('{') {
            self.with_tokens(|stand_in| stand_in.token_for(stands))
        } else {
            self.subject.clone()
        }
    }

    /// The pattern of the subjects for a key: those of the events, and those of results.
    pub fn pattern_for(&self, key: &str) -> String {
        self.with_tokens(|stand_in| match stand_in {
            StandIn::Result => "*".to_owned(),
            stand_in => stand_in.token_for(Stands { key, result: None }),
        })
    }

    /// Whether the key is a token of the subject.
    pub fn names_the_key(&self) -> bool {
        let mut tokens = self.subject.split('.');
        tokens.any(|token| matches!(StandIn::read(token), Some(StandIn::Key)))
    }

    /// The subject with something in the place of each stand-in.
    fn with_tokens(&self, token_for: impl Fn(&StandIn) -> String) -> String {
        let mut subject = String::with_capacity(self.subject.len() + 32);
        for (index, token) in self.subject.split('.').enumerate() {
            if index > 0 {
                subject.push('.');
            }
            match StandIn::read(token) {
                Some(stand_in) => subject.push_str(&token_for(&stand_in)),
                None => subject.push_str(token),
            }
        }
        subject
    }
}

impl OutputCloudeventsManifest {
    /// The type of an event, or of the result of the window or join of this name.
    pub fn type_of(&self, result: Option<&str>) -> String {
        let result = result.unwrap_or(EVENTS);
        self.event_type
            .replace(WINDOW_TOKEN, result)
            .replace(JOIN_TOKEN, result)
    }
}

/// Refuses a text that has a stand-in for the name of a window or join where there are none.
pub(super) fn check_result_tokens(
    path: &str,
    text: &str,
    manifest: &PipelineManifest,
) -> Result<(), ManifestError> {
    let wrong = [
        (
            manifest.windows.is_empty() && text.contains(WINDOW_TOKEN),
            "{window} stands for something only with `windows`",
        ),
        (
            manifest.joins.is_empty() && text.contains(JOIN_TOKEN),
            "{join} stands for something only with `joins`",
        ),
    ];
    match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, hint)) => Err(ManifestError::new(path, *hint)),
        None => Ok(()),
    }
}

/// Refuses what says something only of windows or joins where there are none.
pub(super) fn check_results(manifest: &PipelineManifest) -> Result<(), ManifestError> {
    let Some(output) = &manifest.output else {
        return Ok(());
    };
    check_result_tokens("output.subject", &output.subject, manifest)?;
    if output.events && manifest.windows.is_empty() && manifest.joins.is_empty() {
        return Err(ManifestError::new(
            "output.events",
            "only with `windows` or `joins`",
        ));
    }
    Ok(())
}

pub(super) fn check(output: &OutputManifest, input: &InputManifest, found: &mut Mistakes) {
    found.note(check_subject(output, input));
    if output.keep.bytes.is_some_and(|bytes| bytes.0 < 1 << 20) {
        found.push(ManifestError::new("output.keep.bytes", "keep at least 1MiB"));
    }
    if output.replicas.is_some_and(|count| ![1, 3, 5].contains(&count)) {
        found.push(ManifestError::new("output.replicas", "it is 1, 3 or 5"));
    }
    if output.keep.age.is_some_and(|age| age.as_millis() < 1_000) {
        let hint = "keep results for at least 1s";
        found.push(ManifestError::new("output.keep.age", hint));
    }
}

fn check_subject(output: &OutputManifest, input: &InputManifest) -> Result<(), ManifestError> {
    let refuse = |why: String| Err(ManifestError::new("output.subject", why));
    let pattern = output.pattern();
    if let Err(cause) = subject::check_pattern(&pattern) {
        return refuse(cause.to_string());
    }
    if pattern.contains(['{', '}']) {
        return refuse(format!(
            "{{key}}, {{partition:N}}, {{window}} and {{join}} are the only stand-ins, N is 1 to {MAX_PARTITIONS}, and each stands for a whole token, as in results.{{key}}"
        ));
    }
    if output
        .subject
        .split('.')
        .any(|token| token == "*" || token == ">")
    {
        return refuse("one publishes on one subject; write {key} instead of a wildcard".to_owned());
    }
    if subject::is_reserved(&pattern) {
        return refuse(format!(
            "{pattern:?} reaches subjects of the engine or the broker; choose your own"
        ));
    }
    let mut read = input.subjects.iter();
    match read.find(|subject| subject::overlap(subject, &pattern)) {
        Some(own) => refuse(format!(
            "the pipeline would feed itself: its input {own:?} takes in {pattern:?}"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Keep;

    fn output(subject: &str) -> OutputManifest {
        OutputManifest {
            subject: subject.into(),
            events: false,
            schema: None,
            cloudevents: None,
            keep: Keep::default(),
            replicas: None,
        }
    }

    #[test]
    fn a_type_names_the_window_or_join() {
        let declared = OutputCloudeventsManifest {
            mode: crate::manifest::CloudeventsMode::Binary,
            event_type: "shop.{window}.{join}".into(),
            source: None,
        };
        assert_eq!(declared.type_of(Some("daily")), "shop.daily.daily");
        assert_eq!(declared.type_of(None), "shop.events.events");
    }

    #[test]
    fn an_output_subject_holds_any_key() {
        let output = output("b.{key}.x");
        assert_eq!(output.pattern(), "b.*.x");
        assert_eq!(output.subject_for("u 1"), "b.u%201.x");
    }

    #[test]
    fn an_output_subject_holds_the_partition_of_a_key() {
        let output = output("b.{partition:7}.{key}");
        assert_eq!(output.pattern(), "b.*.*");
        assert_eq!(output.subject_for("383"), "b.0.383");
        assert_eq!(output.subject_for(""), "b.4.%");
    }

    #[test]
    fn no_other_stand_in_is_one() {
        for token in [
            "{partition}",
            "{partition:0}",
            "{partition:49}",
            "{partition:x}",
            "{Key}",
            "a{key}",
        ] {
            assert!(output(&format!("b.{token}")).pattern().contains('{'), "{token}");
        }
    }
}
