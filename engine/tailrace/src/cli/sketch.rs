//! `tailrace sketch`: approximate metrics of a pipeline, each with the bound of its error.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::Value;
use tailrace_core::series::Group;

use super::{
    client::{query, read},
    global::Session,
    screen::{count, facts, short, table_or},
};

/// Queries of sketches.
#[derive(Debug, Subcommand)]
pub enum SketchCommand {
    /// List all sketches of a pipeline.
    #[command(after_help = "Example:\n  tailrace sketch list recommendations")]
    List {
        /// The pipeline.
        pipeline: String,
    },
    /// Show a sketch, or all, with their values and error bounds.
    #[command(
        after_help = "Examples:\n  tailrace sketch show recommendations\n  tailrace sketch show recommendations amounts -q 0.5,0.99 --from -1h\n  tailrace sketch show recommendations amounts --by"
    )]
    Show {
        /// The pipeline.
        pipeline: String,
        /// The sketch [default: all of them].
        name: Option<String>,
        /// Quantiles to show, between 0 and 1, separated by commas.
        #[arg(short, long, value_delimiter = ',', value_parser = quantile, value_name = "Q,…", requires = "name")]
        quantiles: Vec<f64>,
        /// Item to look up in a sketch of kind `top` or `seen`.
        #[arg(long, requires = "name")]
        item: Option<String>,
        #[command(flatten)]
        part: Part,
    },
    /// Show how far the values of the last stretch of event time are from those of the stretch before it.
    #[command(after_help = "Example:\n  tailrace sketch drift recommendations amounts --last 1h --base 24h")]
    Drift {
        /// The pipeline.
        pipeline: String,
        /// The sketch: of quantiles, top or distinct, with windows.
        name: String,
        /// The last stretch.
        #[arg(long, default_value = "1h", value_name = "DURATION")]
        last: String,
        /// The stretch before it.
        #[arg(long, default_value = "24h", value_name = "DURATION")]
        base: String,
    },
}

/// Which part of a windowed or grouped sketch.
#[derive(Debug, Args)]
pub struct Part {
    /// Start in event time: RFC 3339, or -1h for an hour before the newest event. It is widened to whole
    /// windows, and the answer shows the covered time.
    #[arg(long, requires = "name", value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// End in event time.
    #[arg(long, requires = "name", value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Show each group.
    #[arg(long, requires = "name", conflicts_with_all = ["group", "rest"])]
    by: bool,
    /// Show the group of this value.
    #[arg(long, requires = "name", conflicts_with = "rest")]
    group: Option<String>,
    /// Show the group of values beyond the most groups (other), or of events without a value (missing).
    #[arg(long, requires = "name", value_parser = ["other", "missing"])]
    rest: Option<String>,
}

fn quantile(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| format!("{text:?} is no quantile: write a number between 0 and 1, such as 0.99"))
}

#[derive(Deserialize)]
struct DriftView {
    drift: Option<f64>,
    last: Stretch,
    base: Stretch,
}

#[derive(Deserialize)]
struct Stretch {
    from: String,
    to: String,
    count: u64,
}

impl Stretch {
    fn shown(&self) -> String {
        format!("{} values from {} to {}", self.count, self.from, self.to)
    }
}

/// Runs one of them.
pub fn run(command: SketchCommand, session: &Session) -> anyhow::Result<()> {
    match command {
        SketchCommand::Drift {
            pipeline,
            name,
            last,
            base,
        } => {
            let parameters = query(&[("last", Some(last)), ("base", Some(base))]);
            let route = session.pipeline_route(&pipeline, &["sketches", &name, "drift"])?;
            let answer = session.client.get(&(route + &parameters))?;
            session.output.show(&answer, || {
                let DriftView { drift, last, base } = read(&answer)?;
                let drift = drift.map_or_else(
                    || "no values to compare".to_owned(),
                    |drift| format!("{drift:.4}"),
                );
                Ok(facts(&[
                    ("drift", drift),
                    ("last", last.shown()),
                    ("base", base.shown()),
                ]))
            })
        }
        SketchCommand::List { pipeline } => {
            let answer = session
                .client
                .get(&session.pipeline_route(&pipeline, &["sketches"])?)?;
            session.output.show(&answer, || Ok(list(read(&answer)?)))
        }
        SketchCommand::Show {
            pipeline, name: None, ..
        } => {
            let answer = session
                .client
                .get(&session.pipeline_route(&pipeline, &["sketches"])?)?;
            session.output.show(&answer, || Ok(describe_all(&read(&answer)?)))
        }
        SketchCommand::Show {
            pipeline,
            name: Some(name),
            quantiles,
            item,
            part,
        } => {
            let asked: Vec<String> = quantiles.iter().map(ToString::to_string).collect();
            let asked = Some(asked.join(",")).filter(|asked| !asked.is_empty());
            let parameters = query(&[
                ("q", asked),
                ("item", item),
                ("from", part.from),
                ("to", part.to),
                ("by", part.by.then(|| true.to_string())),
                ("group", part.group),
                ("rest", part.rest),
            ]);
            let answer = session
                .client
                .get(&(session.pipeline_route(&pipeline, &["sketches", &name])? + &parameters))?;
            session
                .output
                .show(&answer, || Ok(describe(&name, &read(&answer)?)))
        }
    }
}

