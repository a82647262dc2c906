//! Windows as a tenant declares them: what is aggregated over which stretches of event time. What a declaration must
//! hold is in [`super::window_rules`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    manifest::{Aggregate, Extract, defaults::is_default},
    name::Name,
    units::Span,
};

/// What a session lasts at most where nothing else is said.
const SESSION_MOST: Span = Span::from_millis(24 * 3_600_000);

/// A window aggregates the events that leave the last step, over stretches of event time. Its result is published on
/// `output.subject` when the watermark passes the end, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WindowManifest {
    /// The name of the input or the join whose events or rows are aggregated. Without it all events are. A pipeline
    /// with joins needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Name>,
    /// The stretches of time.
    pub over: StretchesManifest,
    /// Places of the values that divide events into groups, each with the name that it has in the result. At most 8
    /// are allowed. Without it events are grouped by their key, and the result has it as `key`. With `by: {}` all
    /// events are one group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<BTreeMap<String, Extract>>,
    /// Aggregates of the events, each with the name that it has in the result. There are 1 to 32 of them.
    pub aggregate: BTreeMap<String, Aggregate>,
    /// A window waits for so long after its end, in event time, for events that are late. The default is 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
    /// While a tumbling window is open, its result so far is published this often, in event time. Its member `result`
    /// is then `early`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early: Option<Span>,
    /// The treatment of events whose windows are all over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: LateForWindow,
}

impl WindowManifest {
    /// The places that divide events into groups, but for the key.
    pub fn places(&self) -> impl ExactSizeIterator<Item = (&String, &Extract)> {
        static NONE: BTreeMap<String, Extract> = BTreeMap::new();
        self.by.as_ref().unwrap_or(&NONE).iter()
    }

    /// The watermark from which on no window takes an event of this time, whatever other events come: then it is late
    /// for ever. A session may be open that it is a part of, so there it is the latest that any such one can end.
    pub fn takes_until_ms(&self, time_ms: u64) -> Option<u64> {
        let end_ms = match self.over.frame()? {
            Frame::Fixed { length_ms, every_ms } => (time_ms - time_ms % every_ms).saturating_add(length_ms),
            Frame::Session { gap_ms, most_ms } => time_ms.saturating_add(most_ms).saturating_add(gap_ms),
        };
        Some(end_ms.saturating_add(self.grace.map_or(0, Span::as_millis)))
    }
}

/// The stretches of time of a window. Exactly one of `tumbling`, `hopping` and `session` says their kind. Tumbling and
/// hopping windows begin at multiples of their length or step since 1970, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StretchesManifest {
    /// Windows of this length, one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tumbling: Option<Span>,
    /// Windows of this length, which begin every `every`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hopping: Option<Span>,
    /// The step of hopping windows. The length is a multiple of it, at most 1,500 times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// Events of a group belong to one session until there is none for this long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Span>,
    /// The longest time from a session's first event to its last. The default is 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Span>,
}

/// The treatment of events whose windows are all over, and of those whose time is not believed. They are counted in
/// each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LateForWindow {
    /// They are left out.
    #[default]
    Drop,
    /// They become dead letters, unless another window of the pipeline takes them. The code is `late`, or `ahead`
    /// where the time is not believed.
    DeadLetter,
    /// A window publishes its result at its end, and once more for each event that comes within `grace`. The member
    /// `result` is `final`, then `corrected`. Later events are left out. It needs `grace`, and is for tumbling and
    /// hopping windows.
    Correct,
}

/// The kind of a window, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// Windows of a length, one every so often. Tumbling ones are as long as their step.
    Fixed {
        /// In milliseconds.
        length_ms: u64,
        /// In milliseconds.
        every_ms: u64,
    },
    /// Until there is nothing for so long.
    Session {
        /// In milliseconds.
        gap_ms: u64,
        /// From the first event to the last.
        most_ms: u64,
    },
}

impl StretchesManifest {
    /// None where it does not say exactly one kind.
    pub fn frame(&self) -> Option<Frame> {
        match (self.tumbling, self.hopping, self.session) {
            (Some(length), None, None) => Some(Frame::Fixed {
                length_ms: length.as_millis(),
                every_ms: length.as_millis(),
            }),
            (None, Some(length), None) => Some(Frame::Fixed {
                length_ms: length.as_millis(),
                every_ms: self.every?.as_millis(),
            }),
            (None, None, Some(gap)) => Some(Frame::Session {
                gap_ms: gap.as_millis(),
                most_ms: self.at_most.unwrap_or(SESSION_MOST).as_millis(),
            }),
            _ => None,
        }
    }
}
