//! What is known of the values of a window for one of its aggregates.

use std::{borrow::Cow, cmp::Ordering};

use serde::{Deserialize, Serialize};
use tailrace_sketch::{Kind, Sketch, SketchConfig, SketchError, TenantSeed, Update, hash_item};

use crate::{
    extract::Scalar,
    manifest::{AggregateOf, KEPT_VALUE, Measure},
    window::{
        members::{Members, json},
        number::{Number, json_of},
    },
};

/// Of the values so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Accumulator {
    /// The number of events.
    Count(u64),
    /// The sum, and of how many.
    Sum(Number, u64),
    /// The least or the greatest.
    Extreme(Option<Extreme>),
    /// The earliest or the latest.
    Edge(Option<Edge>),
    /// A sketch in its encoding.
    Sketch(#[serde(with = "serde_bytes")] Vec<u8>),
}

/// A number with what is kept of its event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Extreme {
    number: Number,
    /// As JSON, in the order of the manifest.
    kept: Vec<Option<String>>,
}

/// A value with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Edge {
    time_ms: u64,
    json: String,
}

impl Accumulator {
    /// Of nothing.
    pub(super) fn of(measure: Measure) -> Self {
        match measure {
            Measure::Sum | Measure::Avg => Self::Sum(Number::ZERO, 0),
            Measure::Min | Measure::Max => Self::Extreme(None),
            Measure::First | Measure::Last => Self::Edge(None),
            Measure::Distinct | Measure::Quantiles | Measure::Top => Self::Sketch(Vec::new()),
        }
    }

