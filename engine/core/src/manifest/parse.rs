//! From text to a [`PipelineManifest`]: YAML or JSON, with the path of whatever is wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::{
    extract::{PayloadFault, check_json},
    manifest::{PipelineManifest, error::ManifestError},
    name::Name,
    yaml::{self, Yaml},
};

/// Longest manifest; a pipeline of 16 steps with large configs is a tenth of it.
pub const MAX_MANIFEST_BYTES: usize = 512 * 1024;

/// A manifest with what its text says beyond it.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The manifest.
    pub manifest: PipelineManifest,
    /// The config of each step as it was written in YAML, where plain scalars have no type of their own; none of
    /// these for JSON.
    pub configs: BTreeMap<Name, Yaml>,
}

impl From<PipelineManifest> for Written {
    fn from(manifest: PipelineManifest) -> Self {
        let configs = BTreeMap::new();
        Self { manifest, configs }
    }
}

/// Reads a manifest.
pub fn parse(text: &[u8]) -> Result<PipelineManifest, ManifestError> {
    Ok(read(text)?.manifest)
}

/// Reads a manifest, and keeps its configs as they were written. JSON is tried first, because its errors are exact
/// where JSON was meant.
pub fn read(text: &[u8]) -> Result<Written, ManifestError> {
    if text.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::new(
            ".",
            format!("longer than {MAX_MANIFEST_BYTES} bytes"),
        ));
    }
    let text = std::str::from_utf8(text).map_err(|_| ManifestError::new(".", "not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        let value = json_value(text).map_err(|why| ManifestError::new(".", why))?;
        let mut manifest: PipelineManifest = typed(value)?;
        manifest.settle();
        return Ok(manifest.into());
    }
    let tree = yaml::parse(text).map_err(|cause| {
        let cause: String = cause.to_string().chars().take(300).collect();
        ManifestError::new(".", format!("not YAML: {cause}"))
    })?;
    if !matches!(tree, Yaml::Map(_)) {
        let hint = "a manifest has fields with values, as in name: orders";
        return Err(ManifestError::new(".", hint));
    }
    let mut manifest: PipelineManifest = typed(tree.clone())?;
    manifest.settle();
    let configs = configs(tree, &manifest);
    Ok(Written { manifest, configs })
}

/// The value of a JSON text, in which no field is there twice.
pub(super) fn json_value(text: &str) -> Result<serde_json::Value, String> {
    let value = serde_json::from_str(text).map_err(|cause| format!("not JSON: {cause}"))?;
    if let Err(PayloadFault::Duplicate { name, .. }) = check_json(text.as_bytes()) {
        let shown: String = name.chars().take(60).collect();
        return Err(format!("the field {shown:?} is there twice"));
    }
    Ok(value)
}

fn typed<'de, T: Deserialize<'de>>(
    tree: impl Deserializer<'de, Error: std::fmt::Display>,
) -> Result<T, ManifestError> {
    serde_path_to_error::deserialize(tree).map_err(|cause| {
        let path = cause.path().to_string();
        ManifestError::new(path, without_types(&cause.into_inner().to_string()))
    })
}

/// The configs of the steps in the tree.
fn configs(tree: Yaml, manifest: &PipelineManifest) -> BTreeMap<Name, Yaml> {
    let entry = |tree: Yaml, wanted: &str| match tree {
        Yaml::Map(entries) => entries.into_iter().find(|(name, _)| name == wanted),
        _ => None,
    };
    let steps = match entry(tree, "steps") {
        Some((_, Yaml::List(steps))) => steps,
        _ => Vec::new(),
    };
    let steps = steps.into_iter().zip(&manifest.steps);
    let named = steps.filter_map(|(tree, step)| Some((step.name.clone(), entry(tree, "config")?.1)));
    named.collect()
}

/// What serde says, without the names of our types, which tell a tenant nothing.
fn without_types(message: &str) -> String {
    let Some((before, named)) = message.split_once("expected struct ") else {
        return message.to_owned();
    };
    let rest = named.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric());
    format!("{before}expected fields with values, as in {{ field: value }}{rest}")
}

/// The JSON Schema of a manifest, for editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(PipelineManifest).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Delivery, Extract, Fallback, Start};

    const FULL: &str = r#"
