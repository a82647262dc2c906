//! Approximate metrics as a tenant declares them, what their declarations must hold, and how they
//! divide into series (see [`crate::series`]).

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tailrace_sketch::{Kind, SketchConfig};

use crate::{
    manifest::{
        Extract,
        bounds::{check_extract, within},
        error::ManifestError,
        mistakes::Mistakes,
    },
    name::Name,
    series::WindowRule,
    units::Span,
};

/// Most series of all sketches of a pipeline together, in each of its partitions: windows times
/// groups. With sketches of 2 KiB, usual for windows, they take 100 MiB of disk.
pub const MAX_SERIES: u64 = 50_000;
/// Groups where nothing else is said.
pub const DEFAULT_GROUPS: u32 = 100;
/// Most groups that can be asked for.
const MAX_GROUPS: u64 = 1_000;
/// How long a window is kept where nothing else is said.
const DEFAULT_KEEP: Span = Span::from_millis(24 * 3_600_000);
/// Shortest window: what a window costs is shared by the events of a second at least.
const SHORTEST_WINDOW_MS: u64 = 1_000;
/// Longest window and longest time that one is kept: a year and a day of leap.
const LONGEST_MS: u64 = 366 * 24 * 3_600_000;

/// A sketch is an approximate metric. With `value` the engine measures it from a place in each event. Without
/// `value` plugins feed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SketchManifest {
    /// The kind of sketch: `quantiles`, `distinct`, `top`, `seen` or `sample`.
    #[schemars(schema_with = "kinds")]
    pub kind: Kind,
    /// The place of the value in an event. Without it plugins feed the sketch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Extract>,
    /// The step that must have accepted the event, so that its value is measured. Without it a value is measured if
    /// no step rejects the event or fails on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Name>,
    /// For `top`, the number of items that are shown. For `sample`, the number of items that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// The length of windows of event time, from 1s to 366d. The sketch measures them in addition to all time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// A window is kept for this long after its end. The default is 24h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Span>,
    /// The place of a value that groups events. Each group is measured by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Extract>,
    /// The most groups of a partition, from 1 to 1,000. The default is 100. Later values count in the group
    /// `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<u32>,
    /// The share of windows and groups, from 0 to 1, for which the engine also keeps the exact answer. It
    /// compares the sketch with that answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<f64>,
}

/// The kinds, each with what it measures. The type itself lies in a crate that knows no schemas.
fn kinds(_: &mut SchemaGenerator) -> Schema {
    let kinds = [
        (Kind::Quantiles, "Quantiles of numbers."),
        (Kind::Distinct, "How many different values there are."),
        (Kind::Top, "The most frequent values."),
        (Kind::Seen, "Whether a value came before."),
        (Kind::Sample, "A uniform sample of the values."),
    ];
    let choice = |(kind, what): (Kind, &str)| json!({ "const": kind, "description": what });
    json_schema!({ "oneOf": kinds.map(choice) })
}

/// How a sketch is windowed and grouped; none of both for one that is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windowing {
    /// By time.
    pub window: Option<WindowRule>,
    /// By group, at most so many.
    pub groups: Option<u32>,
}

impl SketchManifest {
    /// One of a kind, not windowed or grouped, fed by plugins.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            value: None,
            after: None,
            size: None,
            window: None,
            keep: None,
            by: None,
            groups: None,
            watch: None,
        }
    }

    /// As the sketch takes it.
    pub fn config(&self) -> SketchConfig {
        SketchConfig {
            kind: self.kind,
            size: self.size,
        }
    }

    /// Its windows, where it has some.
    pub fn window_rule(&self) -> Option<WindowRule> {
        let length_ms = self.window?.as_millis();
        let keep_ms = self.keep.unwrap_or(DEFAULT_KEEP).as_millis();
        Some(WindowRule { length_ms, keep_ms })
    }

    /// How it is windowed and grouped, if it is.
    pub fn windowing(&self) -> Option<Windowing> {
        let groups = self.by.as_ref().map(|_| self.groups.unwrap_or(DEFAULT_GROUPS));
        let window = self.window_rule();
        (window.is_some() || groups.is_some()).then_some(Windowing { window, groups })
    }
}

impl Windowing {
    /// Most series of a partition, all time among them.
    pub fn most_series(&self) -> u64 {
        let windows = self.window.map_or(0, |rule| rule.most_windows());
        // Those without a value and those beyond the last group are two groups more.
        let groups = self.groups.map_or(1, |groups| u64::from(groups) + 2);
        windows.saturating_add(1).saturating_mul(groups)
    }
}

/// Checks the sketches of a pipeline.
pub(super) fn check(sketches: &BTreeMap<Name, SketchManifest>, steps: &[&Name], found: &mut Mistakes) {
    let mut series: u64 = 0;
    for (name, sketch) in sketches {
        let path = format!("sketches.{name}");
        found.note(check_one(&path, sketch));
        found.note(check_after(&path, sketch, steps));
        let own = sketch.windowing().map_or(0, |windowing| windowing.most_series());
        series = series.saturating_add(own);
        if series > MAX_SERIES {
            return found.push(ManifestError::new(
                path,
                format!(
                    "its {own} windows and groups bring those of the pipeline to {series}, beyond {MAX_SERIES}; keep them less long, make windows longer or groups fewer"
                ),
            ));
        }
    }
}

