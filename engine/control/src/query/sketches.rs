//! Queries of sketches: one answer from all partitions, windows and groups that are asked for, with
//! the bound, the count that it rests on, and the stretch of event time that it covers.
//!
//! What is asked for in time is widened to whole windows, and cut to those that every partition still
//! has whole; the answer says which those are. Times such as `-1h` count back from the newest
//! event-time clock of the partitions, so that they mean the same for old events as for new ones.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use serde::{Serialize, Serializer};
use tailrace_core::{
    event_time::rfc3339,
    identity::PipelineId,
    manifest::SketchManifest,
    name::Name,
    series::{Group, Groups, Held, RangeQuery, WindowRule, WindowSpan},
    units::Span,
};
use tailrace_sketch::{Query, Report, Sketch};
use tailrace_time::rfc3339_ms;

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        local::{Answer, What},
    },
};

/// A point in event time, as people ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// At this time, in milliseconds since 1970.
    At(u64),
    /// So long before the newest event-time clock.
    Ago(Duration),
    /// That clock itself, which belongs to its window.
    Clock,
}

impl FromStr for Point {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let ago = text.strip_prefix('-').and_then(|text| text.parse::<Span>().ok());
        let at = || u64::try_from(rfc3339_ms(text).ok()?).ok().map(Self::At);
        ago.map(|span| Self::Ago(span.0)).or_else(at).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!("{shown:?} is no time; write 2026-11-01T00:00:00Z or 2026-11-01T00:00:00+02:00, or -1h for an hour ago in event time")
        })
    }
}

/// What is asked of a sketch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SketchAsk {
    /// Of each answer.
    pub query: Query,
    /// From when on; with neither this nor `to`, all time is asked for.
    pub from: Option<Point>,
    /// Until when; left out, up to the newest window.
    pub to: Option<Point>,
    /// Which groups.
    pub groups: Groups,
}

/// What a sketch says.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct SketchView {
    /// Of all that was asked for, together.
    #[serde(flatten)]
    pub report: Report,
    /// The event time that the answer covers, where it is one of windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covers: Option<Covers>,
    /// Each group by itself, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<GroupView>>,
}

/// A group of a sketch.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct GroupView {
    /// Which: `{"value": …}`, `"other"` or `"missing"`.
    pub group: Group,
    /// What it says.
    #[serde(flatten)]
    pub report: Report,
}

/// Whole windows of event time, from the first to the last border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Covers {
    /// The beginning.
    #[serde(serialize_with = "as_time")]
    #[schemars(with = "String")]
    pub from: u64,
    /// The end, which belongs to the next window.
    #[serde(serialize_with = "as_time")]
    #[schemars(with = "String")]
    pub to: u64,
    /// Length of a window.
    pub window: Span,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
fn as_time<S: Serializer>(time_ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    match rfc3339(*time_ms) {
        Some(text) => serializer.collect_str(&text),
        None => serializer.serialize_u64(*time_ms),
    }
}

impl Queries {
    /// Every sketch of a pipeline, of all time, merged over its partitions and groups.
    pub async fn sketches(&self, id: &PipelineId) -> ControlResult<Vec<(String, Report)>> {
        let pipeline = self.context.pipeline(id)?;
        let mut reports = Vec::new();
        for name in pipeline.active.manifest.sketches.keys() {
            let report = self.sketch(id, name.as_str(), &Query::default()).await?;
            reports.push((name.to_string(), report));
        }
        Ok(reports)
    }

    /// One sketch of all time, merged over partitions and groups.
    pub async fn sketch(&self, id: &PipelineId, name: &str, query: &Query) -> ControlResult<Report> {
        let ask = SketchAsk {
            query: query.clone(),
            ..SketchAsk::default()
        };
        Ok(self.sketch_view(id, name, &ask).await?.report)
    }

    /// One sketch, merged over partitions, of the windows and groups that are asked for.
    pub async fn sketch_view(
        &self,
        id: &PipelineId,
        name: &str,
        ask: &SketchAsk,
    ) -> ControlResult<SketchView> {
        let Merging {
            empty,
            parts,
            covers,
            is_divided,
        } = self.merging(id, name, ask).await?;
        if !is_divided {
            return view(name, &empty, parts, covers, ask);
        }
        let (name, ask) = (name.to_owned(), ask.clone());
        self.merges
            .run(move || view(&name, &empty, parts, covers, &ask))
            .await?
    }

    /// One sketch of the windows that are asked for, and the event time that it covers.
    pub(crate) async fn merged(
        &self,
        id: &PipelineId,
        name: &str,
        ask: &SketchAsk,
    ) -> ControlResult<(Sketch, Option<Covers>)> {
        let Merging {
            empty, parts, covers, ..
        } = self.merging(id, name, ask).await?;
        let name = name.to_owned();
        let merge = move || merge(&name, &empty, parts, false).map(|(whole, _)| whole);
        Ok((self.merges.run(merge).await??, covers))
    }

