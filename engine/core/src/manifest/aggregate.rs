//! What a window computes of its events.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value::MapAccessDeserializer},
};
use serde_json::json;

use crate::manifest::{
    Extract,
    bounds::{check_extract, within},
    error::ManifestError,
    mistakes::Mistakes,
};

/// The member of a result that has the least or the greatest value; what is kept stands beside it.
pub(crate) const VALUE: &str = "value";
/// Most quantiles of one aggregate.
const MAX_QUANTILES: u64 = 32;
/// Most items of `top`.
const MAX_ITEMS: u64 = 100;
/// Items of `top` where nothing else is said.
const DEFAULT_ITEMS: u32 = 10;

/// What is computed of a window's events: `count`, or something of a value in each.
#[derive(Debug, Clone, PartialEq)]
pub enum Aggregate {
    /// How many events there are.
    Count,
    /// Something of their values.
    Of(Box<AggregateOf>),
}

/// A computation over a value in each event. Exactly one of the fields from `sum` to `top` names it, with its place.
/// Events without such a value are left out and counted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AggregateOf {
    /// The sum. It is exact while all numbers are whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<Extract>,
    /// The least number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Extract>,
    /// The greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Extract>,
    /// The mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avg: Option<Extract>,
    /// The value of the event with the earliest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Extract>,
    /// The value of the event with the latest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Extract>,
    /// About how many different values there are, by HyperLogLog++.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<Extract>,
    /// Quantiles, within 1 % of their value, by DDSketch. `at` says which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<Extract>,
    /// About the most frequent values, with their counts. `size` says how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<Extract>,
    /// For `min` and `max`: places of values of the same event that the result has too, each with its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keep: BTreeMap<String, Extract>,
    /// For `quantiles`: those that are asked for, from 0 to 1. The default is 0.5, 0.9 and 0.99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Vec<f64>>,
    /// For `top`: the number of values, from 1 to 100. The default is 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
}

/// What is computed of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean.
    Avg,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// How many different ones.
    Distinct,
    /// Quantiles.
    Quantiles,
    /// The most frequent.
    Top,
}

impl AggregateOf {
    /// What is computed and of which place; none where it is not exactly one.
    pub fn measure(&self) -> Option<(Measure, &Extract)> {
        let fields = [
            (Measure::Sum, &self.sum),
            (Measure::Min, &self.min),
            (Measure::Max, &self.max),
            (Measure::Avg, &self.avg),
            (Measure::First, &self.first),
            (Measure::Last, &self.last),
            (Measure::Distinct, &self.distinct),
            (Measure::Quantiles, &self.quantiles),
            (Measure::Top, &self.top),
        ];
        let mut named = fields
            .into_iter()
            .filter_map(|(measure, place)| Some((measure, place.as_ref()?)));
        let first = named.next()?;
        named.next().is_none().then_some(first)
    }

    /// The quantiles that are asked for.
    pub fn quantiles_at(&self) -> Cow<'_, [f64]> {
        match &self.at {
            Some(at) => Cow::Borrowed(at),
            None => Cow::Borrowed(&[0.5, 0.9, 0.99]),
        }
    }

    /// How many of the most frequent values are asked for.
    pub fn items(&self) -> u32 {
        self.size.unwrap_or(DEFAULT_ITEMS)
    }

    fn check(&self, path: &str, found: &mut Mistakes) {
        let field = |name: &str| format!("{path}.{name}");
        let Some((measure, place)) = self.measure() else {
            let hint = "name one: count, sum, min, max, avg, first, last, distinct, quantiles or top";
            return found.push(ManifestError::new(path, hint));
        };
        found.note(check_extract(path, place));
        if !self.keep.is_empty() && !matches!(measure, Measure::Min | Measure::Max) {
            found.push(ManifestError::new(field("keep"), "only with `min` and `max`"));
        }
        found.note(within(&field("keep"), self.keep.len() as u64, 0, 16));
        for (name, place) in &self.keep {
            if name == VALUE {
                let hint = "`value` is the least or greatest value itself; choose another name";
                found.push(ManifestError::new(field(&format!("keep.{name}")), hint));
            }
            found.note(check_extract(&field(&format!("keep.{name}")), place));
        }
        match (&self.at, measure) {
            (Some(at), Measure::Quantiles) => found.note(check_quantiles(&field("at"), at)),
            (Some(_), _) => found.push(ManifestError::new(field("at"), "only with `quantiles`")),
            (None, _) => {}
        }
        match (self.size, measure) {
            (Some(size), Measure::Top) => {
                found.note(within(&field("size"), u64::from(size), 1, MAX_ITEMS));
            }
            (Some(_), _) => found.push(ManifestError::new(field("size"), "only with `top`")),
            (None, _) => {}
        }
    }
}

