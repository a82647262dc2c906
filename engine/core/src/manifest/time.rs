//! Where the time of an event is, and how it is written there.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
    ser::Error as _,
};
use tailrace_time::Unit;

use crate::manifest::{Extract, defaults::is_default};

/// The place of an event's time, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeManifest {
    /// Where it is.
    pub place: Extract,
    /// What a number counts.
    pub unit: TimeUnit,
    /// What becomes of an event whose time does not read.
    pub on_unreadable: OnUnreadable,
}

/// The unit of a number that is a time, counted from 1970 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    #[default]
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

/// The treatment of an event that has a time which the engine cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnreadable {
    /// The event becomes a dead letter with the code `unreadable-time`.
    Reject,
    /// The event gets the time at which the broker received it. It is counted, and the status shows an example.
    #[default]
    ReceiveTime,
}

/// The time of an event. Exactly one of `json`, `header`, `subject-token` and `cloudevent` names its place. It is RFC 3339 text
/// with any offset, such as `2026-11-01T00:00:00+02:00`, or a number. An event without a time has the time at which
/// the broker received it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", rename = "TimeManifest")]
#[schemars(rename = "TimeManifest")]
struct Written {
    /// A JSON pointer into the payload: `/ts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<String>,
    /// A header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// A token of the subject, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject_token: Option<u32>,
    /// An attribute of a CloudEvent: `time`. It needs `input.cloudevents`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cloudevent: Option<String>,
    /// The unit of a number.
    #[serde(default, skip_serializing_if = "is_default")]
    unit: TimeUnit,
    /// The treatment of an event whose time does not read.
    #[serde(default, skip_serializing_if = "is_default")]
    on_unreadable: OnUnreadable,
}

impl TimeUnit {
    /// As the parser takes it.
    pub fn parsed_as(self) -> Unit {
        match self {
            Self::S => Unit::S,
            Self::Ms => Unit::Ms,
            Self::Us => Unit::Us,
            Self::Ns => Unit::Ns,
        }
    }
}

impl From<Extract> for TimeManifest {
    fn from(place: Extract) -> Self {
        Self {
            place,
            unit: TimeUnit::default(),
            on_unreadable: OnUnreadable::default(),
        }
    }
}

impl Serialize for TimeManifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut written = Written {
            json: None,
            header: None,
            subject_token: None,
            cloudevent: None,
            unit: self.unit,
            on_unreadable: self.on_unreadable,
        };
        match self.place.clone() {
            // As it was written: there is no other way to write it.
            Extract::Subject => return serializer.serialize_str(SUBJECT),
            Extract::Json(pointer) => written.json = Some(pointer),
            Extract::Header(name) => written.header = Some(name),
            Extract::SubjectToken(token) => written.subject_token = Some(token),
            Extract::Cloudevent(name) => written.cloudevent = Some(name),
            Extract::FirstOf(_) => return Err(S::Error::custom("a time has one place")),
        }
        written.serialize(serializer)
    }
}

/// The whole subject as a time: a pipeline may have said so before there were units.
const SUBJECT: &str = "subject";

impl<'de> Deserialize<'de> for TimeManifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = TimeManifest;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the place of a time, as in { json: /ts, unit: ms }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<TimeManifest, E> {
        match word {
            SUBJECT => Ok(Extract::Subject.into()),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TimeManifest, A::Error> {
        let written = Written::deserialize(MapAccessDeserializer::new(map))?;
        let places = [
            written.json.map(Extract::Json),
            written.header.map(Extract::Header),
            written.subject_token.map(Extract::SubjectToken),
            written.cloudevent.map(Extract::Cloudevent),
        ];
        let mut given = places.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(place), None) => Ok(TimeManifest {
                place,
                unit: written.unit,
                on_unreadable: written.on_unreadable,
            }),
            _ => Err(A::Error::custom(
                "say in one way where the time is: json, header, subject-token or cloudevent",
            )),
        }
    }
}

impl JsonSchema for TimeManifest {
    fn schema_name() -> Cow<'static, str> {
        Written::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_alone_means_what_it_always_meant() {
        for (text, place) in [
            (r#"{"json":"/ts"}"#, Extract::Json("/ts".into())),
            (r#"{"header":"At"}"#, Extract::Header("At".into())),
            (r#"{"subject-token":3}"#, Extract::SubjectToken(3)),
            (r#"{"cloudevent":"time"}"#, Extract::Cloudevent("time".into())),
            (r#""subject""#, Extract::Subject),
        ] {
            let read: TimeManifest = serde_json::from_str(text).unwrap();
            assert_eq!(read, place.into(), "{text}");
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }

    #[test]
    fn a_unit_and_a_treatment_are_said_beside_the_place() {
        let text = r#"{"json":"/ts","unit":"us","on-unreadable":"reject"}"#;
        let read: TimeManifest = serde_json::from_str(text).unwrap();
        assert_eq!(
            (read.unit, read.on_unreadable),
            (TimeUnit::Us, OnUnreadable::Reject)
        );
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for (text, word) in [
            (r#"{"unit":"s"}"#, "json, header, subject-token or cloudevent"),
            (r#"{"json":"/ts","header":"At"}"#, "in one way"),
            (r#"{"json":"/ts","unit":"minutes"}"#, "minutes"),
            (r#"{"json":"/ts","zone":"UTC"}"#, "zone"),
            (r#""/ts""#, "{ json: /ts, unit: ms }"),
            ("5", "{ json: /ts, unit: ms }"),
        ] {
            let error = serde_json::from_str::<TimeManifest>(text)
                .unwrap_err()
                .to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
