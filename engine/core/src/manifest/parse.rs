//! From text to a [`PipelineManifest`]: YAML or JSON, with the path of whatever is wrong.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use crate::{
    extract::{PayloadFault, check_json},
    manifest::{
        PipelineManifest, check,
        error::ManifestError,
        mend::{self, Mended, Tree},
        mistakes::Refusal,
    },
    name::Name,
    shape::Shape,
    yaml::{
        self, Plain, Yaml,
        places::{Place, Position},
    },
};

/// Longest manifest; a pipeline of 16 steps with large configs is a tenth of it.
pub const MAX_MANIFEST_BYTES: usize = 512 * 1024;

/// Where a manifest has lists, and where fields with values.
static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<PipelineManifest>);

/// A manifest with what its text says beyond it.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The manifest.
    pub manifest: PipelineManifest,
    /// The config of each step as it was written in YAML, where plain scalars have no type of their own; none of
    /// these for JSON.
    pub configs: BTreeMap<Name, Yaml>,
    /// Where its fields are in the text; none where there is no text.
    pub places: Option<Place>,
}

impl From<PipelineManifest> for Written {
    fn from(manifest: PipelineManifest) -> Self {
        Self {
            manifest,
            configs: BTreeMap::new(),
            places: None,
        }
    }
}

/// Reads a manifest; says the first of what is wrong.
pub fn parse(text: &[u8]) -> Result<PipelineManifest, ManifestError> {
    match read(text) {
        Ok(written) => Ok(written.manifest),
        Err(refusal) => Err(refusal.first().clone()),
    }
}

