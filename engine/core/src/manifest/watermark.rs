//! How a pipeline's event-time clock moves (see [`crate::watermark`]).

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    manifest::{
        Extract,
        bounds::{check_extract, within_time},
        defaults::is_default,
        error::ManifestError,
    },
    units::Span,
};

/// Longest time that a field here may say: a year and a day of leap.
const LONGEST_MS: u64 = 366 * 24 * 3_600_000;
/// Shortest silence that counts as one: the broker is asked every few seconds.
const SHORTEST_IDLE_MS: u64 = 1_000;
/// Longest silence that can be asked for.
const LONGEST_IDLE_MS: u64 = 24 * 3_600_000;

/// The rules of the watermark, the pipeline's clock in event time. State, duplicates, windows and alarms follow it.
/// It is the latest event time less `delay`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WatermarkManifest {
    /// Events may be out of order by this much, from 0s to 366d. The default is 5s. An event that is behind the watermark is late.
    #[serde(skip_serializing_if = "is_default")]
    pub delay: Delay,
    /// The place of the name of an event's source. Each source has a clock of its own, and the watermark follows the
    /// one that is furthest behind. At most 64 sources have a clock; further ones share one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Extract>,
    /// A source that is further behind the first one than this is not waited for, from 0s to 366d. The
    /// default is 10m.
    #[serde(skip_serializing_if = "is_default")]
    pub lag: Lag,
    /// An event time is not believed if it is later than the broker's receive time by more than this, from 0s to
    /// 366d. The default is 5m. It then moves no clock. `any` believes every time.
    #[serde(skip_serializing_if = "is_default")]
    pub ahead: Ahead,
    /// The partitions of the pipeline whose output stream is read, as sources. It has no effect on another stream, beside
    /// `per`, and on named inputs.
    #[serde(skip_serializing_if = "is_default")]
    pub upstream: Upstream,
    /// The behaviour of the watermark while no events come.
    #[serde(skip_serializing_if = "is_default")]
    pub idle: IdleManifest,
    /// The treatment of late events, and of events whose time is not believed. They are always counted.
    #[serde(skip_serializing_if = "is_default")]
    pub late: Late,
}

/// Declares a duration with a default of its own.
macro_rules! span {
    ($(#[$doc:meta])+ $name:ident = $millis:expr) => {
        $(#[$doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Span);

        impl Default for $name {
            fn default() -> Self {
                Self(Span::from_millis($millis))
            }
        }
    };
}

span! {
    /// Disorder that is waited for. The default is 5s.
    Delay = 5_000
}
span! {
    /// How far behind a source is waited for. The default is 10m.
    Lag = 600_000
}
span! {
    /// Silence after which a quiet input is idle. The default is 30s.
    IdleAfter = 30_000
}

/// How far ahead of the broker's receive time an event time is believed. The default is 5m.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// By so much.
    Within(Span),
    /// However far.
    Any,
}

/// The partitions of the pipeline whose output stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Upstream {
    /// Each of them is a source: the watermark waits for how far the partition said that it was.
    #[default]
    Bound,
    /// Only the times of events count.
    Ignore,
}

/// The watermark while the broker has no event that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct IdleManifest {
    /// The input is idle after this long without an event, from 1s to 24h. The default is 30s.
    #[serde(skip_serializing_if = "is_default")]
    pub after: IdleAfter,
    /// The watermark of an idle input.
    #[serde(skip_serializing_if = "is_default")]
    pub advance: Advance,
}

/// The watermark of an idle input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Advance {
    /// It goes on as fast as the wall clock.
    #[default]
    Pace,
    /// It stands still.
    Hold,
}

/// The treatment of late events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Late {
    /// They are processed like others.
    #[default]
    Process,
    /// They become dead letters with the code `late`, or `ahead` where the time is not believed.
    DeadLetter,
    /// They are dropped.
    Drop,
}

impl WatermarkManifest {
    /// How far ahead of the watermark the events are that move it.
    pub(super) fn reach_ms(&self, has_sources: bool) -> u64 {
        let lag_ms = if has_sources { self.lag.0.as_millis() } else { 0 };
        self.delay.0.as_millis().saturating_add(lag_ms)
    }
}

