//! What a window, or a step of a hopping one, has of the events of a group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tailrace_sketch::{SketchError, TenantSeed};

use crate::{
    extract::Scalar,
    manifest::{Aggregate, Extract},
    window::{Members, accumulator::Accumulator},
};

/// Of its events so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its events.
    pub events: u64,
    /// Of how many the last result told.
    pub told: u64,
    values: Vec<Accumulator>,
}

/// What an event has for a window.
#[derive(Debug)]
pub struct Taken<'a> {
    /// Its time.
    pub time_ms: u64,
    /// Its values, at the places of [`Part::places`].
    pub values: &'a [Option<Scalar<'a>>],
    /// The tenant's seed for hashing.
    pub seed: TenantSeed,
}

impl Part {
    /// Of no event.
    pub fn new(aggregates: &BTreeMap<String, Aggregate>) -> Self {
        let values = aggregates.values().map(|aggregate| match aggregate {
            Aggregate::Count => Accumulator::Count(0),
            Aggregate::Of(of) => match of.measure() {
                Some((measure, _)) => Accumulator::of(measure),
                None => Accumulator::Count(0),
            },
        });
        Self {
            events: 0,
            told: 0,
            values: values.collect(),
        }
    }

    /// Where the values of events are that a window needs.
    pub fn places(aggregates: &BTreeMap<String, Aggregate>) -> Vec<Extract> {
        aggregates.values().flat_map(Aggregate::places).cloned().collect()
    }

    /// Takes an event in. Gives how many of its values could not be measured.
    pub fn take(
        &mut self,
        aggregates: &BTreeMap<String, Aggregate>,
        event: &Taken<'_>,
    ) -> Result<u64, SketchError> {
        self.events += 1;
        let mut values = event.values;
        let mut skipped = 0;
        for (held, aggregate) in self.values.iter_mut().zip(aggregates.values()) {
            let Aggregate::Of(of) = aggregate else {
                if let Accumulator::Count(count) = held {
                    *count += 1;
                }
                continue;
            };
            let Some((measure, _)) = of.measure() else {
                continue;
            };
            let (own, rest) = values.split_at(1 + of.keep.len());
            values = rest;
            let is_measured = match &own[0] {
                Some(value) => held.take(measure, of, value, (event.time_ms, event.seed), &own[1..])?,
                None => false,
            };
            skipped += u64::from(!is_measured);
        }
        Ok(skipped)
    }