name: recommendations
input:
  stream: SHOP
  subjects: ["shop.events.>"]
  key: { json: /user }
  time: { json: /ts }
  start: { sequence: 1000 }
partitions: 4
delivery: at-least-once
steps:
  - name: embed
    plugin: embedding-updater@1.0.0
    config: { rate: 0.1 }
    grants: [state, vectors]
    limits: { fuel: 1000, memory: 8MiB, deadline: 20ms }
    on-error: { retries: 1, backoff: 50ms, then: drop }
vectors:
  users: { dimensions: 32, metric: dot }
sketches:
  users: { kind: distinct, value: { json: /user } }
output:
  subject: "shop.recommendations.{key}"
  keep: { age: 7d, bytes: 1GiB }
"#;

    #[test]
    fn yaml_and_json_read_the_same() {
        let manifest = parse(FULL.as_bytes()).unwrap();
        assert_eq!(manifest.input.key, Extract::Json("/user".into()));
        assert_eq!(manifest.input.start, Start::Sequence(1000));
        assert_eq!(manifest.delivery, Delivery::AtLeastOnce);
        assert_eq!(manifest.steps[0].on_error.then, Fallback::Drop);
        assert_eq!(manifest.steps[0].limits.memory.0, 8 << 20);
        let json = serde_json::to_vec(&manifest).unwrap();
        assert_eq!(parse(&json).unwrap(), manifest);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_path() {
        let cases = [
            ("retries: 1,", "retrys: 1,", "steps[0].on-error", "retrys"),
            ("8MiB", "much", "steps[0].limits.memory", "16MiB"),
            ("20ms", "20", "steps[0].limits.deadline", "write 100ms"),
            (
                "embedding-updater@1.0.0",
                "embedding-updater",
                "steps[0].plugin",
                "name@version",
            ),
            ("name: recommendations", "name: Recommendations", "name", "a-z"),
            ("[state, vectors]", "[wasi]", "steps[0].grants[0]", "wasi"),
            (
                "delivery: at-least-once",
                "rate: { events: 100 }",
                "rate.events",
                "{ limit: 1000, per: 1s }",
            ),
            (
                "{ retries: 1, backoff: 50ms, then: drop }",
                "5",
                "steps[0].on-error",
                "{ field: value }",
            ),
        ];
        for (from, to, path, word) in cases {
            let error = parse(FULL.replacen(from, to, 1).as_bytes()).unwrap_err();
            assert!(error.path.starts_with(path), "{error}");
            assert!(error.message.contains(word), "{error}");
        }
    }

    #[test]
    fn where_a_text_is_expected_words_that_yaml_knows_are_texts() {
        let text = FULL
            .replace("stream: SHOP", "stream: 08001")
            .replace("json: /user }\n  time", "header: on }\n  time")
            .replace(
                "{ rate: 0.1 }",
                "{ countries: [SE, NO, DK], codes: [08001], on: 1e3, quoted: '1' }",
            );
        let written = read(text.as_bytes()).unwrap();
        let manifest = &written.manifest;
        assert_eq!(manifest.input.stream.as_deref(), Some("08001"));
        assert_eq!(manifest.input.key, Extract::Header("on".into()));
        assert_eq!(
            manifest.steps[0].config,
            serde_json::json!({
                "countries": ["SE", "NO", "DK"], "codes": ["08001"], "on": 1000.0, "quoted": "1"
            })
        );
        let Yaml::Map(config) = &written.configs[&manifest.steps[0].name] else {
            panic!("{:?}", written.configs);
        };
        assert_eq!(config.len(), 4, "it is kept as it was written");
    }

    #[test]
    fn a_field_that_is_there_twice_is_refused_in_both_forms() {
        for text in [
            r#"{"name":"p","name":"q","input":{"subjects":["a"]},"steps":[]}"#,
            "name: p\nname: q\ninput: {subjects: [a]}\nsteps: []\n",
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.message.contains("\"name\" is there twice"), "{error}");
        }
    }

    #[test]
    fn bombs_and_nonsense_are_refused() {
        let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
        let deep = "[".repeat(100_000);
        for text in [
            laughs.as_bytes(),
            deep.as_bytes(),
            b"\xff",
            b"",
            b"- 1",
            b"{\"name\": 1}",
            &vec![b'a'; MAX_MANIFEST_BYTES + 1],
        ] {
            assert!(parse(text).is_err());
        }
    }
}