/// A sketch's answer, whichever its kind.
#[derive(Deserialize)]
struct SketchView {
    kind: String,
    count: u64,
    bound: BoundView,
    answer: AnswerView,
    #[serde(default)]
    covers: Option<CoversView>,
    #[serde(default)]
    groups: Vec<GroupView>,
}

#[derive(Deserialize)]
struct CoversView {
    from: Value,
    to: Value,
    window: String,
}

#[derive(Deserialize)]
struct GroupView {
    group: Group,
    count: u64,
    bound: BoundView,
    answer: AnswerView,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
enum BoundView {
    Exact,
    Relative { error: f64 },
    StandardError { error: f64 },
    Above { error: u64, probability: f64 },
    FalsePositive { probability: f64 },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnswerView {
    Quantiles {
        quantiles: Vec<(f64, Option<f64>)>,
        min: Option<f64>,
        max: Option<f64>,
    },
    Distinct {
        distinct: f64,
    },
    Top {
        items: Vec<(String, u64)>,
        asked: Option<u64>,
    },
    Sample {
        items: Vec<String>,
    },
    Seen {
        seen: Option<bool>,
    },
}

/// What to say of a pipeline without any.
const NONE: &str = "the pipeline declares no sketches";

fn list(sketches: BTreeMap<String, SketchView>) -> String {
    let row = |(name, sketch): (String, SketchView)| {
        vec![name, sketch.kind, count(sketch.count), sketch.bound.to_text()]
    };
    let rows = sketches.into_iter().map(row).collect();
    table_or(NONE, &["sketch", "kind", "values>", "error"], rows)
}

fn describe_all(sketches: &BTreeMap<String, SketchView>) -> String {
    if sketches.is_empty() {
        return NONE.to_owned();
    }
    let described = sketches.iter().map(|(name, sketch)| describe(name, sketch));
    described.collect::<Vec<_>>().join("\n\n")
}

fn describe(name: &str, sketch: &SketchView) -> String {
    let SketchView {
        kind,
        count: values,
        bound,
        answer,
        covers,
        groups,
    } = sketch;
    let head = format!("{name}: {kind} of {} values, {}", count(*values), bound.to_text());
    let covers = covers.as_ref().map(|covers| {
        let plain = |time: &Value| time.as_str().map_or_else(|| time.to_string(), str::to_owned);
        let (from, to) = (plain(&covers.from), plain(&covers.to));
        if from == to {
            return format!("  no window of {} lies in that time", covers.window);
        }
        format!("  from {from} to {to}, in windows of {}", covers.window)
    });
    let groups = groups.iter().map(|part| {
        let group = match &part.group {
            Group::Value(value) => format!("{:?}", short(value, 60)),
            Group::Other => "(other)".to_owned(),
            Group::Missing => "(missing)".to_owned(),
        };
        let (values, bound) = (count(part.count), part.bound.to_text());
        format!("\n{group}: {values} values, {bound}\n{}", part.answer.to_text())
    });
    let answer = std::iter::once(answer.to_text());
    let lines = std::iter::once(head).chain(covers).chain(answer).chain(groups);
    lines.collect::<Vec<_>>().join("\n")
}

impl BoundView {
    fn to_text(&self) -> String {
        let percent = |share: &f64| format!("{:.2} %", share * 100.0);
        match self {
            Self::Exact => "exact".to_owned(),
            Self::Relative { error } => format!("within {} of the true value", percent(error)),
            Self::StandardError { error } => format!("standard error {}", percent(error)),
            Self::Above { error, probability } => format!(
                "too high by at most {} with probability {probability}",
                count(*error)
            ),
            Self::FalsePositive { probability } => format!("yes is wrong with probability {probability}"),
        }
    }
}

impl AnswerView {
    fn to_text(&self) -> String {
        let number = |number: &Option<f64>| number.map_or("-".to_owned(), |number| number.to_string());
        let rows: Vec<(String, String)> = match self {
            Self::Quantiles { quantiles, min, max } => {
                let shares = quantiles
                    .iter()
                    .map(|(share, value)| (share.to_string(), number(value)));
                shares
                    .chain([("min".to_owned(), number(min)), ("max".to_owned(), number(max))])
                    .collect()
            }
            Self::Distinct { distinct } => vec![("distinct".to_owned(), count(*distinct as u64))],
            Self::Top { items, asked } => {
                let asked = asked.map(|times| ("(asked)".to_owned(), count(times)));
                let top = items.iter().map(|(item, times)| (short(item, 40), count(*times)));
                asked.into_iter().chain(top).collect()
            }
            Self::Sample { items } => items
                .iter()
                .map(|item| (short(item, 80), String::new()))
                .collect(),
            Self::Seen { seen } => seen
                .iter()
                .map(|seen| ("seen".to_owned(), seen.to_string()))
                .collect(),
        };
        let width = rows
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        let lines: Vec<String> = rows
            .iter()
            .map(|(name, value)| format!("  {name:<width$}  {value}").trim_end().to_owned())
            .collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(answer: &serde_json::Value, bound: &serde_json::Value) -> String {
        let report = json!({ "kind": "k", "count": 1200, "bound": bound, "answer": answer });
        describe("s", &serde_json::from_value(report).unwrap())
    }

    #[test]
    fn each_kind_is_shown_with_its_bound() {
        let quantiles = shown(
            &json!({ "quantiles": [[0.5, 3.0], [0.99, null]], "min": 1.0, "max": 4.5, "sum": 9.0 }),
            &json!({ "type": "relative", "error": 0.01 }),
        );
        assert_eq!(
            quantiles,
            "s: k of 1,200 values, within 1.00 % of the true value\n  0.5   3\n  0.99  -\n  min   1\n  max   4.5"
        );
        let top = shown(
            &json!({ "items": [["tea", 1000], ["\u{1b}", 1]] }),
            &json!({ "type": "above", "error": 2, "probability": 0.99 }),
        );
        assert!(
            top.contains("tea") && top.contains("1,000") && !top.contains('\u{1b}'),
            "{top}"
        );
        assert!(
            shown(
                &json!({ "distinct": 17.0 }),
                &json!({ "type": "standard-error", "error": 0.008 })
            )
            .ends_with("distinct  17")
        );
        assert!(
            shown(&json!({ "items": ["a", "b"] }), &json!({ "type": "exact" })).ends_with("exact\n  a\n  b")
        );
    }

    #[test]
    fn windows_and_groups_are_shown_with_what_they_cover() {
        let bound = json!({ "type": "exact" });
        let answer = json!({ "items": [["tea", 3]] });
        let part = |group: Value| json!({ "group": group, "count": 3, "bound": bound, "answer": answer });
        let report = json!({
            "kind": "top", "count": 6, "bound": bound, "answer": answer,
            "covers": { "from": "2015-09-12T00:46:00.000Z", "to": 9, "window": "1m" },
            "groups": [part(json!({ "value": "other" })), part(json!("other"))],
        });
        assert_eq!(
            describe("s", &serde_json::from_value(report).unwrap()),
            "s: top of 6 values, exact\n  from 2015-09-12T00:46:00.000Z to 9, in windows of 1m\n  tea  3\n\n\"other\": 3 values, exact\n  tea  3\n\n(other): 3 values, exact\n  tea  3"
        );
    }

    #[test]
    fn a_time_without_a_window_is_said_to_have_none() {
        let report = json!({
            "kind": "top", "count": 0, "bound": { "type": "exact" }, "answer": { "items": [] },
            "covers": { "from": "1970-01-01T00:00:00.000Z", "to": "1970-01-01T00:00:00.000Z", "window": "1m" },
            "groups": [],
        });
        let shown = describe("s", &serde_json::from_value(report).unwrap());
        assert!(shown.contains("no window of 1m"), "{shown}");
        assert!(!shown.contains("1970"), "{shown}");
    }

    #[test]
    fn the_report_of_every_kind_is_understood() {
        use tailrace_sketch::{Kind, Query, Sketch, SketchConfig, TenantSeed};
        for kind in [
            Kind::Quantiles,
            Kind::Distinct,
            Kind::Top,
            Kind::Seen,
            Kind::Sample,
        ] {
            let sketch = Sketch::new(&SketchConfig { kind, size: None }, TenantSeed::new(1, 2));
            let asked = Query {
                item: Some("a".into()),
                item_hash: Some(1),
                ..Query::default()
            };
            for query in [Query::default(), asked] {
                let report = serde_json::to_value(sketch.report(&query)).unwrap();
                let view: SketchView = serde_json::from_value(report).unwrap();
                assert!(describe("s", &view).starts_with(&format!("s: {kind} of 0 values")));
            }
        }
    }

    #[test]
    fn quantiles_outside_0_to_1_are_refused() {
        assert!(quantile("0.99").is_ok() && quantile("1.5").is_err() && quantile("NaN").is_err());
    }
}