impl Default for Ahead {
    fn default() -> Self {
        Self::Within(Span::from_millis(300_000))
    }
}

impl Ahead {
    /// In milliseconds; none where every time is believed.
    pub fn as_millis(self) -> Option<u64> {
        match self {
            Self::Within(span) => Some(span.as_millis()),
            Self::Any => None,
        }
    }
}

/// As it is written.
const ANY: &str = "any";

impl Serialize for Ahead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Within(span) => span.serialize(serializer),
            Self::Any => serializer.serialize_str(ANY),
        }
    }
}

impl<'de> Deserialize<'de> for Ahead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        if text == ANY {
            return Ok(Self::Any);
        }
        let wrong = |_| D::Error::custom(format!("{text:?} is no duration: write 5m, or any"));
        Span::from_str(&text).map(Self::Within).map_err(wrong)
    }
}

impl JsonSchema for Ahead {
    fn schema_name() -> Cow<'static, str> {
        "Ahead".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How far ahead of the broker's receive time an event time is believed: a duration, or `any`.",
            "type": "string",
            "examples": ["5m", "any"]
        })
    }
}

/// Checks what was parsed.
pub(super) fn check(watermark: &WatermarkManifest) -> Result<(), ManifestError> {
    let at = |field: &str| format!("input.watermark.{field}");
    within_time(&at("delay"), watermark.delay.0.as_millis(), 0, LONGEST_MS)?;
    within_time(&at("lag"), watermark.lag.0.as_millis(), 0, LONGEST_MS)?;
    within_time(
        &at("ahead"),
        watermark.ahead.as_millis().unwrap_or(0),
        0,
        LONGEST_MS,
    )?;
    within_time(
        &at("idle.after"),
        watermark.idle.after.0.as_millis(),
        SHORTEST_IDLE_MS,
        LONGEST_IDLE_MS,
    )?;
    watermark
        .per
        .as_ref()
        .map_or(Ok(()), |per| check_extract(&at("per"), per))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_a_default_and_is_not_written() {
        let read: WatermarkManifest = serde_json::from_str("{}").unwrap();
        assert_eq!(read.delay.0.as_millis(), 5_000);
        assert_eq!(read.lag.0.as_millis(), 600_000);
        assert_eq!(read.ahead.as_millis(), Some(300_000));
        assert_eq!(read.idle.after.0.as_millis(), 30_000);
        assert_eq!((read.idle.advance, read.late), (Advance::Pace, Late::Process));
        assert_eq!(read.upstream, Upstream::Bound);
        assert_eq!(serde_json::to_string(&read).unwrap(), "{}");
    }

    #[test]
    fn all_of_it_is_read_and_written_again() {
        let text = r#"{"delay":"0s","per":{"subject-token":3},"lag":"1h","ahead":"any","upstream":"ignore","idle":{"after":"1m","advance":"hold"},"late":"dead-letter"}"#;
        let read: WatermarkManifest = serde_json::from_str(text).unwrap();
        check(&read).unwrap();
        assert_eq!(read.ahead, Ahead::Any);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn what_cannot_be_is_refused_where_it_is_written() {
        for (text, path) in [
            (r#"{"delay":"400d"}"#, "input.watermark.delay"),
            (r#"{"lag":"400d"}"#, "input.watermark.lag"),
            (r#"{"ahead":"400d"}"#, "input.watermark.ahead"),
            (r#"{"idle":{"after":"10ms"}}"#, "input.watermark.idle.after"),
            (
                r#"{"per":{"subject-token":0}}"#,
                "input.watermark.per.subject-token",
            ),
        ] {
            let read: WatermarkManifest = serde_json::from_str(text).unwrap();
            assert_eq!(check(&read).unwrap_err().path, path, "{text}");
        }
        for text in [
            r#"{"ahead":"soon"}"#,
            r#"{"late":"never"}"#,
            r#"{"idle":{"advance":"jump"}}"#,
            r#"{"upstream":"maybe"}"#,
        ] {
            assert!(serde_json::from_str::<WatermarkManifest>(text).is_err(), "{text}");
        }
    }
}