    async fn merging(&self, id: &PipelineId, name: &str, ask: &SketchAsk) -> ControlResult<Merging> {
        let pipeline = self.context.pipeline(id)?;
        let Some(declared) = pipeline.active.manifest.sketches.get(name) else {
            return Err(ControlError::not_found("sketch", &name));
        };
        if ask.groups != Groups::Together && declared.by.is_none() {
            return Err(ControlError::Invalid(format!(
                "sketch {name:?} has no groups; declare by what it is divided, as in by: {{ json: /channel }}"
            )));
        }
        let reach_ms = pipeline.active.manifest.reach_ms();
        let covers = self.covers(id, name, (declared, reach_ms), ask).await?;
        let parts = if declared.windowing().is_some() {
            let slice = RangeQuery {
                windows: covers.map(|covers| WindowSpan {
                    length_ms: covers.window.as_millis(),
                    from_ms: covers.from,
                    to_ms: covers.to,
                }),
                groups: ask.groups.clone(),
            };
            self.groups(id, name, slice).await?
        } else {
            self.undivided(id, name).await?
        };
        let empty = Sketch::new(&declared.config(), self.context.tenant(&id.tenant)?.seed);
        Ok(Merging {
            empty,
            parts,
            covers,
            is_divided: declared.windowing().is_some(),
        })
    }

    async fn undivided(&self, id: &PipelineId, name: &str) -> ControlResult<Vec<(Option<Group>, Sketch)>> {
        let name = name.to_owned();
        let answers = self.ask(id, What::Sketch { name }).await?.into_iter();
        let sketches = answers.flat_map(|answer| match answer {
            Answer::Sketches(sketches) => sketches,
            _ => Vec::new(),
        });
        Ok(sketches.map(|sketch| (None, sketch)).collect())
    }

    async fn groups(
        &self,
        id: &PipelineId,
        name: &str,
        slice: RangeQuery,
    ) -> ControlResult<Vec<(Option<Group>, Sketch)>> {
        let name = name.to_owned();
        let answers = self.ask(id, What::RangeQuery { name, slice }).await?.into_iter();
        let found = answers.flat_map(|answer| match answer {
            Answer::Groups(groups) => groups,
            _ => Vec::new(),
        });
        Ok(found.collect())
    }

    /// The windows that answer; none where all time does.
    async fn covers(
        &self,
        id: &PipelineId,
        name: &str,
        (declared, reach_ms): (&SketchManifest, u64),
        ask: &SketchAsk,
    ) -> ControlResult<Option<Covers>> {
        if ask.from.is_none() && ask.to.is_none() {
            return Ok(None);
        }
        let Some(rule) = declared.window_rule() else {
            return Err(ControlError::Invalid(format!(
                "sketch {name:?} has no windows, only all time; declare some, as in window: 1m"
            )));
        };
        let name = name.to_owned();
        let answers = self.ask(id, What::Windows { name }).await?.into_iter();
        let held = answers.flat_map(|answer| match answer {
            Answer::Windows(held) => held,
            _ => Vec::new(),
        });
        let held = held.fold(Held::default(), Held::and);
        Ok(Some(span(&rule, (held, reach_ms), ask.from, ask.to)))
    }

    /// The hash of an item in a tenant's sketches.
    pub fn hash_item(&self, tenant: &Name, item: &str) -> ControlResult<u64> {
        Ok(tailrace_sketch::hash_item(
            self.context.tenant(tenant)?.seed,
            item,
        ))
    }
}

/// What was asked for, widened to windows and cut to what is whole.
fn span(rule: &WindowRule, (held, reach_ms): (Held, u64), from: Option<Point>, to: Option<Point>) -> Covers {
    let at = |point: Point| match point {
        Point::At(time_ms) => time_ms,
        Point::Ago(ago) => {
            let ago_ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
            held.clock_ms.saturating_sub(ago_ms)
        }
        // The watermark waits; the events that it waits with are measured already.
        Point::Clock => held.clock_ms.saturating_add(reach_ms).saturating_add(1),
    };
    // A window that only begins at the end that was asked for is no part of it.
    let up = |time_ms: u64| rule.start(time_ms.saturating_add(rule.length_ms - 1));
    let oldest_ms = held.begin_ms.min(held.end_ms);
    let from_ms = from.map_or(oldest_ms, |from| rule.start(at(from)));
    let to_ms = to.map_or(held.end_ms, |to| up(at(to)));
    let from_ms = from_ms.max(up(held.whole_from_ms));
    Covers {
        from: from_ms,
        to: to_ms.max(from_ms),
        window: Span::from_millis(rule.length_ms),
    }
}

/// What is to be merged for an answer.
struct Merging {
    empty: Sketch,
    parts: Vec<(Option<Group>, Sketch)>,
    covers: Option<Covers>,
    is_divided: bool,
}