    /// Takes in what another has, of later events.
    pub fn merge(
        &mut self,
        aggregates: &BTreeMap<String, Aggregate>,
        other: &Self,
        seed: TenantSeed,
    ) -> Result<(), SketchError> {
        self.events += other.events;
        let values = self.values.iter_mut().zip(&other.values);
        for ((held, other), aggregate) in values.zip(aggregates.values()) {
            match aggregate {
                Aggregate::Count => {
                    if let (Accumulator::Count(count), Accumulator::Count(more)) = (held, other) {
                        *count += more;
                    }
                }
                Aggregate::Of(of) => {
                    if let Some((measure, _)) = of.measure() {
                        held.merge(measure, of, other, seed)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes its values as members of a result.
    pub fn write(
        &self,
        aggregates: &BTreeMap<String, Aggregate>,
        seed: TenantSeed,
        members: &mut Members,
    ) -> Result<(), SketchError> {
        for (held, (name, aggregate)) in self.values.iter().zip(aggregates) {
            let json = match (aggregate, held) {
                (Aggregate::Of(of), held) => match of.measure() {
                    Some((measure, _)) => held.json(measure, of, seed)?,
                    None => continue,
                },
                (Aggregate::Count, Accumulator::Count(count)) => count.to_string(),
                (Aggregate::Count, _) => continue,
            };
            members.raw(name, &json);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::extract::Extractor;

    const AGGREGATES: &str = r#"{
        "n": "count",
        "sum": {"sum":{"json":"/v"}}, "avg": {"avg":{"json":"/v"}},
        "min": {"min":{"json":"/v"}}, "max": {"max":{"json":"/v"},"keep":{"who":{"json":"/w"}}},
        "first": {"first":{"json":"/w"}}, "last": {"last":{"json":"/w"}},
        "distinct": {"distinct":{"json":"/w"}},
        "median": {"quantiles":{"json":"/v"},"at":[0.5]},
        "top": {"top":{"json":"/w"},"size":1}
    }"#;

    fn aggregates() -> BTreeMap<String, Aggregate> {
        serde_json::from_str(AGGREGATES).unwrap()
    }

    fn part(events: &[(u64, &str)]) -> (Part, u64) {
        let aggregates = aggregates();
        let extractor = Extractor::new(Part::places(&aggregates));
        let mut part = Part::new(&aggregates);
        let mut skipped = 0;
        for (time_ms, payload) in events {
            let found = extractor.extract("a", &[], payload.as_bytes());
            let taken = Taken {
                time_ms: *time_ms,
                values: &found.values,
                seed: TenantSeed::new(1, 2),
            };
            skipped += part.take(&aggregates, &taken).unwrap();
        }
        (part, skipped)
    }

    fn written(part: &Part) -> serde_json::Value {
        let mut members = Members::default();
        part.write(&aggregates(), TenantSeed::new(1, 2), &mut members)
            .unwrap();
        serde_json::from_str(&members.finish()).unwrap()
    }

    #[test]
    fn a_part_computes_what_is_asked_for() {
        let (part, skipped) = part(&[
            (2, r#"{"v":1.1,"w":"a"}"#),
            (1, r#"{"v":2.2,"w":"b"}"#),
            (3, r#"{"v":"0.3","w":"a"}"#),
            (3, r#"{"v":null,"w":7}"#),
        ]);
        assert_eq!(skipped, 5);
        let found = written(&part);
        let median = found["median"]["0.5"].as_f64().unwrap();
        assert!((1.0..1.2).contains(&median), "{median}");
        for (name, expected) in [
            ("n", serde_json::json!(4)),
            ("sum", serde_json::json!(3.6)),
            ("avg", serde_json::json!(1.2)),
            ("min", serde_json::json!(0.3)),
            ("max", serde_json::json!({"value": 2.2, "who": "b"})),
            ("first", serde_json::json!("b")),
            ("last", serde_json::json!(7)),
            ("distinct", serde_json::json!(3)),
            ("top", serde_json::json!([{"item": "a", "count": 2}])),
        ] {
            assert_eq!(found[name], expected, "{name}");
        }
    }

    #[test]
    fn of_nothing_there_is_nothing() {
        let found = written(&part(&[]).0);
        assert_eq!(found["n"], 0);
        assert_eq!(found["distinct"], 0);
        for name in ["sum", "avg", "min", "max", "first", "last"] {
            assert!(found[name].is_null(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn parts_put_together_are_the_part_of_all(
            values in prop::collection::vec((0_u64..5, -1000_i64..1000, 0_u8..4), 0..40),
            cut in 0_usize..40,
        ) {
            let texts: Vec<_> = values
                .iter()
                .map(|(time_ms, v, w)| (*time_ms, format!(r#"{{"v":{v},"w":"{w}"}}"#)))
                .collect();
            let events: Vec<_> = texts.iter().map(|(time_ms, text)| (*time_ms, text.as_str())).collect();
            let (one, other) = events.split_at(cut.min(events.len()));
            let (mut one, _) = part(one);
            one.merge(&aggregates(), &part(other).0, TenantSeed::new(1, 2)).unwrap();
            let bytes = postcard::to_stdvec(&one).unwrap();
            let one: Part = postcard::from_bytes(&bytes).unwrap();
            prop_assert_eq!(written(&one), written(&part(&events).0));
        }
    }
}