fn check_after(path: &str, sketch: &SketchManifest, steps: &[&Name]) -> Result<(), ManifestError> {
    let Some(after) = &sketch.after else { return Ok(()) };
    let path = format!("{path}.after");
    if sketch.value.is_none() {
        return Err(ManifestError::new(path, "only with `value`"));
    }
    if steps.contains(&after) {
        return Ok(());
    }
    let names: Vec<_> = steps.iter().map(|step| step.as_str()).collect();
    let hint = format!("there is no step {after:?}; name one of: {}", names.join(", "));
    Err(ManifestError::new(path, hint))
}

fn check_one(path: &str, sketch: &SketchManifest) -> Result<(), ManifestError> {
    let field = |name: &str| format!("{path}.{name}");
    let needs = |name: &str, other: &str| ManifestError::new(field(name), format!("only with `{other}`"));
    if let Some(value) = &sketch.value {
        check_extract(&field("value"), value)?;
    }
    if let Some(by) = &sketch.by {
        check_extract(&field("by"), by)?;
    }
    match (sketch.kind, sketch.size) {
        (Kind::Top | Kind::Sample, Some(size)) => within(&field("size"), u64::from(size), 1, 1_000)?,
        (_, Some(_)) => {
            let hint = "only `top` and `sample` have a size";
            return Err(ManifestError::new(field("size"), hint));
        }
        (_, None) => {}
    }
    if let Some(groups) = sketch.groups {
        sketch.by.as_ref().ok_or_else(|| needs("groups", "by"))?;
        within(&field("groups"), u64::from(groups), 1, MAX_GROUPS)?;
    }
    if let Some(share) = sketch.watch.filter(|share| !(0.0..=1.0).contains(share)) {
        let hint = format!("{share} is no share; write 0.01 for a hundredth");
        return Err(ManifestError::new(field("watch"), hint));
    }
    match (sketch.window, sketch.window_rule()) {
        (Some(window), Some(rule)) => {
            let shown = field("window");
            within_ms(&shown, window, SHORTEST_WINDOW_MS)?;
            within_ms(&field("keep"), Span::from_millis(rule.keep_ms), rule.length_ms)
        }
        _ if sketch.keep.is_some() => Err(needs("keep", "window")),
        _ => Ok(()),
    }
}

fn within_ms(path: &str, span: Span, least_ms: u64) -> Result<(), ManifestError> {
    if (least_ms..=LONGEST_MS).contains(&span.as_millis()) {
        return Ok(());
    }
    let (least, most) = (Span::from_millis(least_ms), Span::from_millis(LONGEST_MS));
    Err(ManifestError::new(
        path,
        format!("{span} is outside {least} to {most}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(sketch: &str) -> String {
        let sketch: SketchManifest = serde_json::from_str(sketch).unwrap();
        let mut found = Mistakes::default();
        check(
            &BTreeMap::from([(Name::new("s").unwrap(), sketch)]),
            &[],
            &mut found,
        );
        found.first().unwrap_err().path
    }

    #[test]
    fn what_cannot_be_measured_is_refused_where_it_is_wrong() {
        for (sketch, path) in [
            (r#"{"kind":"quantiles","size":3}"#, "sketches.s.size"),
            (r#"{"kind":"top","size":0}"#, "sketches.s.size"),
            (r#"{"kind":"top","after":"validate"}"#, "sketches.s.after"),
            (
                r#"{"kind":"top","value":{"json":"/a"},"after":"validate"}"#,
                "sketches.s.after",
            ),
            (r#"{"kind":"top","keep":"1h"}"#, "sketches.s.keep"),
            (r#"{"kind":"top","window":"1ms"}"#, "sketches.s.window"),
            (r#"{"kind":"top","window":"1h","keep":"1m"}"#, "sketches.s.keep"),
            (
                r#"{"kind":"top","window":"400d","keep":"400d"}"#,
                "sketches.s.window",
            ),
            (r#"{"kind":"top","groups":10}"#, "sketches.s.groups"),
            (r#"{"kind":"top","by":{"json":"channel"}}"#, "sketches.s.by.json"),
            (
                r#"{"kind":"top","by":{"json":"/c"},"groups":1001}"#,
                "sketches.s.groups",
            ),
            (r#"{"kind":"top","watch":1.5}"#, "sketches.s.watch"),
            (r#"{"kind":"top","window":"1s","keep":"24h"}"#, "sketches.s"),
            (r#"{"kind":"top","window":"1m","by":{"json":"/c"}}"#, "sketches.s"),
        ] {
            assert_eq!(error(sketch), path, "{sketch}");
        }
    }

    #[test]
    fn windows_and_groups_have_defaults_and_a_product() {
        let sketch = r#"{"kind":"quantiles","window":"1m","by":{"json":"/channel"},"groups":20}"#;
        let sketch: SketchManifest = serde_json::from_str(sketch).unwrap();
        let windowing = sketch.windowing().unwrap();
        assert_eq!(windowing.window.unwrap().keep_ms, 24 * 3_600_000);
        assert_eq!(windowing.most_series(), (1_440 + 1 + 100 + 1) * 22);
        assert_eq!(SketchManifest::of(Kind::Top).windowing(), None);
    }
}