/// Merges what partitions gave: to a whole, and to each group where that is asked for.
fn merge(
    name: &str,
    empty: &Sketch,
    parts: Vec<(Option<Group>, Sketch)>,
    by_group: bool,
) -> ControlResult<(Sketch, BTreeMap<Group, Sketch>)> {
    let mut whole = empty.clone();
    let mut groups: BTreeMap<Group, Sketch> = BTreeMap::new();
    for (group, sketch) in parts {
        // Of another kind or size: what a sketch of this name measured before it was declared anew.
        let unlike = |_| {
            ControlError::Conflict(format!(
                "sketch {name:?} was declared with another kind or size before; declare the new one under another name"
            ))
        };
        whole.merge(&sketch).map_err(unlike)?;
        if let Some(group) = group.filter(|_| by_group) {
            let merged = groups.entry(group).or_insert_with(|| empty.clone());
            merged.merge(&sketch).map_err(unlike)?;
        }
    }
    Ok((whole, groups))
}

/// The answer from what partitions gave.
fn view(
    name: &str,
    empty: &Sketch,
    parts: Vec<(Option<Group>, Sketch)>,
    covers: Option<Covers>,
    ask: &SketchAsk,
) -> ControlResult<SketchView> {
    let (whole, groups) = merge(name, empty, parts, ask.groups == Groups::Each)?;
    let each = groups.into_iter().map(|(group, sketch)| GroupView {
        group,
        report: sketch.report(&ask.query),
    });
    Ok(SketchView {
        report: whole.report(&ask.query),
        covers,
        groups: (ask.groups == Groups::Each).then(|| each.collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: WindowRule = WindowRule {
        length_ms: 60_000,
        keep_ms: 3_600_000,
    };
    const HELD: Held = Held {
        clock_ms: 1_000_000,
        begin_ms: 0,
        end_ms: 1_020_000,
        whole_from_ms: 120_000,
    };

    fn covered(from: Option<&str>, to: Option<&str>) -> (u64, u64) {
        let point = |text: &str| text.parse().unwrap();
        let covers = span(&RULE, (HELD, 0), from.map(point), to.map(point));
        (covers.from, covers.to)
    }

    #[test]
    fn what_is_asked_for_is_widened_to_windows() {
        assert_eq!(
            covered(Some("1970-01-01T00:03:30Z"), Some("1970-01-01T00:04:01Z")),
            (180_000, 300_000)
        );
        assert_eq!(
            covered(Some("1970-01-01T00:03:00Z"), Some("1970-01-01T00:04:00Z")),
            (180_000, 240_000)
        );
        // A minute before the clock lies within the window of 900 seconds.
        assert_eq!(covered(Some("-1m"), None), (900_000, 1_020_000));
    }

    #[test]
    fn what_is_asked_for_is_cut_to_windows_that_are_whole() {
        assert_eq!(covered(Some("1970-01-01T00:00:00Z"), None), (120_000, 1_020_000));
        assert_eq!(covered(None, Some("1970-01-01T00:01:00Z")), (120_000, 120_000));
        assert_eq!(covered(Some("-1h"), None), (120_000, 1_020_000));
    }

    #[test]
    fn the_last_minutes_end_with_the_window_of_the_clock() {
        let last_of = |clock_ms, reach_ms| {
            let held = Held {
                clock_ms,
                // A false date lies far ahead.
                end_ms: 900_000_000,
                ..HELD
            };
            let ago = Some(Point::Ago(Duration::from_mins(2)));
            let covers = span(&RULE, (held, reach_ms), ago, Some(Point::Clock));
            (covers.from, covers.to)
        };
        let last = |clock_ms| last_of(clock_ms, 0);
        assert_eq!(last(1_000_000), (840_000, 1_020_000));
        assert_eq!(
            last(1_020_000),
            (900_000, 1_080_000),
            "the first moment of a window"
        );
        assert_eq!(
            last_of(1_015_000, 5_000),
            (840_000, 1_080_000),
            "an event five seconds ahead of the watermark is measured"
        );
    }

    #[test]
    fn times_read_as_people_write_them() {
        assert_eq!("-90s".parse(), Ok(Point::Ago(Duration::from_secs(90))));
        assert_eq!("2015-09-12T00:46:00Z".parse(), Ok(Point::At(1_442_018_760_000)));
        for wrong in ["", "-", "yesterday", "1h", "--1h", "-1parsec"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn covered_time_is_shown_as_text_while_there_is_one() {
        let shown = |from| {
            let covers = Covers {
                from,
                to: u64::MAX,
                window: Span::from_millis(60_000),
            };
            serde_json::to_value(covers).unwrap()
        };
        let covers = shown(1_442_018_760_000);
        assert_eq!(covers["from"], "2015-09-12T00:46:00.000Z");
        assert_eq!(covers["to"], u64::MAX);
        assert_eq!(covers["window"], "1m");
    }
}