/// Reads a manifest, and keeps its configs as they were written. JSON is tried first, because its errors are exact
/// where JSON was meant. All that does not read is said at once; and so is what cannot work in the fields that do.
pub fn read(text: &[u8]) -> Result<Written, Refusal> {
    if text.len() > MAX_MANIFEST_BYTES {
        let why = format!("longer than {MAX_MANIFEST_BYTES} bytes");
        return Err(ManifestError::new(".", why).into());
    }
    let text = std::str::from_utf8(text).map_err(|_| ManifestError::new(".", "not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        let hint = "it is empty; a manifest has fields with values, as in name: orders";
        return Err(ManifestError::new(".", hint).into());
    }
    if text.trim_start().starts_with('{') {
        // JSON is YAML, as far as places go.
        let (value, places) = json_value(text).map_err(|JsonFlaw { path, why, position }| {
            Refusal::at(ManifestError::new(path, why), position)
        })?;
        let mut manifest: PipelineManifest = typed(value, places.as_ref())?;
        manifest.settle();
        return Ok(Written {
            places,
            ..manifest.into()
        });
    }
    let (tree, places) = yaml::parse_with_places(text).map_err(|cause| {
        let what: String = cause.what.chars().take(300).collect();
        Refusal::at(
            ManifestError::new(".", format!("not YAML: {what}")),
            cause.position,
        )
    })?;
    if !matches!(tree, Yaml::Map(_)) {
        let hint = "a manifest has fields with values, as in name: orders";
        return Err(Refusal::at(ManifestError::new(".", hint), places.position));
    }
    let mut manifest: PipelineManifest = typed(tree.clone(), Some(&places))?;
    manifest.settle();
    let configs = configs(tree, &manifest);
    Ok(Written {
        manifest,
        configs,
        places: Some(places),
    })
}

/// Why a JSON text is not taken.
pub(super) struct JsonFlaw {
    path: String,
    pub(super) why: String,
    pub(super) position: Position,
}

/// The value of a JSON text, in which no field is there twice and no number loses digits; and where its fields are.
pub(super) fn json_value(text: &str) -> Result<(Value, Option<Place>), JsonFlaw> {
    let whole = |why: String, position: Position| JsonFlaw {
        path: ".".to_owned(),
        why,
        position,
    };
    let value = serde_json::from_str(text).map_err(|cause: serde_json::Error| {
        let told = cause.to_string();
        // The place is told beside it.
        let why = told.rsplit_once(" at line ").map_or(&*told, |(why, _)| why);
        let counted = |number: usize| u32::try_from(number.max(1)).unwrap_or(u32::MAX);
        let position = Position {
            line: counted(cause.line()),
            column: counted(cause.column()),
        };
        whole(format!("not JSON: {why}"), position)
    })?;
    let tree = yaml::parse_with_places(text);
    if let Err(PayloadFault::Duplicate { name, .. }) = check_json(text.as_bytes()) {
        let shown: String = name.chars().take(60).collect();
        let position = tree.err().map(|cause| cause.position);
        let position = position.unwrap_or(Position { line: 1, column: 1 });
        return Err(whole(format!("the field {shown:?} is there twice"), position));
    }
    let Ok((tree, places)) = tree else {
        return Ok((value, None));
    };
    if let Some(path) = wide_number(&tree, String::new()) {
        return Err(JsonFlaw {
            why: "64 bits do not hold this whole number, and it would lose digits; write it as a text, in quotes".to_owned(),
            position: places.of_path(&path),
            path,
        });
    }
    Ok((value, Some(places)))
}

/// The path of a number that JSON's readers would round.
fn wide_number(tree: &Yaml, path: String) -> Option<String> {
    match tree {
        Yaml::Scalar(scalar) => {
            let digits = scalar.text.strip_prefix('-').unwrap_or(&scalar.text);
            let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            (is_whole && scalar.is_plain && scalar.resolve() == Plain::Text).then_some(path)
        }
        Yaml::List(list) => {
            let mut entries = list.iter().enumerate();
            entries.find_map(|(index, entry)| wide_number(entry, format!("{path}[{index}]")))
        }
        Yaml::Map(fields) => fields.iter().find_map(|(name, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            wide_number(value, format!("{path}{dot}{name}"))
        }),
    }
}

fn typed<R: Tree>(tree: R, places: Option<&Place>) -> Result<PipelineManifest, Refusal> {
    let Mended { read, mut mistakes } = mend::read::<PipelineManifest, R>(tree, &SHAPE);
    let Some(mut manifest) = read else {
        mistakes.refuse(places)?;
        let why = "it cannot be read; compare it with `tailrace pipeline schema`";
        return Err(ManifestError::new(".", why).into());
    };
    if mistakes.is_empty() {
        return Ok(manifest);
    }
    manifest.settle();
    let unread = mistakes.clone();
    for mistake in check::find(&manifest).into_inner() {
        if unread.stands_apart(&mistake) {
            mistakes.push(mistake);
        }
    }
    mistakes.refuse(places)?;
    Ok(manifest)
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
    fn a_list_is_no_group_of_fields() {
        for (fields, path) in [
            ("output: ['t.o.x']", "output"),
            ("rate: { events: [5] }", "rate.events"),
            ("steps: [[a, counter@1.0.0]]", "steps[0]"),
            ("alarms: [['a', 'lag > 5']]", "alarms"),
            ("tables: { t: [a] }", "tables.t"),
        ] {
            let text = format!("name: p\ninput: {{ subjects: [a] }}\n{fields}\n");
            let refusal = read(text.as_bytes()).unwrap_err();
            let told = refusal.mistakes();
            let found = told.iter().find(|mistake| mistake.error.path.starts_with(path));
            let found = found.unwrap_or_else(|| panic!("{fields}: {told:?}"));
            assert!(
                found.error.message.contains("a list stands where"),
                "{fields}: {told:?}"
            );
            assert!(found.position.is_some(), "{fields}");
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

    fn mistakes(text: &str) -> Vec<(String, u32, u32)> {
        let refusal = read(text.as_bytes()).unwrap_err();
        let told = refusal.mistakes().iter().map(|mistake| {
            let Position { line, column } = mistake.position.unwrap();
            (mistake.error.path.clone(), line, column)
        });
        told.collect()
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_line_and_column() {
        let text = "name: Orders
input:
  subjects: [shop.>]
  keys: { json: /user }
steps:
  - name: a
    plugin: counter
    grants: [state, wasi, log, clock]
  - name: b
    on-error: { retrys: 1, backoff: soon }
  - { name: c, plugin: c@1.0.0, limits: { memory: 1GiB } }
vectors:
  users: { dimensions: many }
";
        let expected = [
            ("name", 1, 7),
            ("input.keys", 4, 3),
            ("steps[0].plugin", 7, 13),
            ("steps[0].grants[1]", 8, 21),
            ("steps[0].grants[3]", 8, 32),
            ("steps[1]", 9, 5),
            ("steps[1].on-error.retrys", 10, 25),
            ("steps[1].on-error.backoff", 10, 37),
            ("vectors.users.dimensions", 13, 24),
        ];
        let found = mistakes(text);
        let found: Vec<_> = found
            .iter()
            .map(|(path, line, column)| (&**path, *line, *column))
            .collect();
        assert_eq!(found, expected);
        // What cannot work is told beside what does not read, where the one does not hang on the other.
        let text = "name: p
input: { subjects: [shop.>] }
sketches:
  users: { kind: distinct, size: 5 }
  items: { kind: topp }
rate: { events: { limit: 0 } }
partitions: 99
";
        let found = mistakes(text);
        let paths: Vec<_> = found.iter().map(|(path, ..)| &**path).collect();
        assert_eq!(paths, ["sketches.items.kind", "rate.events.limit", "partitions"]);
    }

    #[test]
    fn json_has_places_too() {
        let text = "{\n  \"name\": \"p\",\n  \"input\": {\"subjects\": [\"a\"]},\n  \"partitions\": \"two\",\n  \"step\": []\n}";
        assert_eq!(
            mistakes(text),
            [("partitions".into(), 4, 17), ("step".into(), 5, 3)]
        );
        assert_eq!(mistakes("{\n  \"name\": \"p\",,\n}"), [(".".into(), 2, 15)]);
        assert_eq!(mistakes("{\n  \"name\": 1,\n \"name\": 2}"), [(".".into(), 3, 2)]);
    }

    #[test]
    fn a_number_that_would_lose_digits_is_refused_in_json_and_text_in_yaml() {
        let json = |number: &str| {
            format!(
                r#"{{"name":"p","input":{{"subjects":["a"]}},"steps":[{{"name":"s","plugin":"p@1.0.0","config":{{"block":[7,{number}]}}}}]}}"#
            )
        };
        for wide in ["18446744073709551616", "-9223372036854775809"] {
            let refusal = read(json(wide).as_bytes()).unwrap_err();
            assert_eq!(refusal.first().path, "steps[0].config.block[1]", "{refusal}");
            let yaml = format!(
                "name: p\ninput: {{ subjects: [a] }}\nsteps: [{{ name: s, plugin: p@1.0.0, config: {{ block: [7, {wide}] }} }}]\n"
            );
            let config = parse(yaml.as_bytes()).unwrap().steps[0].config.clone();
            assert_eq!(config, serde_json::json!({"block": [7, wide]}));
        }
        for narrow in [
            "18446744073709551615",
            "-9223372036854775808",
            "1e300",
            "0.1",
            "\"18446744073709551616\"",
        ] {
            assert!(read(json(narrow).as_bytes()).is_ok(), "{narrow}");
        }
    }

    #[test]
    fn any_number_of_mistakes_is_told_in_part() {
        let steps = "  - { name: S }\n".repeat(500);
        let text = format!("name: p\ninput: {{ subjects: [a] }}\nsteps:\n{steps}");
        assert_eq!(mistakes(&text).len(), crate::manifest::mistakes::MAX_MISTAKES);
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