fn check_quantiles(path: &str, at: &[f64]) -> Result<(), ManifestError> {
    within(path, at.len() as u64, 1, MAX_QUANTILES)?;
    if let Some(wrong) = at.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        let hint = format!("{wrong} is no quantile; write 0.99 for that of 99 %");
        return Err(ManifestError::new(path, hint));
    }
    let is_twice = |(index, q): (usize, &f64)| at[..index].iter().any(|other| other.total_cmp(q).is_eq());
    match at.iter().enumerate().position(is_twice) {
        Some(index) => Err(ManifestError::new(path, format!("{} is there twice", at[index]))),
        None => Ok(()),
    }
}

impl Aggregate {
    /// Where the values of events are that it needs.
    pub fn places(&self) -> impl Iterator<Item = &Extract> {
        let of = match self {
            Self::Count => None,
            Self::Of(of) => of.measure().map(|(_, place)| (place, &of.keep)),
        };
        of.into_iter()
            .flat_map(|(place, keep)| std::iter::once(place).chain(keep.values()))
    }

    pub(super) fn check(&self, path: &str, found: &mut Mistakes) {
        if let Self::Of(of) = self {
            of.check(path, found);
        }
    }
}

impl Serialize for Aggregate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count => serializer.serialize_str("count"),
            Self::Of(of) => of.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Aggregate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Aggregate;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("`count`, or a map such as { sum: { json: /total } }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Aggregate, E> {
                match text {
                    "count" => Ok(Aggregate::Count),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Aggregate, A::Error> {
                let of = AggregateOf::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Aggregate::Of(Box::new(of)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Aggregate {
    fn schema_name() -> Cow<'static, str> {
        "Aggregate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let count = json!({ "const": "count", "description": "The number of events." });
        let of = generator.subschema_for::<AggregateOf>();
        let schema = json!({
            "description": "A computation over the events of a window: `count`, or one over a value in each.",
            "anyOf": [count, of],
        });
        schema.try_into().expect("an object is a schema")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(aggregate: &Aggregate) -> Vec<String> {
        let mut found = Mistakes::default();
        aggregate.check("a", &mut found);
        found.into_inner().into_iter().map(|error| error.path).collect()
    }

    #[test]
    fn a_count_is_a_word_and_the_rest_is_a_map() {
        let count: Aggregate = serde_json::from_str(r#""count""#).unwrap();
        assert_eq!(count, Aggregate::Count);
        assert!(serde_json::from_str::<Aggregate>(r#""sum""#).is_err());
        for (text, path) in [
            (r#"{"sum":{"json":"/a"}}"#, ""),
            (r#"{"max":{"json":"/a"},"keep":{"id":{"json":"/id"}}}"#, ""),
            (r#"{"quantiles":{"json":"/a"},"at":[0.5,1]}"#, ""),
            (r#"{"quantiles":{"json":"/a"},"at":[99]}"#, "a.at"),
            (r#"{"quantiles":{"json":"/a"},"at":[0.5,0.9,0.50]}"#, "a.at"),
            (
                r#"{"max":{"json":"/a"},"keep":{"value":{"json":"/b"}}}"#,
                "a.keep.value",
            ),
            (r#"{"top":{"json":"/a"},"size":0}"#, "a.size"),
            (r#"{"sum":{"json":"/a"},"size":3}"#, "a.size"),
            (r#"{"sum":{"json":"/a"},"keep":{"id":{"json":"/id"}}}"#, "a.keep"),
            (r#"{"sum":{"json":"/a"},"min":{"json":"/a"}}"#, "a"),
            (r#"{"sum":{"json":"a"}}"#, "a.json"),
            ("{}", "a"),
            (
                r#"{"sum":{"json":"a"},"keep":{"value":{"json":"/b"}},"at":[2],"size":0}"#,
                "a.json a.keep a.keep.value a.at a.size",
            ),
        ] {
            let aggregate: Aggregate = serde_json::from_str(text).unwrap();
            assert_eq!(wrong(&aggregate).join(" "), path, "{text}");
            let again = serde_json::to_string(&aggregate).unwrap();
            assert_eq!(serde_json::from_str::<Aggregate>(&again).unwrap(), aggregate);
        }
    }
}