    /// Takes an event's value in. Says whether it was one that can be measured.
    pub(super) fn take(
        &mut self,
        measure: Measure,
        of: &AggregateOf,
        value: &Scalar<'_>,
        (time_ms, seed): (u64, TenantSeed),
        kept: &[Option<Scalar<'_>>],
    ) -> Result<bool, SketchError> {
        match self {
            Self::Count(count) => *count += 1,
            Self::Sum(sum, count) => {
                let Some(number) = Number::read(value) else {
                    return Ok(false);
                };
                *sum = sum.plus(number);
                *count += 1;
            }
            Self::Extreme(held) => {
                let Some(number) = Number::read(value) else {
                    return Ok(false);
                };
                if held
                    .as_ref()
                    .is_none_or(|held| is_further(measure, &number, &held.number))
                {
                    let kept = kept.iter().map(|value| value.as_ref().and_then(json)).collect();
                    *held = Some(Extreme { number, kept });
                }
            }
            Self::Edge(held) => {
                let Some(json) = json(value) else { return Ok(false) };
                if held
                    .as_ref()
                    .is_none_or(|held| is_nearer(measure, time_ms, held.time_ms))
                {
                    *held = Some(Edge { time_ms, json });
                }
            }
            Self::Sketch(bytes) => {
                let Some(update) = update(measure, value, seed) else {
                    return Ok(false);
                };
                let mut sketch = open(bytes, measure, of, seed)?;
                sketch.apply(&update)?;
                *bytes = sketch.encode();
            }
        }
        Ok(true)
    }

    /// Takes in what another has of later events.
    pub(super) fn merge(
        &mut self,
        measure: Measure,
        of: &AggregateOf,
        other: &Self,
        seed: TenantSeed,
    ) -> Result<(), SketchError> {
        match (self, other) {
            (Self::Count(count), Self::Count(more)) => *count += more,
            (Self::Sum(sum, count), Self::Sum(more, others)) => {
                *sum = sum.plus(*more);
                *count += others;
            }
            (Self::Extreme(held), Self::Extreme(Some(other)))
                if held
                    .as_ref()
                    .is_none_or(|held| is_further(measure, &other.number, &held.number)) =>
            {
                *held = Some(other.clone());
            }
            (Self::Edge(held), Self::Edge(Some(other)))
                if held
                    .as_ref()
                    .is_none_or(|held| is_nearer(measure, other.time_ms, held.time_ms)) =>
            {
                *held = Some(other.clone());
            }
            (Self::Sketch(bytes), Self::Sketch(other)) if !other.is_empty() => {
                let mut sketch = open(bytes, measure, of, seed)?;
                sketch.merge(&Sketch::decode(other)?)?;
                *bytes = sketch.encode();
            }
            _ => {}
        }
        Ok(())
    }

    /// As JSON; `null` where there was no value.
    pub(super) fn json(
        &self,
        measure: Measure,
        of: &AggregateOf,
        seed: TenantSeed,
    ) -> Result<String, SketchError> {
        let null = || "null".to_owned();
        Ok(match self {
            Self::Count(count) => count.to_string(),
            Self::Sum(_, 0) | Self::Extreme(None) | Self::Edge(None) => null(),
            Self::Sum(sum, count) if measure == Measure::Avg => json_of(sum.near() / *count as f64),
            Self::Sum(sum, _) => sum.json(),
            Self::Extreme(Some(held)) if of.keep.is_empty() => held.number.json(),
            Self::Extreme(Some(held)) => {
                let mut members = Members::default();
                members.raw(KEPT_VALUE, &held.number.json());
                for (name, json) in of.keep.keys().zip(&held.kept) {
                    members.raw(name, json.as_deref().unwrap_or("null"));
                }
                members.finish()
            }
            Self::Edge(Some(held)) => held.json.clone(),
            Self::Sketch(bytes) => shown(&open(bytes, measure, of, seed)?, of),
        })
    }
}

/// Of equals, the one that came first stays.
fn is_further(measure: Measure, number: &Number, held: &Number) -> bool {
    let further = if measure == Measure::Min {
        Ordering::Less
    } else {
        Ordering::Greater
    };
    number.compare(held) == further
}

/// Of those of one time, the first is the one that came first, and the last is the one that came last.
fn is_nearer(measure: Measure, time_ms: u64, held_ms: u64) -> bool {
    if measure == Measure::First {
        time_ms < held_ms
    } else {
        time_ms >= held_ms
    }
}

fn update(measure: Measure, value: &Scalar<'_>, seed: TenantSeed) -> Option<Update> {
    let text = || match value {
        Scalar::Text(text) => Some(Cow::Borrowed(&**text)),
        other => other.clone().into_text().map(Cow::Owned),
    };
    Some(match measure {
        Measure::Quantiles => Update::Observe(value.as_number().filter(|number| number.is_finite())?),
        Measure::Distinct => Update::Distinct(hash_item(seed, &text()?)),
        _ => Update::Count {
            item: text()?.into_owned(),
            times: 1,
        },
    })
}

fn open(bytes: &[u8], measure: Measure, of: &AggregateOf, seed: TenantSeed) -> Result<Sketch, SketchError> {
    if !bytes.is_empty() {
        return Sketch::decode(bytes);
    }
    let (kind, size) = match measure {
        Measure::Quantiles => (Kind::Quantiles, None),
        Measure::Distinct => (Kind::Distinct, None),
        _ => (Kind::Top, Some(of.items())),
    };
    Ok(Sketch::new(&SketchConfig { kind, size }, seed))
}

fn shown(sketch: &Sketch, of: &AggregateOf) -> String {
    let mut members = Members::default();
    match sketch {
        Sketch::Quantiles(quantiles) => {
            for q in of.quantiles_at().iter() {
                let value = quantiles.quantile(*q).map_or_else(|| "null".to_owned(), json_of);
                members.raw(&q.to_string(), &value);
            }
            members.finish()
        }
        Sketch::Distinct(distinct) => (distinct.estimate().round() as u64).to_string(),
        Sketch::Top(top) => {
            let list = top.list().into_iter().take(of.items() as usize);
            let list = list.map(|(item, count)| {
                let mut members = Members::default();
                members.text("item", item);
                members.raw("count", &count.to_string());
                members.finish()
            });
            format!("[{}]", list.collect::<Vec<_>>().join(","))
        }
        Sketch::Seen(_) | Sketch::Sample(_) => "null".to_owned(),
    }
}
