//! Joins as a tenant declares them: which two inputs meet, and how far apart their events may be; or which table an
//! input looks rows up in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{manifest::defaults::is_default, name::Name, units::Span};

/// A join puts each event of one input together with the events of another that have the same value and are near in
/// event time. With a table, it puts each event together with the row that the table has for the value at the moment.
/// Each row is published on `output.subject`. Its payload is `{"join": …, "key": …, "left": …, "right": …}`,
/// with the two payloads, which are JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JoinManifest {
    /// The name of one input.
    pub left: Name,
    /// The name of the other input, or of a table.
    pub right: Name,
    /// The places of the values that must be the same. Without it they are the keys of the events. In a pipeline of
    /// several partitions each must be the place of its input's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<JoinOnManifest>,
    /// How far apart in event time two events may be. A join with a table has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<WithinManifest>,
    /// The rows that are published.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: JoinKind,
    /// A join keeps an event for so long after the watermark says that no partner can come, for partners that are
    /// late. The default is 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
}

/// The places of the values that must be the same: JSON pointers into the payloads, after the steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JoinOnManifest {
    /// In an event of the left input.
    pub left: String,
    /// In an event of the right input. A table has none: its rows are found by their keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
}

/// How far apart in event time two events of a join may be. At least one of the two is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WithinManifest {
    /// The right event may be before the left one by this much. The default is 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
    /// The right event may be after the left one by this much. The default is 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
}

/// The rows that a join publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JoinKind {
    /// Pairs only.
    #[default]
    Inner,
    /// Pairs, and each left event without a partner. Its row has `"right": null`, and leaves when no partner can come
    /// any more. With a table it leaves at once.
    Left,
    /// Pairs, and each event of either input without a partner.
    Full,
}

/// Which of the two inputs of a join an event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JoinSide {
    /// The left one.
    Left,
    /// The right one.
    Right,
}

impl JoinSide {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

impl JoinManifest {
    /// The input of a side.
    pub fn input(&self, side: JoinSide) -> &Name {
        match side {
            JoinSide::Left => &self.left,
            JoinSide::Right => &self.right,
        }
    }

    /// The place of the value on a side; none where it is the key.
    pub fn on(&self, side: JoinSide) -> Option<&str> {
        let on = self.on.as_ref()?;
        match side {
            JoinSide::Left => Some(&on.left),
            JoinSide::Right => on.right.as_deref(),
        }
    }

    /// Whether an event of a side has a row of its own where it has no partner.
    pub fn tells_alone(&self, side: JoinSide) -> bool {
        match self.kind {
            JoinKind::Inner => false,
            JoinKind::Left => side == JoinSide::Left,
            JoinKind::Full => true,
        }
    }

    /// The first and the last time that a partner of an event can have, in milliseconds.
    pub fn partners(&self, side: JoinSide, time_ms: u64) -> (u64, u64) {
        let within = self.within.unwrap_or_default();
        let [before_ms, after_ms] = [within.before, within.after].map(|span| span.map_or(0, Span::as_millis));
        let (before_ms, after_ms) = match side {
            JoinSide::Left => (before_ms, after_ms),
            JoinSide::Right => (after_ms, before_ms),
        };
        (
            time_ms.saturating_sub(before_ms),
            time_ms.saturating_add(after_ms),
        )
    }

    /// Up to when an event of this time is kept for partners, in milliseconds.
    pub fn kept_until_ms(&self, side: JoinSide, time_ms: u64) -> u64 {
        let (_, last_ms) = self.partners(side, time_ms);
        last_ms.saturating_add(self.grace.map_or(0, Span::as_millis))
    }
}
