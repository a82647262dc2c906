//! Windowed and grouped sketches: by windows of event time, by a group, or by both. Each part is a sketch of
//! its own, a [`Series`]; what is asked for is merged when it is asked for.
//!
//! An event goes into two series of a windowed sketch, that of all time and that of its window, and
//! into two more of none: what holds for all groups together is merged from the groups.
//!
//! Bounds, all of a partition: the windows of a sketch are [`WindowRule::most_windows`], whatever times its
//! events bear, and its groups are those that it declares and two more. What becomes of a window is a
//! function of the committed events: it goes when the partition's event-time clock has passed its end by what
//! is kept, or when newer windows need its slot.
//!
//! Why: docs/decisions/0047-sketches-as-base-and-log.md

use serde::{Deserialize, Serialize};

/// Windows kept beyond those of the time that is kept: room for false dates ahead of the clock, and
/// for those behind it that have not ended yet.
const SPARE_WINDOWS: u64 = 100;

/// A group's value longer than this is cut, with a hash of the rest: it is part of a key on disk.
pub const MAX_GROUP_BYTES: usize = 128;

/// A part of a sketch that is grouped `by` something. The two that are no value cannot collide with one: they
/// are of another kind, wherever they are written.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[schemars(rename = "SketchGroup")]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Of events with this value.
    Value(String),
    /// Of events whose value came when the sketch had as many groups as it may.
    Other,
    /// Of events without a value.
    Missing,
}

/// A stretch of event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Its first millisecond, a multiple of its length.
    pub start_ms: u64,
    /// How long it is.
    pub length_ms: u64,
}

/// Which part of a sketch: none stands for all time, and for a sketch that is not grouped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Series {
    /// Of this window, or of all time.
    pub window: Option<Window>,
    /// Of this group.
    pub group: Option<Group>,
}

/// How a sketch is windowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowRule {
    /// Length of a window; never 0.
    pub length_ms: u64,
    /// For how long a window is kept after its end.
    pub keep_ms: u64,
}

impl WindowRule {
    /// The beginning of the window that a time lies in.
    pub fn start(&self, time_ms: u64) -> u64 {
        time_ms - time_ms % self.length_ms.max(1)
    }

    /// Windows that begin before this are gone when the clock says `clock_ms`.
    pub fn floor(&self, clock_ms: u64) -> u64 {
        self.start(clock_ms.saturating_sub(self.keep_ms))
    }

    /// Whether a window that begins here is gone when the clock says `clock_ms`.
    pub fn is_gone(&self, start_ms: u64, clock_ms: u64) -> bool {
        start_ms < self.floor(clock_ms)
    }

    /// Most windows that a partition holds.
    pub fn most_windows(&self) -> u64 {
        self.keep_ms.div_ceil(self.length_ms.max(1)) + 1 + SPARE_WINDOWS
    }
}

/// What is asked of a windowed or grouped sketch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeQuery {
    /// Which windows; all time where none are asked for.
    pub windows: Option<WindowSpan>,
    /// Which groups, and whether each by itself.
    pub groups: Groups,
}

/// Windows of one length, from the first that begins at `from_ms` to the last that ends at `to_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSpan {
    /// Length of a window.
    pub length_ms: u64,
    /// Beginning, a border of windows.
    pub from_ms: u64,
    /// End, a border of windows.
    pub to_ms: u64,
}

/// Which groups are asked for. All together is the least of them in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Groups {
    /// All, merged.
    #[default]
    Together,
    /// Each by itself.
    Each,
    /// One.
    One(Group),
}

impl RangeQuery {
    /// Whether a series is part of the answer.
    pub fn takes(&self, series: &Series) -> bool {
        let in_time = match (self.windows, series.window) {
            (None, None) => true,
            (Some(span), Some(window)) => {
                window.length_ms == span.length_ms && (span.from_ms..span.to_ms).contains(&window.start_ms)
            }
            _ => false,
        };
        let in_groups = match &self.groups {
            Groups::Together | Groups::Each => true,
            Groups::One(group) => series.group.as_ref() == Some(group),
        };
        in_time && in_groups
    }
}

/// What a partition holds of a sketch's windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The partition's event-time clock as of the last commit that told it.
    pub clock_ms: u64,
    /// Beginning of the oldest window; the end of time without any.
    pub begin_ms: u64,
    /// End of the newest window; 0 without any.
    pub end_ms: u64,
    /// Windows that begin here or later are whole; of earlier ones, some are gone or lack events that
    /// came too late.
    pub whole_from_ms: u64,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            clock_ms: 0,
            begin_ms: u64::MAX,
            end_ms: 0,
            whole_from_ms: 0,
        }
    }
}

impl Held {
    /// What two partitions hold together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            clock_ms: self.clock_ms.max(other.clock_ms),
            begin_ms: self.begin_ms.min(other.begin_ms),
            end_ms: self.end_ms.max(other.end_ms),
            whole_from_ms: self.whole_from_ms.max(other.whole_from_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: WindowRule = WindowRule {
        length_ms: 60_000,
        keep_ms: 150_000,
    };

    #[test]
    fn a_window_is_kept_until_the_clock_has_passed_its_end_by_what_is_kept() {
        let end_ms = 600_000;
        let start_ms = RULE.start(end_ms - 1);
        assert_eq!(start_ms, 540_000);
        assert!(!RULE.is_gone(start_ms, 0) && !RULE.is_gone(start_ms, end_ms + 149_999));
        assert!(RULE.is_gone(start_ms, end_ms + 150_000));
    }

    #[test]
    fn times_at_both_ends_have_a_window() {
        assert!(!RULE.is_gone(RULE.start(0), 0));
        assert_eq!(RULE.start(u64::MAX) % 60_000, 0);
        assert!(!RULE.is_gone(RULE.start(u64::MAX), u64::MAX));
        assert_eq!(RULE.most_windows(), 3 + 1 + 100);
    }

    #[test]
    fn a_slice_takes_its_windows_and_groups_only() {
        let series = |start_ms: Option<u64>, group: &str| Series {
            window: start_ms.map(|start_ms| Window {
                start_ms,
                length_ms: 60_000,
            }),
            group: Some(Group::Value(group.to_owned())),
        };
        let span = WindowSpan {
            length_ms: 60_000,
            from_ms: 60_000,
            to_ms: 180_000,
        };
        let windows = RangeQuery {
            windows: Some(span),
            groups: Groups::One(Group::Value("en".to_owned())),
        };
        assert!(windows.takes(&series(Some(60_000), "en")) && windows.takes(&series(Some(120_000), "en")));
        assert!(!windows.takes(&series(Some(0), "en")) && !windows.takes(&series(Some(180_000), "en")));
        assert!(!windows.takes(&series(None, "en")) && !windows.takes(&series(Some(60_000), "de")));
        let all_time = RangeQuery {
            windows: None,
            groups: Groups::Together,
        };
        assert!(all_time.takes(&series(None, "de")) && !all_time.takes(&series(Some(0), "de")));
    }
}
