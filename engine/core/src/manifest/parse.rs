//! From text to a [`PipelineManifest`]: YAML or JSON, with the path of whatever is wrong.

use crate::manifest::{PipelineManifest, error::ManifestError};

/// Longest manifest; a pipeline of 16 steps with large configs is a tenth of it.
pub const MAX_MANIFEST_BYTES: usize = 512 * 1024;

/// Reads a manifest. JSON is tried first, because its errors are exact where JSON was meant.
pub fn parse(text: &[u8]) -> Result<PipelineManifest, ManifestError> {
    if text.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::new(
            ".",
            format!("longer than {MAX_MANIFEST_BYTES} bytes"),
        ));
    }
    let text = std::str::from_utf8(text).map_err(|_| ManifestError::new(".", "not UTF-8 text"))?;
    let value: serde_json::Value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|cause| ManifestError::new(".", format!("not JSON: {cause}")))?
    } else {
        serde_saphyr::from_str(text).map_err(|cause| {
            let cause = cause.to_string();
            let first: String = cause
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(300)
                .collect();
            ManifestError::new(".", format!("not YAML: {first}"))
        })?
    };
    serde_path_to_error::deserialize(value).map_err(|cause| {
        let path = cause.path().to_string();
        ManifestError::new(path, without_types(&cause.into_inner().to_string()))
    })
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
            ("20ms", "20", "steps[0].limits.deadline", "such as 100ms"),
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
